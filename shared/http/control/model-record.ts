/** A model's record: found by its name, and as the API shows it. */
import { nameSchema } from '../../resources/common.ts';
import type { Model, ModelRecord } from '../../resources/model.ts';
import type { Catalog } from '../../stores/catalog.ts';
import { notFound } from '../context.ts';

/** `latest` is an alias like the others, but moves by itself. */
export function showModel({ alias_history: _, ...model }: ModelRecord): Model {
  return { ...model, aliases: { latest: model.latest_version, ...model.aliases }, ready: true };
}

/** @throws {ServiceError} not_found */
export async function modelByName(catalog: Catalog, name = ''): Promise<ModelRecord> {
  const model = nameSchema.safeParse(name).success ? await catalog.models.get(name) : undefined;
  if (model === undefined) throw notFound('model', name);
  return model;
}
