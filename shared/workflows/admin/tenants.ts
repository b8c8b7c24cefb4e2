/** Tenants: made with their first key, suspended, given another plan. */
import { epochS } from '../../clock.ts';
import { ServiceError } from '../../errors.ts';
import type { Tenant } from '../../tenancy/tenant.ts';
import type { CommandOf } from './command.ts';
import { listOf, tenantById } from './context.ts';
import type { AdminContext } from './context.ts';
import { createKey } from './keys.ts';
import { planByName } from './plans.ts';

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
