/** The predictions of a loaded model, for every dialect and for batches. */
import { ServiceError } from '../errors.ts';
import type { GenerationParameters } from './generation.ts';
import type { Interruption } from './pace.ts';
import type { ServedModel } from './predictor.ts';

/** Predictions that JSON can carry. @throws {ServiceError} invalid_request naming the instance whose answer is no number */
export async function predictFinite(
  predictor: ServedModel,
  instances: readonly unknown[],
  {
    parameters,
    interruption,
  }: { parameters?: GenerationParameters | undefined; interruption?: Interruption | undefined } = {},
): Promise<readonly unknown[]> {
  const predictions = await predictor.predict(instances, parameters, interruption);
  // At steps of a sequence that are masked there is no number, and JSON says null.
  const isAnswer = predictor.schema?.steps === undefined ? Number.isFinite : isNoInfinity;
  const index = predictions.findIndex((prediction) => !holdsThroughout(prediction, isAnswer));
  if (index === -1) return predictions;
  throw new ServiceError(
    'invalid_request',
    `/instances/${index}: the values are so large that the model's answer is no finite number`,
    { param: `/instances/${index}` },
  );
}

/** Whether it is so of every number in it, however deep. */
function holdsThroughout(prediction: unknown, isSo: (value: number) => boolean): boolean {
  if (typeof prediction === 'number') return isSo(prediction);
  if (typeof prediction !== 'object' || prediction === null) return true;
  for (const key in prediction) if (!holdsThroughout((prediction as Record<string, unknown>)[key], isSo)) return false;
  return true;
}

function isNoInfinity(value: number): boolean {
  return Number.isNaN(value) || Number.isFinite(value);
}
