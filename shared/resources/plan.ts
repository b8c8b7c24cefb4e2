/** Plans and price lists, as operators write them. */
import * as z from 'zod';
import { PLAN_NAME_PATTERN } from '../tenancy/plan.ts';
import type { Limits } from '../tenancy/plan.ts';
import type { Prices } from '../tenancy/price.ts';

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const usd = z.number().min(0).max(1e6);

export const planNameSchema = z
  .string()
  .regex(PLAN_NAME_PATTERN, 'expected a lower-case letter and up to 39 letters, digits, dashes or underscores');

export const limitsSchema = z.strictObject({
  requests_per_second: z.number().min(0.01).max(100_000),
  burst: count.min(1),
  predictions_per_month: count,
  training_seconds_per_month: count,
  jobs_at_once: count.max(10_000),
  stored_bytes: count,
  models: count,
  dataset_bytes: count,
}) satisfies z.ZodType<Limits>;

export const pricesSchema = z.strictObject({
  training_gb_second_usd: usd,
  inference_gb_second_usd: usd,
  request_usd: usd,
  prediction_usd: usd,
  stored_gb_hour_usd: usd,
}) satisfies z.ZodType<Prices>;
