/** Webhooks: told when a job or a batch ends, signed as Standard Webhooks asks. Source: standard-webhooks specification */
import * as z from 'zod';
import { timeSchema } from './common.ts';

export const webhookSchema = z
  .strictObject({ url: z.string().max(2048) })
  .describe(
    'Called with job.succeeded, job.failed or job.cancelled (of a batch: batch.succeeded ...), signed with the secret of GET /v1/webhooks/secret.',
  );

export const webhookDeliverySchema = z.object({
  status: z.enum(['pending', 'delivered', 'failed']),
  attempts: z.number().int(),
  last_error: z.string().optional(),
});

export type WebhookDelivery = z.infer<typeof webhookDeliverySchema>;

export const webhookSecretSchema = z.object({
  id: z.string(),
  object: z.literal('webhook.secret'),
  secret: z.string().describe('whsec_ and base64: what every receiver of Standard Webhooks takes.'),
  created_at: timeSchema,
});

/** What is kept; the secret before signs beside the new one for a day. */
export interface WebhookSecretRecord extends z.infer<typeof webhookSecretSchema> {
  readonly previous_secret?: string;
  readonly previous_until?: number;
}
