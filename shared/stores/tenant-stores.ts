/** One tenant's stores, over whichever clients the function has. */
import type { Clock } from '../clock.ts';
import { Catalog } from './catalog.ts';
import type { DataClients } from './clients.ts';
import { IdempotencyKeys } from './idempotency.ts';
import { ObjectStore } from './objects.ts';
import { Quotas } from './quotas.ts';

export interface TenantStores {
  readonly catalog: Catalog;
  readonly objects: ObjectStore;
  readonly quotas: Quotas;
  readonly idempotencyKeys: IdempotencyKeys;
}

export interface StoreNames {
  readonly catalog: string;
  readonly quotas: string;
  readonly bucket: string;
}

export function tenantStores(
  clients: DataClients,
  names: StoreNames,
  options: { tenantId: string; clock: Clock },
): TenantStores {
  return {
    catalog: new Catalog(clients.dynamo, names.catalog, options.tenantId),
    objects: new ObjectStore(clients, names.bucket, options.tenantId),
    quotas: new Quotas(clients.dynamo, names.quotas, options),
    idempotencyKeys: new IdempotencyKeys(clients.dynamo, names.quotas, options),
  };
}
