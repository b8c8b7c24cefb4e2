/** A new batch: checked before it costs anything, then run by the durable train function under its id. */
import { epochS, secondsToNextMonth } from '../../clock.ts';
import type { Clock } from '../../clock.ts';
import { ServiceError } from '../../errors.ts';
import type { BatchFeature, BatchRecord, BatchSpec } from '../../resources/batch.ts';
import { isFinished } from '../../resources/training.ts';
import { paths } from '../../stores/objects.ts';
import type { TenantStores } from '../../stores/tenant-stores.ts';
import { newId } from '../../tenancy/ids.ts';
import type { Caller } from '../../tenancy/tenant.ts';
import { stepRows } from '../../workflows/batch/lanes.ts';
import type { BatchEvent } from '../../workflows/batch/run.ts';
import { readyDataset } from '../ready.ts';
import { takeSlot } from '../slots.ts';
import { checkColumns, featuresOf, versionOfRef } from './inputs.ts';

export interface MakeContext {
  readonly clock: Clock;
  /** Of the function that predicts. */
  readonly memoryMb: number;
  readonly start: (id: string, event: BatchEvent) => Promise<void>;
}

type Tenant = TenantStores & { readonly caller: Caller };

const NOT_STARTED = { code: 'internal', message: 'the batch could not be started: make it again' };
/** No line is shorter. */
const LINE_BYTES = 24;

/** @param seed of a request with an idempotency key */
export async function makeBatch(
  spec: BatchSpec,
  tenant: Tenant,
  context: MakeContext,
  seed: string | undefined,
): Promise<BatchRecord> {
  const { catalog, objects, quotas, caller } = tenant;
  const id = newId('batch', context.clock, seed);
  const known = seed === undefined ? undefined : await catalog.batches.get(id);
  if (known !== undefined && isFinished(known)) return known;
  const record = known ?? (await recordOf(id, spec, tenant, context));
  await checkRoom(record, tenant, context.clock);
  const { limits } = caller;
  const refusal = `your plan runs ${limits.jobs_at_once} jobs and batches at once: wait for one to finish or cancel it`;
  const slot = () => takeSlot(id, { catalog, quotas, limits }, { clock: context.clock, refusal });
  await slot();
  if (spec.instances !== undefined)
    await objects.put(paths.batchInstances(id), JSON.stringify(spec.instances), 'application/json');
  if (!(await catalog.batches.create(id, record)) && seed === undefined)
    throw new Error(`there is a batch ${id} already`);
  try {
    if (seed !== undefined) await slot();
    await context.start(id, { tenant_id: caller.tenantId, batch: id });
  } catch (error) {
    // One of an earlier try may run already.
    if (known === undefined) {
      await catalog.batches.put(id, { ...record, status: 'failed', error: NOT_STARTED });
      await quotas.releaseJob(id);
    }
    throw error;
  }
  return record;
}

async function recordOf(
  id: string,
  spec: BatchSpec,
  tenant: Tenant,
  { clock, memoryMb }: MakeContext,
): Promise<BatchRecord> {
  const { caller, catalog } = tenant;
  const version = await versionOfRef(spec, tenant);
  const isLanguage = version.task === 'language_modelling';
  if (spec.parameters !== undefined && !isLanguage) {
    const message = `"parameters" are for language modelling, ${version.id} is of another kind`;
    throw new ServiceError('invalid_request', message, { param: '/parameters' });
  }
  const features = await featuresOf(version, tenant);
  const { rows, inputs } =
    spec.dataset === undefined ? ofInstances(spec) : await ofDataset(spec.dataset, spec, { catalog, features });
  const { instances: _, user: _user, model: _ref, ...rest } = spec;
  return {
    id,
    object: 'batch',
    ...rest,
    model: version.name,
    model_version: version.version,
    status: 'queued',
    progress: { fraction: 0, rows, predicted: 0, failed: 0 },
    usage: { seconds: 0, gb_seconds: 0, usd: 0, price_version: caller.prices.version },
    created_at: epochS(clock),
    key_id: caller.keyId,
    prices: caller.prices,
    features,
    step_rows: stepRows(inputs, isLanguage ? (spec.parameters ?? {}) : undefined),
    memory_mb: memoryMb,
    predictions_limit: caller.limits.predictions_per_month,
    stored_bytes_limit: caller.limits.stored_bytes,
  };
}

type Inputs = Parameters<typeof stepRows>[0];

async function ofDataset(
  id: string,
  { include }: BatchSpec,
  { catalog, features }: { catalog: TenantStores['catalog']; features: readonly BatchFeature[] },
): Promise<{ rows: number; inputs: Inputs }> {
  const dataset = await readyDataset(catalog, id, '/dataset');
  checkColumns({ id, columns: dataset.columns }, { features, include });
  return {
    rows: dataset.rows,
    inputs: dataset.columns.filter(({ name }) => features.some((one) => one.name === name)),
  };
}

/** A number of JSON has some four characters. */
const NUMBER_CHARS = 4;

function ofInstances({ instances = [], include }: BatchSpec): { rows: number; inputs: Inputs } {
  if (include !== undefined)
    throw new ServiceError('invalid_request', '/include: instances have no columns: it goes with "dataset"', {
      param: '/include',
    });
  const chars = JSON.stringify(instances).length / instances.length;
  return { rows: instances.length, inputs: [{ type: 'tensor', shape: [Math.ceil(chars / NUMBER_CHARS)] }] };
}

/** As far as it can be said before anything runs. @throws {ServiceError} quota_exceeded */
async function checkRoom(
  { progress: { rows } }: BatchRecord,
  { predictions, storedBytes, caller }: Tenant,
  clock: Clock,
): Promise<void> {
  const { predictions_per_month: limit, stored_bytes: storedLimit } = caller.limits;
  if ((await predictions.room(limit)) <= 0) {
    throw new ServiceError('quota_exceeded', `this month's ${limit} predictions are used up: see GET /v1/limits`, {
      retryAfterS: secondsToNextMonth(clock.nowMs()),
    });
  }
  const stored = await storedBytes.used();
  if (stored + rows * LINE_BYTES <= storedLimit) return;
  throw new ServiceError(
    'quota_exceeded',
    `the output of ${rows} rows does not fit beside the ${stored} of ${storedLimit} bytes that are stored: delete datasets or batches first`,
  );
}
