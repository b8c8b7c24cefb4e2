/**
 * One durable execution a job, a batch of predictions, or a check of an uploaded model. What it decides stands in shared/workflows; this
 * binds it to the durable SDK.
 */
import { withDurableExecution } from '@aws/durable-execution-sdk-js';
import type { DurableContext } from '@aws/durable-execution-sdk-js';
import { systemClock } from '../../shared/clock.ts';
import { ENV } from '../../shared/contract.ts';
import { requireEnv } from '../../shared/env.ts';
import { isFinished } from '../../shared/resources/training.ts';
import { ownClients } from '../../shared/stores/clients.ts';
import { Schedules } from '../../shared/stores/schedules.ts';
import { tenantTables } from '../../shared/stores/tenant-stores.ts';
import { runBatch } from '../../shared/workflows/batch/run.ts';
import type { BatchEvent, BatchOutcome } from '../../shared/workflows/batch/run.ts';
import { placeInLane, planBatch, settleBatch } from '../../shared/workflows/batch/settle.ts';
import { checkUpload, refuseUpload } from '../../shared/workflows/check.ts';
import type { CheckEvent } from '../../shared/workflows/check.ts';
import { chargeDeath } from '../../shared/workflows/charge.ts';
import { settleJob } from '../../shared/workflows/settle.ts';
import { train } from '../../shared/workflows/train.ts';
import { inTurn } from '../../shared/workflows/turns.ts';
import type { Turns } from '../../shared/workflows/turns.ts';
import { notify } from '../../shared/workflows/webhook.ts';
import type { Orchestration, TrainEvent } from '../../shared/workflows/train.ts';
import { count } from '../metrics.ts';
import { orchestration } from './orchestration.ts';

const { dynamo } = ownClients();
const catalogTable = requireEnv(ENV.catalogTable);
const quotasTable = requireEnv(ENV.quotasTable);
/** All tries of a segment, with some to spare: fifteen minutes each. */
const LEASE_MS = 50 * 60_000;
const schedules = new Schedules(dynamo, quotasTable, {
  clock: systemClock,
  capacity: { slots: Number(requireEnv(ENV.trainingSlots)), leaseMs: LEASE_MS },
});
type TenantTables = ReturnType<typeof tenantTables>;
const allowLoopback = requireEnv(ENV.localWebhooks) === 'true';

export const handler = withDurableExecution(
  async (event: TrainEvent | CheckEvent | BatchEvent, context: DurableContext): Promise<object> => {
    const { tenant_id: tenantId } = event;
    requireOwnName(event, context);
    const names = { catalog: catalogTable, quotas: quotasTable };
    const stores = tenantTables(dynamo, names, { tenantId, clock: systemClock });
    if ('batch' in event) return runRows(event, context, stores);
    if (!('check' in event)) return runJob(event, context, stores);
    return checkUpload(event, fitting(context, stores, tenantId), {
      refuse: (model, reason) => refuseUpload(model, reason, stores.catalog),
    });
  },
);

/**
 * A job's execution has its id as its name, and a name is given once: whoever may start executions can start none of a job or a batch again.
 * @throws {Error} for any other
 */
function requireOwnName(event: TrainEvent | CheckEvent | BatchEvent, { executionContext }: DurableContext): void {
  if ('check' in event) return;
  const name = 'batch' in event ? event.batch : event.job;
  if (executionContext.durableExecutionArn.includes(`/durable-execution/${name}/`)) return;
  throw new Error('an execution of a job or a batch is named by its id');
}

async function runJob(event: TrainEvent, context: DurableContext, stores: TenantTables): Promise<object> {
  const { tenant_id: tenantId, job } = event;
  const isOver = await context.step('is-over', async () => {
    const record = await stores.catalog.jobs.get(job);
    return record !== undefined && isFinished(record);
  });
  if (isOver) return {};
  const turns = turnsOf(tenantId, async () => (await stores.catalog.jobs.get(job))?.cancel_requested === true);
  return train(event, inTurn(fitting(context, stores, tenantId), turns), {
    async settle(outcome) {
      await settleJob(job, outcome, { ...stores, clock: systemClock });
      if (outcome.status !== 'cancelled')
        count(outcome.status === 'failed' ? 'jobsFailed' : 'jobsSucceeded', systemClock.nowMs());
    },
    failTrial: (trial, error) => stores.catalog.trials(job).patch(trial, { status: 'failed', error }),
    notify: (attempt) => notify({ job, attempt }, stores.catalog, { clock: systemClock, allowLoopback }),
  });
}

function fitting(context: DurableContext, stores: TenantTables, tenantId: string): Orchestration {
  return orchestration(context, tenantId, (event) => chargeDeath(event, { ...stores, clock: systemClock }));
}

function runRows(event: BatchEvent, context: DurableContext, stores: TenantTables): Promise<BatchOutcome> {
  const { tenant_id: tenantId, batch } = event;
  const { batches } = stores.catalog;
  const turns = turnsOf(tenantId, async () => (await batches.get(batch))?.cancel_requested === true);
  return runBatch(event, inTurn(fitting(context, stores, tenantId), turns), {
    plan: () => planBatch(batch, stores.catalog),
    place: (lane) => placeInLane(batch, lane, stores.catalog),
    settle: (outcome) => settleBatch(batch, outcome, { ...stores, clock: systemClock }),
    notify: (attempt) => notify({ batch, attempt }, stores.catalog, { clock: systemClock, allowLoopback }),
  });
}

/** What is cancelled needs no slot to hear of it. */
function turnsOf(tenantId: string, isCancelled: () => Promise<boolean>): Turns {
  return {
    ask: async (slot) => (await schedules.ask(slot, tenantId)) || (await isCancelled()),
    release: (slot) => schedules.release(slot),
  };
}
