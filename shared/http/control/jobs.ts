/** Training jobs: checked before they cost anything, then run by the durable train function under the job's id. */
import { epochS } from '../../clock.ts';
import { ServiceError } from '../../errors.ts';
import { validateTraining } from '../../families/validate.ts';
import type { Job, JobRecord, JobSpec } from '../../resources/job.ts';
import { isFinished } from '../../resources/job.ts';
import { ID_PATTERNS, newId } from '../../tenancy/ids.ts';
import { listOf, notFound, tenantOf } from '../context.ts';
import type { ControlContext } from '../context.ts';
import type { TenantStores } from '../../stores/tenant-stores.ts';
import type { Call, Operations, Reply } from '../operation.ts';

type JobOperation = 'createJob' | 'listJobs' | 'getJob' | 'cancelJob';

export function jobOperations(context: ControlContext): Operations<JobOperation> {
  return {
    createJob: (call) => createJob(call, context),

    async getJob({ caller, params }) {
      return { body: show(await jobById(tenantOf(context, caller).catalog, params['id'])) };
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

    async cancelJob({ caller, params }) {
      const { catalog } = tenantOf(context, caller);
      const job = await jobById(catalog, params['id']);
      if (!isFinished(job)) await catalog.jobs.patch(job.id, { cancel_requested: true }, ['queued', 'running']);
      return { body: show(await jobById(catalog, job.id)) };
    },
  };
}

async function createJob(
  { caller: from, body: spec }: Call<'createJob'>,
  context: ControlContext,
): Promise<Reply<'createJob'>> {
  const { catalog, quotas, caller, limits } = tenantOf(context, from);
  await checkData(catalog, spec);
  const usedSeconds = await quotas.trainingSeconds();
  if (usedSeconds >= limits.training_seconds_per_month) {
    throw new ServiceError(
      'quota_exceeded',
      `this month's ${limits.training_seconds_per_month} training seconds are used up: see GET /v1/limits`,
    );
  }
  const id = newId('job', context.clock);
  if (!(await quotas.acquireJob(id, limits.jobs_at_once))) {
    throw new ServiceError(
      'quota_exceeded',
      `your plan runs ${limits.jobs_at_once} jobs at once: wait for one to finish or cancel it`,
      { retryAfterS: 30 },
    );
  }
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
  };
  try {
    await catalog.jobs.put(id, record);
    await context.functions.startDurable(context.trainFunction, id, { tenant_id: caller.tenantId, job: id });
  } catch (error) {
    await quotas.releaseJob(id);
    await catalog.jobs.delete(id);
    throw error;
  }
  return { body: show(record) };
}

async function jobById(catalog: TenantStores['catalog'], id = ''): Promise<JobRecord> {
  const record = ID_PATTERNS.job.test(id) ? await catalog.jobs.get(id) : undefined;
  if (record === undefined) throw notFound('job', id);
  return record;
}

function show(record: JobRecord): Job {
  const { key_id: _key, cancel_requested: _cancel, gb_second_usd: _usd, price_version: _version, ...job } = record;
  return job;
}

/** Checks the job against its datasets' columns and the family's parameters, before anything is reserved. */
async function checkData(catalog: TenantStores['catalog'], spec: JobSpec): Promise<void> {
  const dataset = await readyDataset(catalog, spec.dataset, '/dataset');
  validateTraining(spec, dataset);
  if (!('dataset' in spec.validation)) return;
  const validation = await readyDataset(catalog, spec.validation.dataset, '/validation/dataset');
  const names = new Set(validation.columns.map(({ name }) => name));
  const needed = [
    ...(spec.features ?? dataset.columns.map(({ name }) => name)),
    ...(spec.target === undefined ? [] : [spec.target]),
  ];
  const missing = needed.filter((name) => !names.has(name));
  if (missing.length > 0) {
    throw new ServiceError(
      'invalid_request',
      `the validation dataset lacks the columns ${missing.map((name) => `"${name}"`).join(', ')}`,
      { param: '/validation/dataset' },
    );
  }
}

async function readyDataset(catalog: TenantStores['catalog'], id: string, param: string) {
  const dataset = ID_PATTERNS.ds.test(id) ? await catalog.datasets.get(id) : undefined;
  if (dataset === undefined) throw new ServiceError('not_found', `${param}: there is no dataset "${id}"`, { param });
  if (dataset.status === 'invalid') {
    throw new ServiceError(
      'dataset_invalid',
      `${param}: dataset ${id} is invalid; GET /v1/datasets/${id} lists what is wrong with it`,
      { param },
    );
  }
  if (dataset.status !== 'ready' || dataset.rows === undefined || dataset.columns === undefined) {
    throw new ServiceError(
      'dataset_not_ready',
      `${param}: dataset ${id} is ${dataset.status}; it has to be ready before a job can use it`,
      { param, retryAfterS: 2 },
    );
  }
  return { rows: dataset.rows, columns: dataset.columns };
}
