/** What a batch needs to know before it costs anything: which version of the model, what goes into it, and whether the rows have that. */
import { ServiceError } from '../../errors.ts';
import { targetOf } from '../../resources/alias.ts';
import type { BatchFeature, BatchSpec } from '../../resources/batch.ts';
import type { DatasetRecord } from '../../resources/dataset.ts';
import { UPLOADED_FAMILY, parseModelRef } from '../../resources/model-ref.ts';
import type { ModelCard, ModelRecord, ModelVersionRecord } from '../../resources/model.ts';
import type { ModelRef } from '../../resources/model-ref.ts';
import { versionId } from '../../stores/catalog.ts';
import { paths } from '../../stores/objects.ts';
import type { TenantStores } from '../../stores/tenant-stores.ts';
import { notFound } from '../context.ts';
import { requireReady } from '../ready.ts';
import { chooseVersion } from '../split.ts';

/** The version that a reference means now; of a split it is one for the whole batch. @throws {ServiceError} not_found, model_not_ready */
export async function versionOfRef(
  { model: text, user }: BatchSpec,
  { catalog }: TenantStores,
): Promise<ModelVersionRecord> {
  const ref = parseModelRef(text);
  const model = ref === undefined ? undefined : await catalog.models.get(ref.name);
  if (ref === undefined || model === undefined) throw notFound('model', text);
  const number = ref.version ?? numberOf(model, { ...ref, ...(user === undefined ? {} : { user }) });
  const version = await catalog.versions(model.name).get(versionId(number));
  if (version === undefined) throw notFound('model', `${model.name}:${number}`);
  requireReady(version);
  return version;
}

function numberOf(model: ModelRecord, { alias = 'latest', user }: ModelRef): number {
  const target = alias === 'latest' ? model.latest_version : targetOf(model.aliases, alias);
  if (target === undefined) throw notFound('model', `${model.name}@${alias}`);
  if (target === 0)
    throw new ServiceError('model_not_ready', `${model.name} has no version that is ready`, { retryAfterS: 2 });
  return chooseVersion(target, { alias: `${model.name}@${alias}`, user });
}

/** What goes into a version, by name. */
export async function featuresOf(version: ModelVersionRecord, { objects }: TenantStores): Promise<BatchFeature[]> {
  if (version.family === UPLOADED_FAMILY) return inputsOf(version);
  const bytes = await objects.get(paths.card(version.name, version.version));
  if (bytes === undefined)
    throw new ServiceError('model_not_ready', `${version.id} is being published`, { retryAfterS: 1 });
  const { data } = JSON.parse(Buffer.from(bytes).toString('utf8')) as ModelCard;
  return data.features.map(({ name, type, shape }) => ({ name, type, ...(shape === undefined ? {} : { shape }) }));
}

/** Instances are stacked along the first axis, which has to be open in every input. */
function inputsOf({ id, name, lint }: ModelVersionRecord): BatchFeature[] {
  const inputs = lint?.content?.inputs ?? [];
  const fixed = inputs.find(({ shape }) => shape[0] !== -1);
  if (fixed === undefined)
    return inputs.map((input) => ({
      name: input.name,
      type: input.shape.length > 1 ? 'tensor' : input.type,
      shape: input.shape.slice(1),
    }));
  const message = `${id}: the input "${fixed.name}" has no batch axis in its first place, so that rows cannot be put together: send its tensors to /v2/models/${name}/infer`;
  throw new ServiceError('invalid_request', message, { param: '/model' });
}

/** @throws {ServiceError} invalid_request for columns that are not there, or cannot be the feature they are named for */
export function checkColumns(
  { id, columns = [] }: Pick<DatasetRecord, 'id' | 'columns'>,
  { features, include = [] }: { features: readonly BatchFeature[]; include?: readonly string[] | undefined },
): void {
  const typeOf = new Map(columns.map(({ name, type }) => [name, type]));
  const missing = features.filter(({ name }) => !typeOf.has(name)).map(({ name }) => `"${name}"`);
  if (missing.length > 0) {
    const names = columns.map(({ name }) => name).join(', ');
    const message = `dataset ${id} lacks the model's features ${missing.join(', ')}: its columns are ${names}`;
    throw new ServiceError('invalid_request', message.slice(0, 2_000), { param: '/dataset' });
  }
  const unlike = features.find(({ name, type }) => (type === 'tensor') !== (typeOf.get(name) === 'tensor'));
  if (unlike !== undefined) {
    const message = `the model's feature "${unlike.name}" is a ${unlike.type}, and the dataset's column a ${typeOf.get(unlike.name) ?? ''}`;
    throw new ServiceError('invalid_request', message, { param: '/dataset' });
  }
  const unknown = include.findIndex((name) => !typeOf.has(name));
  if (unknown === -1) return;
  const message = `/include/${unknown}: dataset ${id} has no column "${include[unknown]!}"`;
  throw new ServiceError('invalid_request', message, { param: `/include/${unknown}` });
}
