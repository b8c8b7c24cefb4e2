/** A job's events as they come. Its answers are streamed: the API's method says so, and the runtime by the wrapper. */
import { once } from 'node:events';
import type { APIGatewayProxyEvent } from 'aws-lambda';
import { systemClock } from '../../shared/clock.ts';
import { ENV } from '../../shared/contract.ts';
import { requireEnv } from '../../shared/env.ts';
import { eventsOperations } from '../../shared/http/events/index.ts';
import { gatewayHandler } from '../../shared/http/gateway.ts';
import { admitByRate } from '../../shared/http/rate.ts';
import { Catalog } from '../../shared/stores/catalog.ts';
import { ownClients } from '../../shared/stores/clients.ts';
import { IdempotencyKeys } from '../../shared/stores/idempotency.ts';
import { Quotas } from '../../shared/stores/quotas.ts';
import { logger } from '../logger.ts';

const { dynamo } = ownClients();
const catalogTable = requireEnv(ENV.catalogTable);
const quotasTable = requireEnv(ENV.quotasTable);
const ofTenant = (tenantId: string) => ({ tenantId, clock: systemClock });

/** Ends well within the function's five minutes, and says something well within API Gateway's limit of idleness. */
const TIMING = { pollMs: 500, heartbeatMs: 15_000, maxMs: 280_000, retryMs: 1000 };

const serve = gatewayHandler({
  operations: eventsOperations({
    stores: (tenantId) => ({ catalog: new Catalog(dynamo, catalogTable, tenantId) }),
    timing: TIMING,
  }),
  admit: admitByRate(({ tenantId }) => new Quotas(dynamo, quotasTable, ofTenant(tenantId))),
  idempotencyKeys: ({ tenantId }) => new IdempotencyKeys(dynamo, quotasTable, ofTenant(tenantId)),
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
