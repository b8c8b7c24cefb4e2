/** What can be used: datasets that were read, versions of jobs, and uploads that have passed their checks. */
import { ServiceError } from '../errors.ts';
import type { ModelVersion } from '../resources/model.ts';
import type { Catalog } from '../stores/catalog.ts';
import { ID_PATTERNS } from '../tenancy/ids.ts';

/** @throws {ServiceError} model_not_ready, or conflict for a version that never will be */
export function requireReady({
  id,
  name,
  version,
  status = 'ready',
}: Pick<ModelVersion, 'id' | 'name' | 'version' | 'status'>): void {
  if (status === 'ready') return;
  if (status === 'refused') {
    throw new ServiceError('conflict', `${id} was refused: GET /v1/models/${name}/versions/${version} says why`);
  }
  const todo = status === 'linting' ? 'being checked' : 'waiting for its upload, which is to be completed';
  throw new ServiceError('model_not_ready', `${id} is ${todo}`, { retryAfterS: 2 });
}

/** A dataset that a field of a request names. @throws {ServiceError} not_found, dataset_invalid, dataset_not_ready */
export async function readyDataset(catalog: Catalog, id: string, param: string) {
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
      `${param}: dataset ${id} is ${dataset.status}; it has to be ready before it can be used`,
      { param, retryAfterS: 2 },
    );
  }
  return { rows: dataset.rows, columns: dataset.columns };
}
