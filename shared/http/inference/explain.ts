/** The operation `explain`, and the explanations within `predict`. What it costs are the passes through the model, counted as predictions. */
import { ServiceError } from '../../errors.ts';
import { pictureOf, pictureType } from '../../explain/picture/picture.ts';
import type { PictureType } from '../../explain/picture/picture.ts';
import type { CounterfactualRow } from '../../explain/counterfactual/answer.ts';
import type { ExplainedRow } from '../../explain/answer.ts';
import type { ExplainRequest, Explainer } from '../../explain/explainer.ts';
import type { Planned } from '../../explain/planned.ts';
import { tenantOf } from '../context.ts';
import type { Call, Reply } from '../operation.ts';
import type { ExplainerCache } from './explainer-cache.ts';
import { metered, modelRefOf } from './metered.ts';
import type { InferenceContext, Work } from './metered.ts';

export interface ExplainContext extends InferenceContext {
  readonly explainers: (tenantId: string) => ExplainerCache;
}

export async function explain(
  context: ExplainContext,
  { caller, params, body, accept }: Call<'explain'>,
): Promise<Reply<'explain'>> {
  const { result, model, headers } = await metered<Explanation[]>(
    context,
    caller,
    modelRefOf(params['ref']),
    async (loaded) => {
      const explainer = await context.explainers(tenantOf(context, caller).caller.tenantId).get(loaded);
      const { method, max_seconds: maxSeconds, ...request } = body;
      if (method !== 'counterfactual') return explaining(explainer, { ...request, method, maxSeconds });
      return workOf(explainer.planCounterfactuals({ ...request, maxSeconds }));
    },
  );
  const type = pictureType(accept);
  if (type !== undefined) {
    const bytes = pictured(result, body.instances, type);
    const typed = { ...headers, 'content-type': type };
    // API Gateway decodes the types that it is told are binary, and an SVG is text.
    return type === 'image/png'
      ? { bytes, headers: typed }
      : { text: Buffer.from(bytes).toString('utf8'), headers: typed };
  }
  return { body: { explanations: result, model: model.name, model_version: model.version }, headers };
}

/** The first row as a picture: a picture shows one. */
function pictured([row]: readonly Explanation[], instances: readonly unknown[], type: PictureType): Uint8Array {
  if (row !== undefined && row.method !== 'counterfactual') return pictureOf(row, instances[0], type);
  throw new ServiceError('invalid_request', 'a counterfactual is no picture: ask for application/json', {
    param: '/method',
  });
}

type Explanation = ExplainedRow | CounterfactualRow;

/** Counted as planned: steps that have to be doubled are not counted, but their time is, and `max_seconds` bounds it. */
export function explaining(explainer: Explainer, request: ExplainRequest): Work<ExplainedRow[]> {
  return workOf(explainer.plan(request));
}

const workOf = <T>(planned: Planned<T>): Work<T> => ({ predictions: planned.passes, run: () => planned.run() });
