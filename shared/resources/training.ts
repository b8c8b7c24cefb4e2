/** What a job and each trial of its sweep tell of a training: how far it is, how good, what it cost, and why it failed. */
import * as z from 'zod';
import { errorDetailSchema } from './common.ts';

export const TRAINING_STATUSES = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const;

export const metricsSchema = z.record(z.string(), z.number());

export const progressSchema = z.object({
  fraction: z.number(),
  epoch: z.number().optional(),
  epochs: z.number().optional(),
  eta_seconds: z.number().optional(),
});

export const usageSchema = z.object({
  seconds: z.number(),
  gb_seconds: z.number(),
  usd: z.number(),
  price_version: z.number().int().optional(),
});

/** Why a training failed: one of the closed list of codes, the phase, the place where there is one, and what to do. */
export const jobErrorSchema = z.object({
  code: z.string(),
  phase: z.enum(['prepare', 'train', 'publish']),
  message: z.string(),
  param: z.string().optional(),
  row: z.number().int().optional(),
  column: z.string().optional(),
  op: z.string().optional().describe('The ONNX operator that failed.'),
  hint: z.string().optional(),
  errors: z.array(errorDetailSchema).optional(),
  last_metrics: metricsSchema
    .optional()
    .describe('Of the last epoch that ended; the loss of the last step where none has.'),
  logs: z.array(z.string()).optional().describe('The last lines of the log; nothing of the data stands in them.'),
});

export type Usage = z.infer<typeof usageSchema>;
export type JobError = z.infer<typeof jobErrorSchema>;

export function isFinished({ status }: { readonly status: (typeof TRAINING_STATUSES)[number] }): boolean {
  return status === 'succeeded' || status === 'failed' || status === 'cancelled';
}
