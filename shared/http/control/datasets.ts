/** Datasets: made inline or by presigned upload, checked by the ingest function, immutable afterwards. */
import { epochS } from '../../clock.ts';
import { ServiceError } from '../../errors.ts';
import { INLINE_MAX_BYTES, UPLOAD_PARTS } from '../../resources/dataset.ts';
import type { CreateDataset, Dataset, DatasetRecord, Upload } from '../../resources/dataset.ts';
import { paths } from '../../stores/objects.ts';
import type { ObjectStore } from '../../stores/objects.ts';
import { ID_PATTERNS, newId } from '../../tenancy/ids.ts';
import { listOf, notFound, tenantOf } from '../context.ts';
import type { ControlContext } from '../context.ts';
import { isFinished } from '../../resources/training.ts';
import type { TenantStores } from '../../stores/tenant-stores.ts';
import type { Call, Operations, Reply } from '../operation.ts';

type DatasetOperation = 'createDataset' | 'listDatasets' | 'getDataset' | 'deleteDataset' | 'completeDataset';

const UPLOAD_EXPIRES_S = 3600;
/** Lambda gives an asynchronous event up after an hour; the last try may run for 15 minutes. */
const INGEST_GIVES_UP_S = 75 * 60;

export function datasetOperations(context: ControlContext): Operations<DatasetOperation> {
  const startIngest = (tenantId: string, id: string): Promise<void> =>
    context.functions.startIsolated(context.ingestFunction, tenantId, { dataset: id });

  return {
    createDataset: (call) => createDataset(call, context, startIngest),

    completeDataset: (call) => completeDataset(call, context, startIngest),

    async getDataset({ caller, params }) {
      const { catalog, objects } = tenantOf(context, caller);
      const record = await datasetById(catalog, params['id']);
      if (record.status !== 'awaiting_upload') return { body: show(record, epochS(context.clock)) };
      return {
        body: {
          ...show(record, epochS(context.clock)),
          upload: await uploadOf(objects, record, epochS(context.clock)),
        },
      };
    },

    async listDatasets({ caller, query }) {
      const { catalog } = tenantOf(context, caller);
      return {
        body: await listOf(catalog.datasets, query, {
          order: 'descending',
          ids: ID_PATTERNS.ds,
          idOf: ({ id }) => id,
          show: (record) => show(record, epochS(context.clock)),
        }),
      };
    },

    deleteDataset: (call) => deleteDataset(call, context),
  };
}

async function createDataset(
  { caller: from, body, seed }: Call<'createDataset'>,
  context: ControlContext,
  startIngest: (tenantId: string, id: string) => Promise<void>,
): Promise<Reply<'createDataset'>> {
  const { catalog, objects, storedBytes, caller, limits } = tenantOf(context, from);
  const inline = inlineData(body);
  const total = Object.values(inline ?? {}).reduce((sum, part) => sum + part.byteLength, 0);
  if (total > limits.dataset_bytes) throw tooLarge(total, limits.dataset_bytes);
  const stored = await storedBytes.used();
  if (stored >= limits.stored_bytes) {
    throw new ServiceError(
      'quota_exceeded',
      `${stored} of ${limits.stored_bytes} bytes are stored: delete datasets first`,
    );
  }
  const id = newId('ds', context.clock, seed);
  const record: DatasetRecord = {
    id,
    object: 'dataset',
    name: body.name,
    format: body.format,
    status: inline === undefined ? 'awaiting_upload' : 'profiling',
    created_at: epochS(context.clock),
    ...(inline === undefined ? {} : { profiling_since: epochS(context.clock) }),
    reading: { columns: body.columns, csv_options: body.csv_options },
    stored_bytes_limit: limits.stored_bytes,
  };
  if (inline === undefined) {
    await catalog.datasets.create(id, record);
    return {
      body: { ...show(record, epochS(context.clock)), upload: await uploadOf(objects, record, epochS(context.clock)) },
    };
  }
  await Promise.all(Object.entries(inline).map(([part, bytes]) => objects.put(paths.upload(id, part), bytes)));
  // A try before this one may have made it, and it may be read already: then nothing is left to do for ingest.
  await catalog.datasets.create(id, record);
  await startIngest(caller.tenantId, id);
  return { body: show(record, epochS(context.clock)) };
}

async function completeDataset(
  { caller: from, params }: Call<'completeDataset'>,
  context: ControlContext,
  startIngest: (tenantId: string, id: string) => Promise<void>,
): Promise<Reply<'completeDataset'>> {
  const { catalog, objects, caller, limits } = tenantOf(context, from);
  const record = await datasetById(catalog, params['id']);
  if (record.status !== 'awaiting_upload') return { body: show(record, epochS(context.clock)) };
  const sizes = await Promise.all(
    UPLOAD_PARTS[record.format].map(async (part) => [part, await objects.size(paths.upload(record.id, part))] as const),
  );
  const missing = sizes.filter(([, size]) => size === undefined).map(([part]) => part);
  if (missing.length > 0) {
    throw new ServiceError(
      'conflict',
      `nothing was uploaded for ${missing.join(' and ')}: PUT the file to the URL in "upload" first, then complete the dataset`,
    );
  }
  const total = sizes.reduce((sum, [, size]) => sum + (size ?? 0), 0);
  if (total > limits.dataset_bytes) throw tooLarge(total, limits.dataset_bytes);
  const isFirst = await catalog.datasets.patch(
    record.id,
    { status: 'profiling', profiling_since: epochS(context.clock) },
    ['awaiting_upload'],
  );
  if (isFirst) await startIngest(caller.tenantId, record.id);
  return { body: show(await datasetById(catalog, record.id), epochS(context.clock)) };
}

