/** What a model card says of a model over all its rows, and the fairness figures that a job can ask for. */
import * as z from 'zod';

const label = z.union([z.string(), z.number(), z.boolean()]);

export const fairnessQuestionSchema = z.strictObject({
  column: z.string().describe('The sensitive column; it need not be a feature.'),
  facet: label.describe('The value whose rows may be at a disadvantage; all others are compared with it.'),
  favorable: label.describe('The label that is wished for.'),
  group: z
    .string()
    .optional()
    .describe('A column whose values make groups: the conditional disparities CDDL and CDDPL are taken within them.'),
});

const measures = z.record(z.string(), z.union([z.number(), z.string(), z.null()]));

export const fairnessSchema = z.object({
  ...fairnessQuestionSchema.shape,
  before_training: measures.describe(
    'rows, CI, DPL, KL, JS, LP, TVD, KS and CDDL of the labels, named as by SageMaker Clarify.',
  ),
  after_training: measures.describe(
    'rows, from, DPPL, DI, DCAcc, DCR, SD, RD, DAR, DRR, AD, TE, GE, FT and CDDPL of the predictions.',
  ),
});

export const overviewSchema = z.object({
  rows: z.object({ from: z.enum(['validation', 'training']), count: z.number().int() }),
  budget_seconds: z.number(),
  measure: z.enum(['accuracy', 'negative_rmse']).optional(),
  importance: z
    .array(z.object({ feature: z.string(), mean: z.number(), low: z.number(), high: z.number() }))
    .optional()
    .describe(
      'How much the measure falls when a feature, a patch of an image or sequence such as image[4:8, 0:4], or a number of every step such as walk[:, 2:3], is shuffled, with a 95 % interval.',
    ),
  partial_dependence: z
    .array(
      z.object({
        feature: z.string(),
        values: z.array(z.union([z.number(), z.string()])),
        outputs: z.array(z.array(z.number())),
      }),
    )
    .optional(),
  confusion: z
    .object({ labels: z.array(label), counts: z.array(z.array(z.number().int())) })
    .optional()
    .describe('Of rows, or of steps where each has a label.'),
  worst_rows: z
    .array(
      z.object({
        row: z.number().int(),
        step: z.number().int().optional().describe('Where each step has a label: the worst of the row.'),
        label,
        predicted: label,
        probability: z.number(),
      }),
    )
    .optional(),
  left_out: z.array(z.string()).describe('What the budget did not allow, and what there is none of.'),
});
