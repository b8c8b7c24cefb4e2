/** The parameters of `logistic_regression`, under scikit-learn's names, and what they need of the data. */
import * as z from 'zod';

export const logisticParams = z.strictObject({
  C: z.number().positive().default(1).describe('Inverse weight of the penalty: smaller is simpler.'),
  penalty: z
    .enum(['l2', 'l1', 'none'])
    .default('l2')
    .describe('Of the squared (l2) or absolute (l1) coefficients; l1 makes some of them exactly zero.'),
  fit_intercept: z.boolean().default(true).describe('Learn constant terms.'),
  class_weight: z
    .union([z.literal('balanced'), z.record(z.string(), z.number().positive())])
    .nullable()
    .default(null)
    .describe('Weight of a row by its class; "balanced" gives every class the same total.'),
  max_iter: z.number().int().min(1).max(100_000).default(1000),
  tol: z
    .number()
    .positive()
    .default(1e-9)
    .describe('Ends at gradients (of the mean loss, by scaled coefficients) below this.'),
});

export type LogisticParams = z.infer<typeof logisticParams>;
