/** A model's record: found by its name, and as the API shows it. */
import { nameSchema } from '../../resources/common.ts';
import type { Model, ModelRecord, ModelVersionRecord } from '../../resources/model.ts';
import { versionId } from '../../stores/catalog.ts';
import type { Catalog } from '../../stores/catalog.ts';
import { notFound } from '../context.ts';

/** `latest` is an alias like the others, but moves by itself. */
export function showModel({ alias_history: _, ...model }: ModelRecord): Model {
  // An upload that is not ready yet has a model without a version to serve.
  const ready = model.latest_version > 0;
  return { ...model, aliases: { ...(ready ? { latest: model.latest_version } : {}), ...model.aliases }, ready };
}

/** @throws {ServiceError} not_found */
export async function modelByName(catalog: Catalog, name = ''): Promise<ModelRecord> {
  const model = nameSchema.safeParse(name).success ? await catalog.models.get(name) : undefined;
  if (model === undefined) throw notFound('model', name);
  return model;
}

/** @throws {ServiceError} not_found */
export async function versionOf(
  catalog: Catalog,
  params: Readonly<Record<string, string>>,
): Promise<ModelVersionRecord> {
  const model = await modelByName(catalog, params['name']);
  const text = params['version'] ?? '';
  const version = /^[1-9]\d{0,8}$/.test(text)
    ? await catalog.versions(model.name).get(versionId(Number(text)))
    : undefined;
  if (version === undefined) throw notFound('model', `${model.name}:${text}`);
  return version;
}
