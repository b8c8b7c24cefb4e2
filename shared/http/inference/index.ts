/** The operations of the inference function. */
import type { ROUTES } from '../../contract.ts';
import { ServiceError } from '../../errors.ts';
import type { GenerationParameters } from '../../runtime/generation.ts';
import type { Predictor } from '../../runtime/predictor.ts';
import type { Operations } from '../operation.ts';
import { metered, modelRefOf } from './metered.ts';
import type { InferenceContext } from './metered.ts';

export type InferenceOperation = Extract<(typeof ROUTES)[number], { function: 'inference' }>['operation'];

export function inferenceOperations(context: InferenceContext): Operations<InferenceOperation> {
  return {
    async predict({ caller, params, body: { instances, parameters } }) {
      const { result, model, headers } = await metered(context, caller, modelRefOf(params['ref']), ({ predictor }) => ({
        predictions: instances.length,
        run: () => predictFinite(predictor, instances, parameters),
      }));
      return { body: { predictions: [...result], model: model.name, model_version: model.version }, headers };
    },
  };
}

/** Predictions that JSON can carry. @throws {ServiceError} invalid_request naming the instance whose answer is no number */
async function predictFinite(
  predictor: Predictor,
  instances: readonly unknown[],
  parameters: GenerationParameters | undefined,
): Promise<readonly unknown[]> {
  const predictions = await predictor.predict(instances, parameters);
  const index = predictions.findIndex((prediction) => typeof prediction === 'number' && !Number.isFinite(prediction));
  if (index === -1) return predictions;
  throw new ServiceError(
    'invalid_request',
    `/instances/${index}: the values are so large that the model's answer is no finite number`,
    { param: `/instances/${index}` },
  );
}
