/** Training jobs, their events, and the body that makes one. `params` is checked by the family, not here. */
import * as z from 'zod';
import { nameSchema, timeSchema } from './common.ts';
import { sweepSchema, trialSchema } from './sweep.ts';
import type { Trial } from './sweep.ts';
import { TRAINING_STATUSES, jobErrorSchema, metricsSchema, progressSchema, usageSchema } from './training.ts';
import { webhookDeliverySchema, webhookSchema } from './webhook.ts';
import { fairnessQuestionSchema } from './overview.ts';

export const TASKS = ['regression', 'classification', 'clustering', 'forecasting', 'language_modelling'] as const;

const textSchema = z
  .strictObject({
    tokens: z.enum(['word', 'character']).optional(),
    max_tokens: z.number().int().min(3).max(100_000).optional(),
    max_length: z.number().int().min(1).max(4096).optional(),
    lowercase: z.boolean().optional(),
  })
  .describe(
    'Text features: words by default (in a language model characters), 10,000 tokens, 128 words or 256 characters a row.',
  );

export const createJobSchema = z.strictObject({
  name: nameSchema.describe("The model's name: a succeeded job becomes its next version."),
  task: z.preprocess((task) => (task === 'language_modeling' ? 'language_modelling' : task), z.enum(TASKS)),
  family: z.string(),
  dataset: z.string(),
  target: z.string().optional(),
  features: z
    .array(z.string())
    .min(1)
    .optional()
    .describe('Columns to learn from; by default every column but the target.'),
  params: z.record(z.string(), z.unknown()).default({}),
  preprocessing: z
    .strictObject({
      standardize: z.union([z.literal('auto'), z.boolean()]).default('auto'),
      missing: z.enum(['mean', 'median', 'most_frequent', 'error']).default('mean'),
      categories: z.enum(['one_hot']).default('one_hot'),
      text: textSchema.optional(),
    })
    .default({ standardize: 'auto', missing: 'mean', categories: 'one_hot' }),
  validation: z
    .union([z.strictObject({ fraction: z.number().min(0).max(0.9) }), z.strictObject({ dataset: z.string() })], {
      error: 'expected {"fraction": 0 to 0.9} or {"dataset": "<id>"}',
    })
    .default({ fraction: 0.2 }),
  seed: z.number().int().min(0).max(0xffff_ffff).default(0),
  budget: z
    .strictObject({
      max_seconds: z.number().int().min(1).max(2_592_000).optional().describe('Of training, over all trials.'),
      max_usd: z.number().positive().max(1_000_000).optional(),
    })
    .refine((budget) => Object.keys(budget).length > 0, {
      error: 'expected "max_seconds", "max_usd" or both; it is empty',
      when: ({ issues }) => issues.length === 0,
    })
    .optional()
    .describe('Ends the training when it is used up; the best checkpoint becomes a version.'),
  sweep: sweepSchema.optional(),
  webhook: webhookSchema.optional(),
  fairness: fairnessQuestionSchema.optional().describe('Of a classification: figures for its model card.'),
});

export type JobSpec = z.infer<typeof createJobSchema>;

export const jobSchema = z.object({
  id: z.string(),
  object: z.literal('job'),
  ...createJobSchema.shape,
  status: z.enum(TRAINING_STATUSES),
  progress: progressSchema,
  metrics: z.object({ train: metricsSchema, validation: metricsSchema }),
  model: z.object({ name: z.string(), version: z.number().int() }).optional(),
  trials: z.array(trialSchema).optional().describe('Of a sweep; the list of jobs leaves them out.'),
  trial_count: z.number().int().optional().describe('How many trials the sweep has.'),
  best_trial: z.string().optional().describe('The trial that was published.'),
  error: jobErrorSchema.optional(),
  webhook_delivery: webhookDeliverySchema.optional(),
  usage: usageSchema,
  created_at: timeSchema,
  started_at: timeSchema.optional(),
  finished_at: timeSchema.optional(),
});

export type Job = z.infer<typeof jobSchema>;

export const jobEstimateSchema = z.object({
  object: z.literal('job.estimate'),
  ...usageSchema.omit({ price_version: true }).shape,
  memory_mb: z.number().int(),
  limits_ok: z.boolean().describe('Whether limits and budget let the job come to its end.'),
  notes: z.array(z.string()),
});

export type JobEstimate = z.infer<typeof jobEstimateSchema>;

/** What an attempt of *fit* notes of itself before it begins, so that it is charged for when it dies without a word. */
export interface Attempt {
  /** The time up to which the record's usage counts. */
  readonly counted_to_ms: number;
  /** When its invocation ends at the latest; not after `counted_to_ms` once it is over. */
  readonly ends_ms: number;
  readonly memory_mb: number;
  readonly gb_second_usd: number;
}

/** What the catalog keeps of a job besides what the API shows. */
export interface JobRecord extends Job {
  readonly key_id: string;
  /** USD per GB-second when the job was made: what it pays, whatever the price list says later. */
  readonly gb_second_usd?: number;
  readonly price_version?: number;
  /** Of the plan when the job was made. */
  readonly stored_bytes_limit?: number;
  readonly models_limit?: number;
  readonly training_seconds_limit?: number;
  readonly cancel_requested?: boolean;
  /** The last one. */
  readonly attempt?: Attempt;
}

/** What the catalog keeps of a trial once it has begun. */
export interface TrialRecord extends Trial {
  /** The last one. */
  readonly attempt?: Attempt;
}

export const jobEventSchema = z.object({
  id: z.string(),
  object: z.literal('job.event'),
  type: z.enum(['message', 'metrics', 'checkpoint', 'status']),
  level: z.enum(['info', 'warn', 'error']),
  created_at: timeSchema,
  message: z.string().optional(),
  data: z.record(z.string(), z.unknown()).optional(),
});

export type JobEvent = z.infer<typeof jobEventSchema>;
