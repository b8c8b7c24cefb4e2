/**
 * What operators do with tenants and keys. Reached only by invoking the admin function with the operator's AWS credentials:
 * there is no admin route on the public API to attack.
 */
import * as z from 'zod';
import type { Clock } from '../clock.ts';
import { epochS } from '../clock.ts';
import { ServiceError } from '../errors.ts';
import type { ListedKey, Tenants } from '../stores/tenants.ts';
import { hashSecret, newSecret } from '../tenancy/api-key.ts';
import { newId, TENANT_ID_PATTERN } from '../tenancy/ids.ts';
import { PLAN_NAMES } from '../tenancy/plan.ts';
import type { Tenant } from '../tenancy/tenant.ts';

const tenantId = z.string().regex(TENANT_ID_PATTERN, 'expected 3 to 40 lower-case letters, digits or dashes');
const plan = z.enum(PLAN_NAMES);

export const adminCommandSchema = z.discriminatedUnion('command', [
  z.strictObject({
    command: z.literal('create'),
    tenant_id: tenantId,
    name: z.string().min(1).max(200).optional(),
    plan: plan.default('free'),
  }),
  z.strictObject({ command: z.literal('list') }),
  z.strictObject({ command: z.literal('suspend'), tenant_id: tenantId }),
  z.strictObject({ command: z.literal('resume'), tenant_id: tenantId }),
  z.strictObject({ command: z.literal('set-plan'), tenant_id: tenantId, plan }),
  z.strictObject({
    command: z.literal('create-key'),
    tenant_id: tenantId,
    expires_in_days: z.number().int().min(1).max(3650).optional(),
  }),
  z.strictObject({ command: z.literal('list-keys'), tenant_id: tenantId }),
  z.strictObject({ command: z.literal('revoke-key'), tenant_id: tenantId, key_id: z.string() }),
]);

export type AdminCommand = z.infer<typeof adminCommandSchema>;

/** Carries out one command. @returns one JSON object; a key's secret stands in `api_key`, this once */
export async function administer(
  command: AdminCommand,
  { tenants, clock }: { tenants: Tenants; clock: Clock },
): Promise<object> {
  switch (command.command) {
    case 'create':
      return createTenant(command, tenants, clock);
    case 'list': {
      const page = await tenants.profiles.list({ limit: 10_000, order: 'ascending' });
      return { object: 'list', data: page.data, has_more: page.hasMore };
    }
    case 'suspend':
    case 'resume':
      return changeTenant(
        command.tenant_id,
        { status: command.command === 'suspend' ? 'suspended' : 'active' },
        tenants,
      );
    case 'set-plan':
      return changeTenant(command.tenant_id, { plan: command.plan }, tenants);
    case 'create-key':
      await tenantById(command.tenant_id, tenants);
      return createKey(command.tenant_id, tenants, { clock, days: command.expires_in_days });
    case 'list-keys': {
      await tenantById(command.tenant_id, tenants);
      const page = await tenants.keys(command.tenant_id).list({ limit: 1_000, order: 'ascending' });
      return { object: 'list', data: page.data.map(showKey), has_more: page.hasMore };
    }
    case 'revoke-key':
      if (!(await tenants.revokeKey(command.tenant_id, command.key_id, epochS(clock)))) {
        throw new ServiceError('not_found', `tenant ${command.tenant_id} has no key ${command.key_id}`);
      }
      return { object: 'api_key', key_id: command.key_id, tenant_id: command.tenant_id, revoked: true };
  }
}

async function createTenant(
  command: Extract<AdminCommand, { command: 'create' }>,
  tenants: Tenants,
  clock: Clock,
): Promise<object> {
  const tenant: Tenant = {
    tenant_id: command.tenant_id,
    name: command.name ?? command.tenant_id,
    plan: command.plan,
    status: 'active',
    created_at: epochS(clock),
  };
  if (!(await tenants.profiles.create(tenant.tenant_id, tenant))) {
    throw new ServiceError('conflict', `there is a tenant ${tenant.tenant_id} already`);
  }
  return { object: 'tenant', ...tenant, ...(await createKey(tenant.tenant_id, tenants, { clock })) };
}

async function changeTenant(id: string, change: Partial<Tenant>, tenants: Tenants): Promise<object> {
  await tenantById(id, tenants);
  await tenants.profiles.patch(id, change);
  return { object: 'tenant', ...(await tenantById(id, tenants)) };
}

async function tenantById(id: string, tenants: Tenants): Promise<Tenant> {
  const tenant = await tenants.profiles.get(id);
  if (tenant === undefined) throw new ServiceError('not_found', `there is no tenant ${id}`);
  return tenant;
}

async function createKey(id: string, tenants: Tenants, options: { clock: Clock; days?: number | undefined }) {
  const secret = newSecret();
  const now = epochS(options.clock);
  const key: ListedKey = {
    key_id: newId('key', options.clock),
    tenant_id: id,
    created_at: now,
    secret_hash: hashSecret(secret),
    ...(options.days === undefined ? {} : { expires_at: now + options.days * 86_400 }),
  };
  await tenants.addKey(key);
  return {
    key_id: key.key_id,
    tenant_id: id,
    api_key: secret,
    ...(key.expires_at === undefined ? {} : { expires_at: key.expires_at }),
  };
}

function showKey({ secret_hash: _, ...key }: ListedKey): object {
  return key;
}
