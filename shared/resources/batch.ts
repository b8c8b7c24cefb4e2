/** Batch predictions: one model over every row of a dataset, or over instances that came with the request. */
import * as z from 'zod';
import type { PriceList } from '../tenancy/price.ts';
import { timeSchema } from './common.ts';
import { generationSchema, userSchema } from './prediction.ts';
import { TRAINING_STATUSES, usageSchema } from './training.ts';
import { webhookDeliverySchema, webhookSchema } from './webhook.ts';

const MAX_INCLUDED = 100;
/** A row of its own for each, within the 6 MB of a request. */
const MAX_INSTANCES = 100_000;

export const createBatchSchema = z
  .strictObject({
    model: z
      .string()
      .min(1)
      .max(140)
      .describe('name, name@alias or name:version; which version that is, is decided now.'),
    dataset: z.string().optional().describe('Each of its rows is an instance: columns by the names of the features.'),
    instances: z
      .array(z.unknown())
      .min(1, 'expected at least one instance')
      .max(MAX_INSTANCES, `expected at most ${MAX_INSTANCES} instances: make a dataset of them`)
      .optional()
      .describe('The instances themselves, as a prediction takes them.'),
    include: z
      .array(z.string())
      .min(1)
      .max(MAX_INCLUDED)
      .optional()
      .describe('Columns of the dataset that are repeated in the output, such as an id.'),
    parameters: generationSchema.optional(),
    user: userSchema.optional(),
    webhook: webhookSchema.optional(),
  })
  .refine(({ dataset, instances }) => (dataset === undefined) !== (instances === undefined), {
    error: 'expected either "dataset" or "instances"',
    path: ['dataset'],
  });

export type BatchSpec = z.infer<typeof createBatchSchema>;

/** Why a batch did not end as it should; rows have errors of their own, in the output. */
const batchErrorSchema = z.object({ code: z.string(), message: z.string(), hint: z.string().optional() });

export type BatchError = z.infer<typeof batchErrorSchema>;

const batchProgressSchema = z.object({
  fraction: z.number(),
  rows: z.number().int(),
  predicted: z.number().int().describe('Rows with a prediction.'),
  failed: z.number().int().describe('Rows with an error of their own.'),
  eta_seconds: z.number().optional(),
});

export const batchSchema = z.object({
  id: z.string(),
  object: z.literal('batch'),
  model: z.string(),
  model_version: z.number().int(),
  dataset: z.string().optional(),
  include: z.array(z.string()).optional(),
  parameters: generationSchema.optional(),
  webhook: webhookSchema.optional(),
  status: z.enum(TRAINING_STATUSES),
  progress: batchProgressSchema,
  output: z
    .object({ bytes: z.number().int(), sha256: z.string() })
    .optional()
    .describe('There once the batch has ended, however it ended: one line a row. GET .../output says where.'),
  error: batchErrorSchema.optional(),
  webhook_delivery: webhookDeliverySchema.optional(),
  usage: usageSchema,
  created_at: timeSchema,
  started_at: timeSchema.optional(),
  finished_at: timeSchema.optional(),
});

export type Batch = z.infer<typeof batchSchema>;

export const batchOutputSchema = z.object({
  object: z.literal('batch.output'),
  id: z.string(),
  url: z.string().describe('JSON Lines: {"row", "prediction"} or {"row", "error"}, rows counted from 1.'),
  sha256: z.string(),
  bytes: z.number().int(),
  expires_at: timeSchema,
});

/** An input of the model: a column of the dataset. */
export interface BatchFeature {
  readonly name: string;
  readonly type: string;
  readonly shape?: readonly number[];
}

/** What the catalog keeps of a batch besides what the API shows. */
export interface BatchRecord extends Batch {
  readonly key_id: string;
  /** What it pays, whatever the price list says later. */
  readonly prices: PriceList;
  readonly features: readonly BatchFeature[];
  /** Rows that the model is run on at once. */
  readonly step_rows: number;
  /** Of the function that predicts. */
  readonly memory_mb: number;
  readonly predictions_limit: number;
  readonly stored_bytes_limit: number;
  readonly cancel_requested?: boolean;
  /** Seconds of joining the parts. */
  readonly collect_seconds?: number;
}

/** Consecutive rows of the output, written under `file`. */
export interface BatchPart {
  /** The first row, counted from 0, and the one behind the last. */
  readonly begin: number;
  readonly end: number;
  readonly file: string;
  /** Of the file, from its beginning. */
  readonly bytes: number;
  readonly predicted: number;
  readonly failed: number;
  readonly seconds: number;
  /** On which its predictions are taken from the month's. */
  readonly day: string;
  /** `written`: not taken yet; `cut`: the month had not enough room for it, and its lane ends here. */
  readonly status: 'written' | 'settled' | 'cut';
}
