/**
 * Open Inference Protocol v2 on the graph's own tensors: the names, types and shapes are those of the ONNX file, the quota and
 * the usage those of every prediction.
 * Source: https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
 */
import { ServiceError } from '../../errors.ts';
import type { ModelRef } from '../../resources/model-ref.ts';
import { datatypeOf } from '../../runtime/open-inference/datatypes.ts';
import type { TensorSpec } from '../../runtime/tensor-spec.ts';
import type { Caller } from '../../tenancy/tenant.ts';
import { notFound, tenantOf } from '../context.ts';
import type { Call, Operations, Reply } from '../operation.ts';
import { planInference, writeInference } from './infer-body.ts';
import { USER_HEADER, metered, modelRefOf } from './metered.ts';
import type { InferenceContext } from './metered.ts';
import type { LoadedModel } from './model-cache.ts';

type ModelOperation =
  | 'v2ModelMetadata'
  | 'v2ModelVersionMetadata'
  | 'v2ModelReady'
  | 'v2ModelVersionReady'
  | 'v2Infer'
  | 'v2InferVersion'
  | 'v2LoadModel'
  | 'v2UnloadModel';

/** Versions that a model's metadata name. */
const MAX_VERSIONS = 1_000;

type Params = Readonly<Record<string, string>>;

export function openInferenceModels(context: InferenceContext): Operations<ModelOperation> {
  const load = async (caller: Caller | undefined, params: Params): Promise<LoadedModel> =>
    context.models(tenantOf(context, caller).caller.tenantId).get(refOf(params));
  const metadata = async ({ caller, params }: { caller: Caller | undefined; params: Params }) => {
    const { name, predictor } = await load(caller, params);
    const { catalog } = tenantOf(context, caller);
    const { data } = await catalog.versions(name).list({ limit: MAX_VERSIONS, order: 'ascending' });
    return {
      body: {
        name,
        versions: data.filter(({ status = 'ready' }) => status === 'ready').map(({ version }) => String(version)),
        platform: 'onnx_onnxv1' as const,
        inputs: predictor.inputs.map(showTensor),
        outputs: predictor.outputs.map(showTensor),
      },
    };
  };
  const ready = async ({ caller, params }: { caller: Caller | undefined; params: Params }) => ({
    body: { name: (await load(caller, params)).name, ready: true as const },
  });
  return {
    v2ModelMetadata: metadata,
    v2ModelVersionMetadata: metadata,
    v2ModelReady: ready,
    v2ModelVersionReady: ready,
    v2Infer: (call) => infer(call, context),
    v2InferVersion: (call) => infer(call, context),
    async v2LoadModel({ caller, params }) {
      await load(caller, params);
      return { body: {} };
    },
    async v2UnloadModel({ caller, params }) {
      await context.models(tenantOf(context, caller).caller.tenantId).drop(refOf(params));
      return { body: {} };
    },
  };
}

async function infer(
  { caller, params, ...request }: Call<'v2Infer'> | Call<'v2InferVersion'>,
  context: InferenceContext,
): Promise<Reply<'v2Infer'>> {
  const { result, model, headers } = await metered(
    context,
    caller,
    refOf(params, request.header(USER_HEADER)),
    ({ predictor }) => planInference(predictor, request),
  );
  const reply = writeInference(result, model);
  return { ...reply, headers: { ...headers, ...reply.headers } };
}

function showTensor({ name, dtype, shape }: TensorSpec) {
  return { name, datatype: datatypeOf(dtype), shape: shape.map((dim) => (typeof dim === 'number' ? dim : -1)) };
}

/** `/v2/models/{ref}` or `/v2/models/{name}/versions/{version}`. */
function refOf({ ref: text = '', version }: Params, user?: string): ModelRef {
  const ref = modelRefOf(text, user);
  if (version === undefined) return ref;
  if (ref.alias !== undefined || ref.version !== undefined) {
    throw new ServiceError(
      'invalid_request',
      `"${text}" names a version, and the path names another: send one of them`,
    );
  }
  if (!/^[1-9]\d{0,8}$/.test(version)) throw notFound('model', `${text}:${version}`);
  return { name: ref.name, version: Number(version) };
}
