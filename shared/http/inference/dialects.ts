/** Predictions in the dialects of MLflow's scoring server and of the SageMaker runtime: other words, the same work. */
import type { Call, Operations } from '../operation.ts';
import type { Caller } from '../../tenancy/tenant.ts';
import { tenantOf } from '../context.ts';
import { readInstances } from './instance-formats.ts';
import { USER_HEADER, metered, modelRefOf } from './metered.ts';
import type { InferenceContext, Served } from './metered.ts';
import { Deadline, MAX_WAIT_S } from './deadline.ts';
import { predictInTime, tooLong } from './in-time.ts';
import type { ModelRef } from '../../resources/model-ref.ts';

type DialectOperation = 'mlflowInvocations' | 'mlflowPing' | 'sagemakerInvocations';

const VARIANT_HEADER = 'x-amzn-sagemaker-target-variant';
const ATTRIBUTES_HEADER = 'x-amzn-sagemaker-custom-attributes';

export function dialectOperations(context: InferenceContext): Operations<DialectOperation> {
  return {
    async mlflowInvocations(call) {
      const { result, headers } = await invoke(context, call, refOf(call));
      return { body: { predictions: [...result] }, headers };
    },

    async mlflowPing({ caller, params }: { caller: Caller | undefined; params: Readonly<Record<string, string>> }) {
      await context.models(tenantOf(context, caller).caller.tenantId).get(modelRefOf(params['ref']));
      return { text: '\n' };
    },

    async sagemakerInvocations(call) {
      const ref = refOf(call);
      const variant = call.header(VARIANT_HEADER);
      const chosen = variant === undefined || ref.version !== undefined ? ref : { ...ref, alias: variant };
      const { result, model, headers } = await invoke(context, call, chosen);
      const attributes = call.header(ATTRIBUTES_HEADER);
      return {
        body: { predictions: [...result] },
        headers: {
          ...headers,
          'x-amzn-invoked-production-variant': chosen.alias ?? String(model.version),
          ...(attributes === undefined ? {} : { [ATTRIBUTES_HEADER]: attributes }),
        },
      };
    },
  };
}

type BytesCall = Pick<Call<'mlflowInvocations'>, 'caller' | 'params' | 'bytes' | 'header'>;

function refOf({ params, header }: BytesCall): ModelRef {
  return modelRefOf(params['ref'], header(USER_HEADER));
}

function invoke(context: InferenceContext, call: BytesCall, ref: ModelRef): Promise<Served<readonly unknown[]>> {
  return metered(context, call.caller, ref, async (loaded) => {
    const { predictor } = loaded;
    // Of a model that was made elsewhere, the inputs are all that is known.
    const features =
      predictor.schema?.features ??
      predictor.inputs.map(({ name }) => ({ name, type: 'tensor' as const, required: true }));
    const instances = await readInstances(call.bytes, call.header('content-type'), features);
    const models = context.models(tenantOf(context, call.caller).caller.tenantId);
    const deadline = new Deadline(context.clock, MAX_WAIT_S * 1000);
    const run = (): Promise<readonly unknown[]> =>
      predictInTime(context, { models, loaded }, { instances }, deadline).catch((error: unknown) => {
        throw error === deadline.passed ? tooLong(loaded.name, MAX_WAIT_S) : error;
      });
    return { predictions: instances.length, run };
  });
}
