/** The operations of the inference function. */
import type { ROUTES } from '../../contract.ts';
import { ServiceError } from '../../errors.ts';
import type { ExplainedRow } from '../../explain/answer.ts';
import type { Call, Operations, Reply } from '../operation.ts';
import { dialectOperations } from './dialects.ts';
import type { ExplainContext } from './explain.ts';
import { tenantOf } from '../context.ts';
import type { Deadline } from './deadline.ts';
import { predictInTime } from './in-time.ts';
import { answeredOrLater } from './later.ts';
import { USER_HEADER, metered, modelRefOf } from './metered.ts';
import { openInferenceModels } from './open-inference.ts';
import { predictAnswerable } from './answer-size.ts';

export type InferenceOperation = Extract<(typeof ROUTES)[number], { function: 'inference' }>['operation'];

interface Answered {
  readonly predictions: readonly unknown[];
  readonly explanations?: ExplainedRow[];
}

/** Explanations within one call of predict. */
const MAX_EXPLAINED = 100;

export function inferenceOperations(context: ExplainContext): Operations<InferenceOperation> {
  return {
    predict: (call) => predict(context, call),
    explain: async (call) => (await import('./explain.ts')).explain(context, call),
    ...openInferenceModels(context),
    ...dialectOperations(context),
  };
}

async function predict(context: ExplainContext, call: Call<'predict'>): Promise<Reply<'predict'>> {
  const { caller, params, header, body } = call;
  const { instances, parameters, user = header(USER_HEADER), explain: isExplained } = body;
  const ref = modelRefOf(params['ref'], user);
  if (isExplained) requireFew(instances);
  const run = async (deadline?: Deadline): Promise<Reply<'predict'>> => {
    const served = await metered<Answered>(context, caller, ref, async (loaded) => {
      const models = context.models(tenantOf(context, caller).caller.tenantId);
      const wanted = { instances, parameters };
      const answer = () =>
        deadline === undefined
          ? predictAnswerable(loaded.predictor, instances, { parameters })
          : predictInTime(context, { models, loaded }, wanted, deadline);
      if (!isExplained) return { predictions: instances.length, run: async () => ({ predictions: await answer() }) };
      const { explaining } = await import('./explain.ts');
      const explainer = await context.explainers(tenantOf(context, caller).caller.tenantId).get(loaded);
      const work = explaining(explainer, { instances });
      return {
        predictions: instances.length + work.predictions,
        run: async () => ({ predictions: await answer(), explanations: await work.run() }),
      };
    });
    const { result, model, headers } = served;
    const { predictions, explanations } = result;
    const answered = { predictions: [...predictions], model: model.name, model_version: model.version };
    return { body: explanations === undefined ? answered : { ...answered, explanations }, headers };
  };
  // Explanations are of few instances, and no batch has them.
  return isExplained ? run() : answeredOrLater(context, call, run);
}

function requireFew(instances: readonly unknown[]): void {
  if (instances.length <= MAX_EXPLAINED) return;
  const message = `explain: expected at most ${MAX_EXPLAINED} instances with explanations, got ${instances.length}`;
  throw new ServiceError('invalid_request', message, { param: '/instances' });
}
