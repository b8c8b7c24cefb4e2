/** The parameters of `svm`, under scikit-learn's names for SVC and SVR, and what they need of the data. */
import * as z from 'zod';
import { ServiceError } from '../../errors.ts';
import { checkWeights } from '../class-weight.ts';
import type { DataShape } from '../contract.ts';

export const svmParams = z.strictObject({
  C: z
    .number()
    .positive()
    .default(1)
    .describe('Cost of a violated margin: higher fits the training rows more closely.'),
  kernel: z.enum(['linear', 'poly', 'rbf', 'sigmoid']).default('rbf'),
  gamma: z
    .union([z.enum(['scale', 'auto']), z.number().positive()], {
      error: 'expected "scale" (1 over columns times variance), "auto" (1 over columns) or a number above 0',
    })
    .default('scale')
    .describe('Of rbf, poly and sigmoid.'),
  degree: z.number().int().min(0).max(100).default(3).describe('Of poly.'),
  coef0: z.number().default(0).describe('Of poly and sigmoid.'),
  epsilon: z.number().min(0).default(0.1).describe('Regression: errors up to this cost nothing.'),
  tol: z
    .number()
    .positive()
    .default(1e-3)
    .describe('Ends when no pair of rows violates the optimality conditions by more.'),
  max_iter: z
    .number()
    .int()
    .min(-1)
    .refine((value) => value !== 0, 'expected -1 (no limit) or a number of steps above 0')
    .default(-1)
    .describe('Steps per binary problem; -1 is no limit.'),
  class_weight: z
    .union([z.literal('balanced'), z.record(z.string(), z.number().positive())], {
      error: 'expected "balanced" or an object of a weight above 0 by label',
    })
    .nullable()
    .default(null)
    .describe('Multiplies C by class; "balanced" gives every class the same total.'),
  probability: z
    .boolean()
    .default(false)
    .describe('Classification: probabilities by Platt scaling over five folds, at six times the cost.'),
});

export type SvmParams = z.infer<typeof svmParams>;

/** Every pair of classes is a problem of its own. */
const MAX_CLASSES = 100;

export function checkSvm(params: SvmParams, { task, classes, labels }: DataShape): void {
  if (task === 'classification') {
    checkWeights(params, labels);
    if (classes === undefined || classes <= MAX_CLASSES) return;
    const message = `svm tells at most ${MAX_CLASSES} classes apart, the target has ${classes}: choose logistic_regression`;
    throw new ServiceError('invalid_request', message, { param: '/target' });
  }
  for (const name of ['probability', 'class_weight'] as const) {
    if (params[name] === false || params[name] === null) continue;
    throw new ServiceError('invalid_request', `${name} is for classification: leave it out of a regression`, {
      param: `/params/${name}`,
    });
  }
}
