/** Training jobs: checked before they cost anything, then run by the durable train function under the job's id. */
import { epochS } from '../../clock.ts';
import { ServiceError } from '../../errors.ts';
import type { Job, JobRecord, JobSpec } from '../../resources/job.ts';
import { MAX_TRIALS } from '../../resources/sweep.ts';
import { isFinished } from '../../resources/training.ts';
import { ID_PATTERNS, newId } from '../../tenancy/ids.ts';
import type { Caller } from '../../tenancy/tenant.ts';
import { plannedTrials } from '../../workflows/sweep.ts';
import type { SweepPlan } from '../../workflows/sweep.ts';
import type { TrainEvent } from '../../workflows/train.ts';
import { checkWebhookUrl } from '../../workflows/webhook.ts';
import { listOf, notFound, tenantOf } from '../context.ts';
import type { ControlContext } from '../context.ts';
import type { TenantStores } from '../../stores/tenant-stores.ts';
import type { Call, Operations, Reply } from '../operation.ts';
import { estimateJob } from './estimate.ts';
import { takeSlot } from '../slots.ts';
import { checkJob } from './job-checks.ts';
import { checkRoom } from './job-room.ts';
import { withTrials } from './trials.ts';

type JobOperation = 'createJob' | 'estimateJob' | 'listJobs' | 'getJob' | 'cancelJob';

export function jobOperations(context: ControlContext): Operations<JobOperation> {
  return {
    createJob: (call) => createJob(call, context),

    estimateJob: (call) => estimateJob(call, context),

    async getJob({ caller, params }) {
      const { catalog } = tenantOf(context, caller);
      return { body: await showWhole(await jobById(catalog, params['id']), catalog, context.clock) };
    },

    async listJobs({ caller, query }) {
      const { catalog } = tenantOf(context, caller);
      return {
        body: await listOf(catalog.jobs, query, {
          order: 'descending',
          ids: ID_PATTERNS.job,
          idOf: ({ id }) => id,
          show,
        }),
      };
    },

    async cancelJob({ caller: from, params }) {
      const { catalog, caller } = tenantOf(context, from);
      const job = await jobById(catalog, params['id']);
      if (!isFinished(job)) await catalog.jobs.patch(job.id, { cancel_requested: true }, ['queued', 'running']);
      // What would end it may never have been started, where the request that made it died.
      if (job.status === 'queued') await startJob(job, await checkJob(catalog, job), { caller, context });
      return { body: await showWhole(await jobById(catalog, job.id), catalog, context.clock) };
    },
  };
}

async function createJob(
  { caller: from, body: spec, seed }: Call<'createJob'>,
  context: ControlContext,
): Promise<Reply<'createJob'>> {
  const { catalog, quotas, caller, limits } = tenantOf(context, from);
  const id = newId('job', context.clock, seed);
  const known = seed === undefined ? undefined : await catalog.jobs.get(id);
  // A try before this one died: the same execution is not started twice.
  if (known !== undefined && isFinished(known)) return { body: await showWhole(known, catalog, context.clock) };
  if (spec.webhook !== undefined) checkWebhookUrl(spec.webhook.url, context.allowLocalWebhooks);
  checkSize(spec);
  const plan = await checkJob(catalog, spec);
  await checkRoom(spec, tenantOf(context, caller), context.clock);
  const refusal = `your plan runs ${limits.jobs_at_once} jobs at once: wait for one to finish or cancel it`;
  const slot = () => takeSlot(id, { catalog, quotas, limits }, { clock: context.clock, refusal });
  await slot();
  const record: JobRecord = {
    id,
    object: 'job',
    ...spec,
    status: 'queued',
    progress: { fraction: 0 },
    metrics: { train: {}, validation: {} },
    usage: { seconds: 0, gb_seconds: 0, usd: 0, price_version: caller.prices.version },
    created_at: epochS(context.clock),
    key_id: caller.keyId,
    gb_second_usd: caller.prices.training_gb_second_usd,
    price_version: caller.prices.version,
    stored_bytes_limit: limits.stored_bytes,
    models_limit: limits.models,
    training_seconds_limit: limits.training_seconds_per_month,
  };
  try {
    if (!(await catalog.jobs.create(id, record)) && seed === undefined) throw new Error(`there is a job ${id} already`);
    // Of a request that was tried again after a while it may have been taken back meanwhile.
    if (seed !== undefined) await slot();
    await startJob(record, plan, { caller, context });
  } catch (error) {
    // One of an earlier try may run already.
    if (known !== undefined) throw error;
    await quotas.releaseJob(id);
    await catalog.jobs.delete(id);
    throw error;
  }
  return { body: await showWhole(known ?? record, catalog, context.clock) };
}

/** Nothing happens where the job's execution runs already. */
async function startJob(
  { id, webhook }: JobRecord,
  plan: SweepPlan | undefined,
  { caller, context }: { caller: Caller; context: ControlContext },
): Promise<void> {
  const event: TrainEvent = {
    tenant_id: caller.tenantId,
    job: id,
    ...(plan === undefined ? {} : { sweep: plan }),
    ...(webhook === undefined ? {} : { webhook: true }),
  };
  await context.functions.startDurable(context.trainFunction, id, event);
}

async function jobById(catalog: TenantStores['catalog'], id = ''): Promise<JobRecord> {
  const record = ID_PATTERNS.job.test(id) ? await catalog.jobs.get(id) : undefined;
  if (record === undefined) throw notFound('job', id);
  return record;
}

function show(record: JobRecord): Job {
  const { key_id: _key, cancel_requested: _cancel, gb_second_usd: _usd, price_version: _version, ...rest } = record;
  const { stored_bytes_limit: _bytes, models_limit: _models, training_seconds_limit: _seconds, ...some } = rest;
  const { attempt: _attempt, ...job } = some;
  const { sweep } = record;
  return sweep === undefined ? job : { ...job, trial_count: plannedTrials({ ...record, sweep }).length };
}

/** With the trials of a sweep. */
async function showWhole(
  record: JobRecord,
  catalog: TenantStores['catalog'],
  clock: ControlContext['clock'],
): Promise<Job> {
  const { sweep } = record;
  if (sweep === undefined) return show(record);
  const { data } = await catalog.trials(record.id).list({ limit: MAX_TRIALS, order: 'ascending' });
  return withTrials({ ...show(record), sweep }, data, epochS(clock));
}

/** The job's record holds its specification, within the 400 KB of an item of DynamoDB. */
const MAX_SPEC_BYTES = 200_000;

function checkSize(spec: JobSpec): void {
  const bytes = Buffer.byteLength(JSON.stringify(spec));
  if (bytes <= MAX_SPEC_BYTES) return;
  throw new ServiceError(
    'payload_too_large',
    `the job's description has ${bytes} bytes, expected at most ${MAX_SPEC_BYTES}: name fewer features or layers`,
  );
}
