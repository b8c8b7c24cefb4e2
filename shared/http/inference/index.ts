/** The operations of the inference function. */
import type { ROUTES } from '../../contract.ts';
import { ServiceError } from '../../errors.ts';
import type { ExplainedRow } from '../../explain/answer.ts';
import type { Operations } from '../operation.ts';
import { dialectOperations } from './dialects.ts';
import type { ExplainContext } from './explain.ts';
import { tenantOf } from '../context.ts';
import { USER_HEADER, metered, modelRefOf } from './metered.ts';
import { openInferenceModels } from './open-inference.ts';
import { predictFinite } from '../../runtime/predict-finite.ts';

export type InferenceOperation = Extract<(typeof ROUTES)[number], { function: 'inference' }>['operation'];

interface Answered {
  readonly predictions: readonly unknown[];
  readonly explanations?: ExplainedRow[];
}

/** Explanations within one call of predict. */
const MAX_EXPLAINED = 100;

export function inferenceOperations(context: ExplainContext): Operations<InferenceOperation> {
  return {
    async predict({
      caller,
      params,
      header,
      body: { instances, parameters, user = header(USER_HEADER), explain: isExplained },
    }) {
      if (isExplained) requireFew(instances);
      const { result, model, headers } = await metered<Answered>(
        context,
        caller,
        modelRefOf(params['ref'], user),
        async (loaded) => {
          const predict = () => predictFinite(loaded.predictor, instances, parameters);
          if (!isExplained)
            return { predictions: instances.length, run: async () => ({ predictions: await predict() }) };
          const { explaining } = await import('./explain.ts');
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
    explain: async (call) => (await import('./explain.ts')).explain(context, call),
    ...openInferenceModels(context),
    ...dialectOperations(context),
  };
}

function requireFew(instances: readonly unknown[]): void {
  if (instances.length <= MAX_EXPLAINED) return;
  const message = `explain: expected at most ${MAX_EXPLAINED} instances with explanations, got ${instances.length}`;
  throw new ServiceError('invalid_request', message, { param: '/instances' });
}
