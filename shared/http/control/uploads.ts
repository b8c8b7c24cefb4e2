/** Models of a tenant's own: a version that waits for its upload, and the check that the upload's end starts. */
import { epochS } from '../../clock.ts';
import { ServiceError } from '../../errors.ts';
import { parseModelRef, UPLOADED_FAMILY } from '../../resources/model-ref.ts';
import type { ModelVersion, ModelVersionRecord } from '../../resources/model.ts';
import { versionId } from '../../stores/catalog.ts';
import { paths } from '../../stores/objects.ts';
import type { TenantStores } from '../../stores/tenant-stores.ts';
import { newId } from '../../tenancy/ids.ts';
import type { Limits } from '../../tenancy/plan.ts';
import type { Caller } from '../../tenancy/tenant.ts';
import type { CheckEvent } from '../../workflows/check.ts';
import { notFound, tenantOf } from '../context.ts';
import type { ControlContext } from '../context.ts';
import type { Call, Operations, Reply } from '../operation.ts';
import { versionOf } from './model-record.ts';

const UPLOAD_EXPIRES_S = 3600;
const MAX_TRIES = 20;

export function uploadOperations(
  context: ControlContext,
): Operations<'createModel' | 'completeModelVersion' | 'completeModel'> {
  return {
    createModel: (call) => createModel(call, context),
    async completeModelVersion({ caller, params }) {
      const { catalog } = tenantOf(context, caller);
      return complete(await versionOf(catalog, params), caller, context);
    },
    async completeModel({ caller, params }) {
      const { catalog } = tenantOf(context, caller);
      return complete(await referred(catalog, params['name']), caller, context);
    },
  };
}

/** The version as the API shows it: of one that waits for its upload, where to. */
export async function showVersion(
  { check: _check, stored_bytes_limit: _limit, ...version }: ModelVersionRecord,
  objects: TenantStores['objects'],
  context: ControlContext,
): Promise<ModelVersion> {
  const shown = { ...version, status: version.status ?? 'ready' } as const;
  if (shown.status !== 'awaiting_upload') return shown;
  const url = await objects.presignPut(paths.modelUpload(version.name, version.version), UPLOAD_EXPIRES_S);
  return {
    ...shown,
    upload: { method: 'PUT', url, headers: {}, expires_at: epochS(context.clock) + UPLOAD_EXPIRES_S },
  };
}

async function createModel(
  { caller: from, body: { name }, seed }: Call<'createModel'>,
  context: ControlContext,
): Promise<Reply<'createModel'>> {
  const { caller: _, limits, ...stores } = tenantOf(context, from);
  const stored = await stores.storedBytes.used();
  if (stored >= limits.stored_bytes) {
    throw new ServiceError(
      'quota_exceeded',
      `${stored} of ${limits.stored_bytes} bytes are stored: delete datasets or models first`,
    );
  }
  const check = newId('check', context.clock, seed);
  const nowS = epochS(context.clock);
  await makeModel(name, { stores, limits, check, nowS });
  const record = await reserve(stores.catalog, { name, check, limit: limits.stored_bytes, nowS });
  return { body: await showVersion(record, stores.objects, context) };
}

/** The model of that name, with no version yet where it is new. */
async function makeModel(
  name: string,
  { stores, limits, check, nowS }: { stores: TenantStores; limits: Limits; check: string; nowS: number },
): Promise<void> {
  const { catalog, models } = stores;
  if ((await catalog.models.get(name)) !== undefined) return;
  if (!(await models.take(check, 1, limits.models)))
    throw new ServiceError(
      'quota_exceeded',
      `your plan's ${limits.models} models are used up: delete one, or use its name`,
    );
  const dates = { created_at: nowS, updated_at: nowS };
  const isNew = await catalog.models.create(name, {
    id: name,
    object: 'model',
    name,
    latest_version: 0,
    aliases: {},
    ...dates,
  });
  if (isNew) await models.confirm(check);
  else await models.undo(check, 1);
}

/** The next free version number. */
async function reserve(
  catalog: TenantStores['catalog'],
  { name, check, limit, nowS }: { name: string; check: string; limit: number; nowS: number },
): Promise<ModelVersionRecord> {
  const versions = catalog.versions(name);
  const newest = (await versions.list({ limit: 1, order: 'descending' })).data[0];
  // Another try of the same request.
  if (newest?.check === check) return newest;
  const first = Math.max(newest?.version ?? 0, (await catalog.models.get(name))?.latest_version ?? 0) + 1;
  for (let version = first; version < first + MAX_TRIES; version++) {
    const record: ModelVersionRecord = {
      id: `${name}:${version}`,
      object: 'model.version',
      name,
      version,
      status: 'awaiting_upload',
      family: UPLOADED_FAMILY,
      metrics: { train: {}, validation: {} },
      bytes: 0,
      sha256: '',
      created_at: nowS,
      check,
      stored_bytes_limit: limit,
    };
    if (await versions.create(versionId(version), record)) return record;
  }
  throw new ServiceError('conflict', `many versions of ${name} are being made at once: try again`, { retryAfterS: 1 });
}

async function complete(
  record: ModelVersionRecord,
  caller: Caller | undefined,
  context: ControlContext,
): Promise<Reply<'completeModel'>> {
  const { catalog, objects, caller: known } = tenantOf(context, caller);
  const { name, version, check } = record;
  if ((record.status === 'awaiting_upload' || record.status === 'linting') && check !== undefined) {
    if (record.status === 'awaiting_upload' && (await objects.size(paths.modelUpload(name, version))) === undefined) {
      throw new ServiceError(
        'conflict',
        'nothing was uploaded: PUT the ONNX file to the URL in "upload" first, then complete the version',
      );
    }
    await catalog.versions(name).patch(versionId(version), { status: 'linting' }, ['awaiting_upload']);
    // The same name again is the same execution: a request that was lost in between is made up for.
    const event: CheckEvent = { tenant_id: known.tenantId, check: { name, version } };
    await context.functions.startDurable(context.trainFunction, check, event);
  }
  const now = await catalog.versions(name).get(versionId(version));
  if (now === undefined) throw notFound('model', record.id);
  return { body: await showVersion(now, objects, context) };
}

/** Of `name:version`, or of a name the version that was begun last. */
async function referred(catalog: TenantStores['catalog'], text = ''): Promise<ModelVersionRecord> {
  const ref = parseModelRef(text);
  if (ref === undefined) throw notFound('model', text);
  const record =
    ref.version === undefined
      ? (await catalog.versions(ref.name).list({ limit: 1, order: 'descending' })).data[0]
      : await catalog.versions(ref.name).get(versionId(ref.version));
  if (record === undefined) throw notFound('model', text);
  return record;
}
