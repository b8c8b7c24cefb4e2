/** What the operator's commands work with. */
import type { Clock } from '../../clock.ts';
import { ServiceError } from '../../errors.ts';
import type { TenantStores } from '../../stores/tenant-stores.ts';
import type { Tenants } from '../../stores/tenants.ts';
import type { Tenant } from '../../tenancy/tenant.ts';

export interface AdminContext {
  readonly tenants: Tenants;
  readonly stores: (tenantId: string) => TenantStores;
  readonly clock: Clock;
}

/** @throws {ServiceError} not_found */
export async function tenantById(id: string, { tenants }: Pick<AdminContext, 'tenants'>): Promise<Tenant> {
  const tenant = await tenants.profiles.get(id);
  if (tenant === undefined) throw new ServiceError('not_found', `there is no tenant ${id}`);
  return tenant;
}

/** A whole list, as the command line prints it. */
export function listOf(data: readonly object[], hasMore = false): object {
  return { object: 'list', data, has_more: hasMore };
}
