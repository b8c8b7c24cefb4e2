/** One tenant's stores, over whichever clients the function has. */
import type { Clock } from '../clock.ts';
import { TENANT_PK_PREFIX } from '../contract.ts';
import { Catalog } from './catalog.ts';
import type { DataClients } from './clients.ts';
import { IdempotencyKeys } from './idempotency.ts';
import { Items } from './items.ts';
import { ObjectStore } from './objects.ts';
import { PredictionPool } from './prediction-pool.ts';
import { Quotas } from './quotas.ts';
import { Stock } from './stock.ts';
import { TrainingPool } from './training-pool.ts';
import { Usage } from './usage.ts';

export interface TenantStores {
  readonly catalog: Catalog;
  readonly objects: ObjectStore;
  readonly quotas: Quotas;
  readonly predictions: PredictionPool;
  readonly trainingSeconds: TrainingPool;
  readonly storedBytes: Stock;
  readonly models: Stock;
  readonly usage: Usage;
  /** Everything that is counted of the tenant. */
  readonly counters: Items;
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
    objects: new ObjectStore(clients, names.bucket, options.tenantId),
    ...tenantTables(clients.dynamo, names, options),
  };
}

/** What a function has that reaches no objects. */
export function tenantTables(
  dynamo: DataClients['dynamo'],
  names: Pick<StoreNames, 'catalog' | 'quotas'>,
  options: { tenantId: string; clock: Clock },
): Omit<TenantStores, 'objects'> {
  const items = new Items(dynamo, names.quotas, TENANT_PK_PREFIX + options.tenantId);
  return {
    catalog: new Catalog(dynamo, names.catalog, options.tenantId),
    quotas: new Quotas(items, options.clock),
    predictions: new PredictionPool(items, options.clock),
    trainingSeconds: new TrainingPool(items, options.clock),
    storedBytes: new Stock(items, 'STORED', options.clock),
    models: new Stock(items, 'MODELS', options.clock),
    usage: new Usage(items),
    counters: items,
    idempotencyKeys: new IdempotencyKeys(dynamo, names.quotas, options),
  };
}
