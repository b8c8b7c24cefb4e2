/** Tenants and keys, for operators: invoked with their AWS credentials, never over the public API. */
import { systemClock } from '../../shared/clock.ts';
import { ENV } from '../../shared/contract.ts';
import { requireEnv } from '../../shared/env.ts';
import { toServiceError } from '../../shared/http/problem.ts';
import { parseAs } from '../../shared/http/validate.ts';
import { ownClients } from '../../shared/stores/clients.ts';
import { tenantStores } from '../../shared/stores/tenant-stores.ts';
import { Tenants } from '../../shared/stores/tenants.ts';
import { adminCommandSchema } from '../../shared/workflows/admin/command.ts';
import { administer } from '../../shared/workflows/admin/index.ts';
import { logger } from '../logger.ts';

const clients = ownClients();
const tenants = new Tenants(clients.dynamo, requireEnv(ENV.tenantsTable), Number(requireEnv(ENV.gbSecondUsd)));
const names = {
  catalog: requireEnv(ENV.catalogTable),
  quotas: requireEnv(ENV.quotasTable),
  bucket: requireEnv(ENV.bucket),
};
const stores = (tenantId: string) => tenantStores(clients, names, { tenantId, clock: systemClock });

export const handler = async (event: unknown): Promise<object> => {
  try {
    const command = parseAs(adminCommandSchema, event, 'body');
    const result = await administer(command, { tenants, stores, clock: systemClock });
    logger.info('administered', { command: command.command });
    return result;
  } catch (error) {
    const known = toServiceError(error);
    if (known.code === 'internal') logger.error('command failed', { error: error as Error });
    return { error: { code: known.code, message: known.message } };
  }
};
