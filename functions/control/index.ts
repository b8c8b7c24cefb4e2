/** Datasets, jobs, models, limits and usage over HTTPS. */
import { systemClock } from '../../shared/clock.ts';
import { ENV } from '../../shared/contract.ts';
import { requireEnv } from '../../shared/env.ts';
import { controlOperations } from '../../shared/http/control/index.ts';
import { gatewayHandler } from '../../shared/http/gateway.ts';
import { SPECS } from '../../shared/http/spec/index.ts';
import { admitByRate } from '../../shared/http/rate.ts';
import { ownClients } from '../../shared/stores/clients.ts';
import { functionInvoker } from '../../shared/stores/functions.ts';
import { tenantStores } from '../../shared/stores/tenant-stores.ts';
import { Tenants } from '../../shared/stores/tenants.ts';
import { logger } from '../logger.ts';

const clients = ownClients();
const tenants = new Tenants(clients.dynamo, requireEnv(ENV.tenantsTable), Number(requireEnv(ENV.gbSecondUsd)));
const names = {
  catalog: requireEnv(ENV.catalogTable),
  quotas: requireEnv(ENV.quotasTable),
  bucket: requireEnv(ENV.bucket),
};
const stores = (tenantId: string) => tenantStores(clients, names, { tenantId, clock: systemClock });

export const handler = gatewayHandler({
  specs: SPECS,
  operations: controlOperations({
    stores,
    priceHistory: () => tenants.priceHistory(),
    functions: functionInvoker(),
    ingestFunction: requireEnv(ENV.ingestFunction),
    trainFunction: requireEnv(ENV.trainFunction),
    fit: { functionName: requireEnv(ENV.fitFunction), memoryMb: Number(requireEnv(ENV.fitMemoryMb)) },
    allowLocalWebhooks: requireEnv(ENV.localWebhooks) === 'true',
    clock: systemClock,
  }),
  admit: admitByRate((caller) => stores(caller.tenantId).quotas),
  idempotencyKeys: (caller) => stores(caller.tenantId).idempotencyKeys,
  audit: (caller) => ({ log: stores(caller.tenantId).catalog.audit, clock: systemClock }),
  onInternalError: (error, at) => logger.error('request failed', { ...at, error: error as Error }),
});
