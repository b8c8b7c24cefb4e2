/** A sweep: many trainings of one job that differ in parameters, the best of which is published. */
import * as z from 'zod';
import { TRAINING_STATUSES, jobErrorSchema, metricsSchema, progressSchema, usageSchema } from './training.ts';

export const MAX_TRIALS = 256;
export const DEFAULT_TRIALS = 16;

const rangeSchema = z
  .strictObject({
    min: z.number(),
    max: z.number(),
    scale: z.enum(['linear', 'log']).default('linear'),
    integer: z.boolean().default(false),
  })
  .refine(({ min, max }) => min < max, 'expected "min" below "max"')
  .refine(({ min, scale }) => scale === 'linear' || min > 0, 'a log scale needs a "min" above 0')
  .refine(
    ({ min, max, integer }) => !integer || Math.ceil(min) <= Math.floor(max),
    'no whole number lies in the range',
  );

export type SweepRange = z.infer<typeof rangeSchema>;

export const sweepSchema = z
  .strictObject({
    strategy: z
      .enum(['grid', 'random', 'halving'])
      .describe('grid: every combination; random: max_trials of them; halving: random, the worse trials ending early.'),
    parameters: z
      .record(
        z.string().regex(/^[^.]+(\.[^.]+)*$/, 'expected a path below params, such as optimizer.adam.learning_rate'),
        z.union([z.array(z.unknown()).min(1).max(1000), rangeSchema], {
          error: 'expected a list of values, or {"min", "max", "scale"?: "linear|log", "integer"?}',
        }),
      )
      .refine((parameters) => Object.keys(parameters).length > 0, 'expected at least one parameter to vary')
      .refine((parameters) => Object.keys(parameters).length <= 20, 'expected at most 20 parameters to vary'),
    max_trials: z
      .number()
      .int()
      .min(1)
      .max(MAX_TRIALS)
      .optional()
      .describe(`Default: the whole grid, or ${DEFAULT_TRIALS}.`),
    max_parallel: z.number().int().min(1).max(64).default(4),
    metric: z
      .string()
      .optional()
      .describe('What the best is best by. Default: validation_accuracy, validation_rmse or inertia, by the task.'),
    factor: z
      .number()
      .int()
      .min(2)
      .max(10)
      .optional()
      .describe('halving: one in so many goes on, for so many times the epochs. Default 2.'),
  })
  .superRefine(({ strategy, factor, parameters }, context) => {
    if (factor !== undefined && strategy !== 'halving')
      context.addIssue({
        code: 'custom',
        path: ['factor'],
        message: `is for the strategy halving, not for ${strategy}`,
      });
    for (const [name, values] of Object.entries(parameters))
      for (const { path, message } of wrongWith(name, values, Object.keys(parameters)))
        context.addIssue({ code: 'custom', path: ['parameters', name, ...path], message });
  });

/** What a parameter of a sweep says twice. */
function wrongWith(name: string, values: unknown, names: readonly string[]): { path: number[]; message: string }[] {
  const above = names.find((other) => name.startsWith(`${other}.`));
  if (above !== undefined)
    return [{ path: [], message: `lies below "${above}", which is varied too: vary one of the two` }];
  if (!Array.isArray(values)) return [];
  const texts = values.map((value) => JSON.stringify(value));
  const again = texts.findIndex((text, i) => texts.indexOf(text) < i);
  return again === -1 ? [] : [{ path: [again], message: `${texts[again]!} stands twice: every value is tried once` }];
}

export type Sweep = z.infer<typeof sweepSchema>;

export const trialSchema = z.object({
  id: z.string(),
  params: z.record(z.string(), z.unknown()).describe('The varied parameters by their path.'),
  status: z.enum(TRAINING_STATUSES),
  progress: progressSchema,
  metrics: z.object({ train: metricsSchema, validation: metricsSchema }),
  usage: usageSchema,
  error: jobErrorSchema.optional(),
});

export type Trial = z.infer<typeof trialSchema>;
