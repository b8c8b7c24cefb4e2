/**
 * Stores of a function in tenant isolation mode. Its environment serves one tenant all its life; the tenant is the one that
 * Lambda says (`context.tenantId`), and the credentials reach no other.
 */
import type { Clock } from '../clock.ts';
import { TENANT_ID_PATTERN } from '../tenancy/ids.ts';
import { tenantClients } from './clients.ts';
import { tenantStores } from './tenant-stores.ts';
import type { StoreNames, TenantStores } from './tenant-stores.ts';

/** @returns a function that gives the tenant's stores, made at the first call: the init phase does not know the tenant */
export function isolatedStores(names: StoreNames, tenantRoleArn: string, clock: Clock) {
  let own: { tenantId: string; stores: TenantStores } | undefined;
  return (tenantId: string | undefined): { tenantId: string; stores: TenantStores } => {
    if (tenantId === undefined || !TENANT_ID_PATTERN.test(tenantId))
      throw new Error('invoked without a valid tenant id');
    own ??= { tenantId, stores: tenantStores(tenantClients(tenantId, tenantRoleArn), names, { tenantId, clock }) };
    if (own.tenantId !== tenantId) throw new Error('an environment of one tenant was invoked for another');
    return own;
  };
}
