/** Limits and usage, as the API answers them. */
import * as z from 'zod';
import { timeSchema } from './common.ts';

export const limitSchema = z.object({
  object: z.literal('limit'),
  id: z.string(),
  name: z.string(),
  used: z.number(),
  limit: z.number(),
  resets_at: timeSchema.nullable(),
});

export type LimitState = z.infer<typeof limitSchema>;

const dateSchema = z.string().regex(/^\d{4}-\d{2}-\d{2}$/, 'expected a day such as 2026-11-30');

export const usageQuerySchema = z.strictObject({
  from: dateSchema.optional(),
  to: dateSchema.optional(),
  group_by: z.enum(['day', 'model', 'key']).default('day'),
});

export const usageRowSchema = z.object({
  start: timeSchema,
  end: timeSchema,
  model: z.string().optional(),
  key: z.string().optional(),
  requests: z.number().int(),
  predictions: z.number().int(),
  training_gb_seconds: z.number(),
  stored_gb_hours: z.number(),
  usd: z.number(),
});

export type UsageRow = z.infer<typeof usageRowSchema>;

/** Rows have no ids: the list is always whole. */
export const usageSchema = z.object({
  object: z.literal('list'),
  data: z.array(usageRowSchema),
  has_more: z.literal(false),
  first_id: z.null(),
  last_id: z.null(),
});
