/** Reads and checks one uploaded dataset with the tenant's own credentials. */
import type { Context } from 'aws-lambda';
import { systemClock } from '../../shared/clock.ts';
import { ENV } from '../../shared/contract.ts';
import { requireEnv } from '../../shared/env.ts';
import { isolatedStores } from '../../shared/stores/isolated-stores.ts';
import { ingest } from '../../shared/workflows/ingest.ts';
import type { IngestEvent } from '../../shared/workflows/ingest.ts';
import { logger } from '../logger.ts';

const names = {
  catalog: requireEnv(ENV.catalogTable),
  quotas: requireEnv(ENV.quotasTable),
  bucket: requireEnv(ENV.bucket),
};
const storesOf = isolatedStores(names, requireEnv(ENV.tenantRoleArn), systemClock);

export const handler = async (event: IngestEvent, context: Context): Promise<{ status: string }> => {
  const { stores } = storesOf(context.tenantId);
  const status = await ingest(event, {
    ...stores,
    onDefect: (error) => logger.error('ingest failed', { dataset: event.dataset, error }),
  });
  logger.info('ingested', { dataset: event.dataset, status });
  return { status };
};
