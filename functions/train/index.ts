/** One durable execution a job. What it decides stands in shared/workflows/train.ts; this binds it to the durable SDK. */
import { withDurableExecution } from '@aws/durable-execution-sdk-js';
import type { DurableContext } from '@aws/durable-execution-sdk-js';
import { systemClock } from '../../shared/clock.ts';
import { ENV } from '../../shared/contract.ts';
import { requireEnv } from '../../shared/env.ts';
import { ownClients } from '../../shared/stores/clients.ts';
import { tenantTables } from '../../shared/stores/tenant-stores.ts';
import { settleJob } from '../../shared/workflows/settle.ts';
import { FitFailed, train } from '../../shared/workflows/train.ts';
import type { FitEvent, JobOutcome, TrainEvent } from '../../shared/workflows/train.ts';
import { count } from '../metrics.ts';

const { dynamo } = ownClients();
const catalogTable = requireEnv(ENV.catalogTable);
const quotasTable = requireEnv(ENV.quotasTable);
const fitFunction = requireEnv(ENV.fitFunction);

const FIT_ATTEMPTS = 3;
const FIT_RETRY_S = 5;

export const handler = withDurableExecution(async (event: TrainEvent, context: DurableContext): Promise<JobOutcome> => {
  const { tenant_id: tenantId, job } = event;
  const orchestration = {
    async fit<T>(name: string, fitEvent: FitEvent): Promise<T> {
      for (let attempt = 1; ; attempt++) {
        try {
          return await context.invoke<FitEvent, T>(`${name}-${attempt}`, fitFunction, fitEvent, { tenantId });
        } catch (error) {
          const reason = error instanceof Error ? error.message : 'unknown';
          if (attempt === FIT_ATTEMPTS) throw new FitFailed(`${name} failed ${FIT_ATTEMPTS} times, last: ${reason}`);
          await context.wait(`${name}-backoff-${attempt}`, { seconds: FIT_RETRY_S * attempt });
        }
      }
    },
    async step(name: string, effect: () => Promise<void>): Promise<void> {
      await context.step(name, effect);
    },
  };
  const stores = tenantTables(dynamo, { catalog: catalogTable, quotas: quotasTable }, { tenantId, clock: systemClock });
  return train(event, orchestration, async (outcome) => {
    await settleJob(job, outcome, { ...stores, clock: systemClock });
    if (outcome.status !== 'cancelled')
      count(outcome.status === 'failed' ? 'jobsFailed' : 'jobsSucceeded', systemClock.nowMs());
  });
});