async function deleteDataset(
  { caller, params }: Call<'deleteDataset'>,
  context: ControlContext,
): Promise<Reply<'deleteDataset'>> {
  const { catalog, objects, quotas, storedBytes } = tenantOf(context, caller);
  const record = await datasetById(catalog, params['id']);
  const users = await workOn(record.id, catalog, quotas);
  if (users.length > 0) {
    throw new ServiceError(
      'conflict',
      `dataset ${record.id} is in use by ${users.join(', ')}: wait for it to end, or cancel it`,
    );
  }
  await objects.deleteAll(paths.dataset(record.id));
  const trained = await versionsTrainedOn(record.id, catalog);
  const isFirst = await catalog.datasets.delete(record.id);
  if (isFirst && record.status === 'ready') await storedBytes.giveBack(record.bytes ?? 0);
  return { body: { object: 'dataset', id: record.id, deleted: true, trained_model_versions: trained } };
}

/** @throws {ServiceError} not_found, for another tenant's dataset as for one that never was */
export async function datasetById(catalog: TenantStores['catalog'], id = ''): Promise<DatasetRecord> {
  const record = ID_PATTERNS.ds.test(id) ? await catalog.datasets.get(id) : undefined;
  if (record === undefined) throw notFound('dataset', id);
  return record;
}

function tooLarge(bytes: number, limit: number): ServiceError {
  return new ServiceError('quota_exceeded', `the data have ${bytes} bytes, your plan allows ${limit} a dataset`);
}

/** What runs on the dataset: jobs that train or validate on it, and batches. */
async function workOn(id: string, catalog: TenantStores['catalog'], quotas: TenantStores['quotas']): Promise<string[]> {
  const running = await quotas.runningJobs();
  const jobs = await Promise.all(running.map((job) => catalog.jobs.get(job)));
  const batches = await Promise.all(running.map((batch) => catalog.batches.get(batch)));
  return [...jobs, ...batches].flatMap((work) => {
    if (work === undefined || isFinished(work)) return [];
    const isUser =
      work.dataset === id || (work.object === 'job' && 'dataset' in work.validation && work.validation.dataset === id);
    return isUser ? [work.id] : [];
  });
}

/** `name:version` of every version that learned from the dataset: they stay. */
async function versionsTrainedOn(id: string, catalog: TenantStores['catalog']): Promise<string[]> {
  const trained: string[] = [];
  const page = { limit: 1_000, order: 'ascending' } as const;
  for (let after: string | undefined, hasMore = true; hasMore;) {
    const models = await catalog.models.list({ ...page, after });
    for (const { name } of models.data) {
      const versions = await catalog.versions(name).list(page);
      trained.push(...versions.data.filter(({ dataset }) => dataset === id).map((version) => version.id));
    }
    after = models.data.at(-1)?.name;
    hasMore = models.hasMore;
  }
  return trained;
}

/** The record as the API shows it. */
function show(record: DatasetRecord, nowS: number): Dataset {
  const { reading: _, stored_bytes_limit: _limit, profiling_since: since, ...dataset } = record;
  if (dataset.status !== 'profiling' || nowS - (since ?? dataset.created_at) < INGEST_GIVES_UP_S) return dataset;
  // Ingest died every time it was tried, and could not say so itself.
  return {
    ...dataset,
    status: 'invalid',
    errors: [{ message: 'the data could not be read', hint: 'upload them again, in smaller parts if they are large' }],
  };
}

/** The files that came in the body by part, or undefined where the data are to be uploaded. */
function inlineData(body: CreateDataset): Record<string, Uint8Array> | undefined {
  const parts = inlineParts(body);
  if (parts === undefined) return undefined;
  const total = Object.values(parts).reduce((sum, bytes) => sum + bytes.byteLength, 0);
  if (total > INLINE_MAX_BYTES) {
    throw new ServiceError(
      'payload_too_large',
      `the data have ${total} bytes, inline data may have ${INLINE_MAX_BYTES}: leave them out and upload them to the URL that the answer names`,
    );
  }
  return parts;
}

function inlineParts(body: CreateDataset): Record<string, Uint8Array> | undefined {
  if (body.csv !== undefined) return { data: Buffer.from(body.csv) };
  if (body.rows !== undefined) return { data: Buffer.from(body.rows.map((row) => JSON.stringify(row)).join('\n')) };
  if (body.images === undefined || body.labels === undefined) return undefined;
  return { images: Buffer.from(body.images, 'base64'), labels: Buffer.from(body.labels, 'base64') };
}

async function uploadOf(objects: ObjectStore, record: DatasetRecord, nowS: number): Promise<Upload> {
  const target = async (part: string) => ({
    method: 'PUT' as const,
    url: await objects.presignPut(paths.upload(record.id, part), UPLOAD_EXPIRES_S),
    headers: {},
    expires_at: nowS + UPLOAD_EXPIRES_S,
  });
  const parts = await Promise.all(UPLOAD_PARTS[record.format].map(async (part) => [part, await target(part)] as const));
  const [, first] = parts[0]!;
  return parts.length === 1 ? first : { ...first, parts: Object.fromEntries(parts) };
}
