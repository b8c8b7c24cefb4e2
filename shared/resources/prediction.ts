/** What a prediction takes and answers. */
import * as z from 'zod';
import { explanationSchema } from './explanation.ts';

/** How a language model goes on. */
export const generationSchema = z
  .strictObject({
    max_tokens: z.number().int().min(1).max(1000).optional(),
    temperature: z.number().min(0).max(10).optional(),
    top_k: z.number().int().min(1).optional(),
    seed: z.number().int().min(0).max(0xffff_ffff).optional(),
  })
  .describe('Of a language model: 100 tokens at temperature 1 by default; temperature 0 takes the most probable one.');

export const userSchema = z
  .string()
  .min(1)
  .max(256)
  .describe('Whom a sticky split keeps at one version; any text, and never stored');

/** Of one prediction. */
export const MAX_INSTANCES = 10_000;

export const predictSchema = z.strictObject({
  instances: z
    .array(z.unknown())
    .min(1, 'expected at least one instance')
    .describe(`At most ${MAX_INSTANCES.toLocaleString('en')}: POST /v1/batches takes more.`),
  parameters: generationSchema.optional(),
  user: userSchema.optional(),
  explain: z
    .boolean()
    .default(false)
    .describe('Also explain each of at most 100 instances, by the method that auto chooses.'),
});

export const predictionsSchema = z.object({
  predictions: z.array(z.unknown()),
  explanations: z.array(explanationSchema).optional(),
  model: z.string(),
  model_version: z.number().int(),
});
