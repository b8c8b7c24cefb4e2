/** The operations of the inference function. */
import type { ROUTES } from '../../contract.ts';
import { ServiceError } from '../../errors.ts';
import type { ExplainedRow } from '../../explain/explainer.ts';
import type { GenerationParameters } from '../../runtime/generation.ts';
import type { Predictor } from '../../runtime/predictor.ts';
import type { Operations } from '../operation.ts';
import { explain, explaining } from './explain.ts';
import type { ExplainContext } from './explain.ts';
import { tenantOf } from '../context.ts';
import { metered, modelRefOf } from './metered.ts';
import { openInferenceModels } from './open-inference.ts';

export type InferenceOperation = Extract<(typeof ROUTES)[number], { function: 'inference' }>['operation'];

interface Answered {
  readonly predictions: readonly unknown[];
  readonly explanations?: ExplainedRow[];
}

/** Explanations within one call of predict. */
const MAX_EXPLAINED = 100;

export function inferenceOperations(context: ExplainContext): Operations<InferenceOperation> {
  return {
    async predict({ caller, params, body: { instances, parameters, explain: isExplained } }) {
      if (isExplained) requireFew(instances);
      const { result, model, headers } = await metered<Answered>(
        context,
        caller,
        modelRefOf(params['ref']),
        async (loaded) => {
          const predict = () => predictFinite(loaded.predictor, instances, parameters);
          if (!isExplained)
            return { predictions: instances.length, run: async () => ({ predictions: await predict() }) };
          const explainer = await context.explainers(tenantOf(context, caller).caller.tenantId).get(loaded);
          const work = explaining(explainer, { instances });
          return {
            predictions: instances.length + work.predictions,
            run: async () => ({ predictions: await predict(), explanations: await work.run() }),
          };
        },
      );
      const { predictions, explanations } = result;
      const body = { predictions: [...predictions], model: model.name, model_version: model.version };
      return { body: explanations === undefined ? body : { ...body, explanations }, headers };
    },
    explain: (call) => explain(context, call),
    ...openInferenceModels(context),
  };
}

function requireFew(instances: readonly unknown[]): void {
  if (instances.length <= MAX_EXPLAINED) return;
  const message = `explain: expected at most ${MAX_EXPLAINED} instances with explanations, got ${instances.length}`;
  throw new ServiceError('invalid_request', message, { param: '/instances' });
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
