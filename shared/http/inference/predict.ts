/** The predictions of a loaded model, for every dialect. */
import { ServiceError } from '../../errors.ts';
import type { GenerationParameters } from '../../runtime/generation.ts';
import type { ServedModel } from '../../runtime/predictor.ts';

/** Predictions that JSON can carry. @throws {ServiceError} invalid_request naming the instance whose answer is no number */
export async function predictFinite(
  predictor: ServedModel,
  instances: readonly unknown[],
  parameters?: GenerationParameters,
): Promise<readonly unknown[]> {
  const predictions = await predictor.predict(instances, parameters);
  const index = predictions.findIndex((prediction) => !isFiniteThroughout(prediction));
  if (index === -1) return predictions;
  throw new ServiceError(
    'invalid_request',
    `/instances/${index}: the values are so large that the model's answer is no finite number`,
    { param: `/instances/${index}` },
  );
}

/** Whether every number in it, however deep, is finite. */
function isFiniteThroughout(prediction: unknown): boolean {
  if (typeof prediction === 'number') return Number.isFinite(prediction);
  return typeof prediction !== 'object' || prediction === null || Object.values(prediction).every(isFiniteThroughout);
}
