/** A job's events as they come. Its answers are streamed: the API's method says so, and the runtime by the wrapper. */
import { once } from 'node:events';
import type { APIGatewayProxyEvent } from 'aws-lambda';
import { systemClock } from '../../shared/clock.ts';
import { ENV } from '../../shared/contract.ts';
import { requireEnv } from '../../shared/env.ts';
import { eventsOperations } from '../../shared/http/events/index.ts';
import { gatewayHandler } from '../../shared/http/gateway.ts';
import { SPECS } from '../../shared/http/spec/index.ts';
import { admitByRate } from '../../shared/http/rate.ts';
import { ownClients } from '../../shared/stores/clients.ts';
import { tenantTables } from '../../shared/stores/tenant-stores.ts';
import { logger } from '../logger.ts';

const { dynamo } = ownClients();
const names = { catalog: requireEnv(ENV.catalogTable), quotas: requireEnv(ENV.quotasTable) };
const tables = (tenantId: string) => tenantTables(dynamo, names, { tenantId, clock: systemClock });

/** Ends well within the function's five minutes, and says something well within API Gateway's limit of idleness. */
const TIMING = { pollMs: 500, heartbeatMs: 15_000, maxMs: 280_000, retryMs: 1000 };

const serve = gatewayHandler({
  specs: SPECS,
  operations: eventsOperations({
    stores: tables,
    timing: TIMING,
  }),
  admit: admitByRate(({ tenantId }) => tables(tenantId).quotas),
  idempotencyKeys: ({ tenantId }) => tables(tenantId).idempotencyKeys,
  onInternalError: (error, at) => logger.error('request failed', { ...at, error: error as Error }),
});

export const handler = awslambda.streamifyResponse(async (event: APIGatewayProxyEvent, output): Promise<void> => {
  const { stream, body, ...head } = await serve(event);
  const response = awslambda.HttpResponseStream.from(output, { ...head });
  try {
    for await (const part of stream ?? [body]) {
      if (!response.write(part)) await once(response, 'drain');
    }
  } finally {
    response.end();
  }
});
