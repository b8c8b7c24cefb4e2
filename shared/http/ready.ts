/** Which versions of a model can be used: those of jobs, and uploads that have passed their checks. */
import { ServiceError } from '../errors.ts';
import type { ModelVersion } from '../resources/model.ts';

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
