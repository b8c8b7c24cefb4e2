/** What operators may say to the admin function: one JSON object with `command`. */
import * as z from 'zod';
import { limitsSchema, planNameSchema, pricesSchema } from '../../resources/plan.ts';
import { usageQuerySchema } from '../../resources/usage.ts';
import { TENANT_ID_PATTERN } from '../../tenancy/ids.ts';

const tenantId = z.string().regex(TENANT_ID_PATTERN, 'expected 3 to 40 lower-case letters, digits or dashes');
const keyId = z.string().min(1).max(100);

/** A command about one tenant. */
const about = <N extends string, T extends z.ZodRawShape>(name: N, fields: T) =>
  z.strictObject({ command: z.literal(name), tenant_id: tenantId, ...fields });

export const adminCommandSchema = z.discriminatedUnion('command', [
  about('create', { name: z.string().min(1).max(200).optional(), plan: planNameSchema.default('free') }),
  z.strictObject({ command: z.literal('list') }),
  about('suspend', {}),
  about('resume', {}),
  about('delete', { confirm: z.string() }),
  about('set-plan', { plan: planNameSchema }),
  about('usage', usageQuerySchema.shape),
  about('create-key', {
    expires_in_days: z.number().int().min(1).max(3650).optional(),
    sigv4: z.boolean().default(false),
  }),
  about('list-keys', {}),
  about('revoke-key', { key_id: keyId }),
  about('rotate-key', { key_id: keyId, grace_hours: z.number().int().min(0).max(720).default(24) }),
  z.strictObject({ command: z.literal('put-plan'), plan: planNameSchema, limits: limitsSchema }),
  z.strictObject({ command: z.literal('list-plans') }),
  z.strictObject({ command: z.literal('delete-plan'), plan: planNameSchema }),
  z.strictObject({ command: z.literal('set-prices'), prices: pricesSchema }),
  z.strictObject({ command: z.literal('list-prices') }),
]);

export type AdminCommand = z.infer<typeof adminCommandSchema>;

/** The command of a name. */
export type CommandOf<N extends AdminCommand['command']> = Extract<AdminCommand, { command: N }>;
