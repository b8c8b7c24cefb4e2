/** The audit log, and the receipt of an erasure, as the API answers them. */
import * as z from 'zod';
import { timeSchema } from './common.ts';

export const AUDIT_ID = /^aud_\d{12}$/;

export const auditEntrySchema = z.object({
  id: z.string(),
  object: z.literal('audit.entry'),
  seq: z.number().int(),
  created_at: timeSchema,
  actor: z.string().describe('The id of the key, or "operator".'),
  action: z.string().describe("The operation, as the OpenAPI document names it, or the operator's command."),
  target: z.string(),
  outcome: z.string().describe('"started" before anything is changed; then "succeeded", or the code of the error.'),
  of: z.string().optional().describe('The entry that says that this was started.'),
  resource: z.string().optional().describe('The id of what was made.'),
  previous: z.string().describe('The hash of the entry before.'),
  hash: z.string(),
});

export type AuditEntry = z.infer<typeof auditEntrySchema>;

export const verifyQuerySchema = z
  .strictObject({
    after: z.string().regex(AUDIT_ID, 'expected the id of a head, such as aud_000000000042').optional(),
    hash: z
      .string()
      .regex(/^[0-9a-f]{64}$/, 'expected the hash of that head')
      .optional(),
  })
  .refine(({ after, hash }) => (after === undefined) === (hash === undefined), {
    path: ['hash'],
    error: 'expected after and hash together: the id and the hash of a head that was verified',
  });

export const auditVerificationSchema = z.object({
  object: z.literal('audit.verification'),
  valid: z.boolean(),
  entries: z.number().int().describe('How many this call went through.'),
  head: z.object({ id: z.string(), hash: z.string() }).nullable().describe('The last entry that is as it was written.'),
  has_more: z.boolean().describe('There are more: ask again with the head.'),
  broken_at: z.string().nullable(),
});

export type AuditHead = NonNullable<AuditVerification['head']>;
export type AuditVerification = z.infer<typeof auditVerificationSchema>;

export const eraseSchema = z.strictObject({
  confirm: z.string().describe('The id of the tenant, so that nobody erases by mistake.'),
});

const destroyedSchema = z.object({
  datasets: z.array(z.string()),
  jobs: z.array(z.string()),
  batches: z.array(z.string()).optional(),
  models: z.array(z.string()),
  model_versions: z.array(z.string()),
  events: z.number().int(),
  objects: z.number().int(),
  idempotency_keys: z.number().int(),
  usage_items: z.number().int().describe('Their names of models and keys are gone; amounts stay, for the bill.'),
  audit_entries: z.number().int(),
});

export const erasureSchema = z.object({
  object: z.literal('erasure'),
  tenant_id: z.string(),
  status: z.enum(['running', 'done']).describe('running: there is more to do; send the same request again.'),
  destroyed: destroyedSchema.describe('Ids; SHA-256 of ids (base64url) in a receipt that is answered once more.'),
  cancelled_jobs: z.array(z.string()).describe('Jobs and batches.'),
  waiting_for: z.array(z.string()),
  kept: z.array(z.string()),
  created_at: timeSchema,
  finished_at: timeSchema.optional(),
});

export type Erasure = z.infer<typeof erasureSchema>;
