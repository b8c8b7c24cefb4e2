/** Tenants: made with their first key, suspended, given another plan. */
import { epochS } from '../../clock.ts';
import { ServiceError } from '../../errors.ts';
import type { Tenant } from '../../tenancy/tenant.ts';
import { erase } from '../erase.ts';
import { reportUsage } from '../usage.ts';
import type { CommandOf } from './command.ts';
import { listOf, tenantById } from './context.ts';
import type { AdminContext } from './context.ts';
import { createKey } from './keys.ts';
import { planByName } from './plans.ts';

/** Of the minutes that the function may take. */
const ERASE_MS = 45_000;

export async function createTenant(command: CommandOf<'create'>, context: AdminContext): Promise<object> {
  await planByName(command.plan, context);
  const tenant: Tenant = {
    tenant_id: command.tenant_id,
    name: command.name ?? command.tenant_id,
    plan: command.plan,
    status: 'active',
    created_at: epochS(context.clock),
  };
  if (!(await context.tenants.profiles.create(tenant.tenant_id, tenant))) {
    throw new ServiceError('conflict', `there is a tenant ${tenant.tenant_id} already`);
  }
  return { ...(await createKey(tenant.tenant_id, context)), object: 'tenant', ...tenant };
}

export async function listTenants({ tenants }: AdminContext): Promise<object> {
  const page = await tenants.profiles.list({ limit: 10_000, order: 'ascending' });
  return listOf(page.data, page.hasMore);
}

export async function setPlan({ tenant_id: id, plan }: CommandOf<'set-plan'>, context: AdminContext): Promise<object> {
  await planByName(plan, context);
  return changeTenant(id, { plan }, context);
}

export async function changeTenant(id: string, change: Partial<Tenant>, context: AdminContext): Promise<object> {
  await tenantById(id, context);
  await context.tenants.profiles.patch(id, change);
  return { object: 'tenant', ...(await tenantById(id, context)) };
}

/** Everything of the tenant, the tenant too. What takes longer than one invocation goes on when the command is given again. */
export async function deleteTenant(
  { tenant_id: id, confirm }: CommandOf<'delete'>,
  context: AdminContext,
): Promise<object> {
  await tenantById(id, context);
  if (confirm !== id) {
    throw new ServiceError('invalid_request', `confirm: expected "${id}", to delete the tenant with all its data`, {
      param: '/confirm',
    });
  }
  await context.tenants.profiles.patch(id, { status: 'suspended' });
  const stores = context.stores(id);
  const deadlineMs = context.clock.nowMs() + ERASE_MS;
  const receipt = await erase(stores, { tenantId: id, actor: 'operator', clock: context.clock, deadlineMs });
  if (receipt.status === 'running') return receipt;
  await stores.catalog.audit.cut(Infinity);
  await stores.catalog.erasures.deleteAll();
  await stores.counters.deleteAll();
  const keys = await context.tenants.remove(id);
  return { ...receipt, kept: [], tenant_deleted: true, keys_deleted: keys };
}

export async function usageOf(command: CommandOf<'usage'>, context: AdminContext): Promise<object> {
  const { command: _, tenant_id: id, ...query } = command;
  await tenantById(id, context);
  const prices = await context.tenants.priceHistory();
  return listOf(await reportUsage(query, context.stores(id), { prices, nowMs: context.clock.nowMs() }));
}
