/**
 * Bodies of inference requests and answers: JSON, JSON with tensors as bytes behind it, or one tensor and nothing else.
 * Source: inference_rest.md and https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
 */
import { ServiceError } from '../../errors.ts';
import { inferRequestSchema } from '../../resources/inference.ts';
import { feedsOfInputs, feedsOfRawBody } from '../../runtime/open-inference/inputs.ts';
import type { Feeds } from '../../runtime/open-inference/inputs.ts';
import { encodeOutputs, planOutputs } from '../../runtime/open-inference/outputs.ts';
import type { EncodedOutputs, OutputPlan } from '../../runtime/open-inference/outputs.ts';
import type { ServedModel } from '../../runtime/predictor.ts';
import type { TensorSpec } from '../../runtime/tensor-spec.ts';
import { parseExactJson } from '../exact-json.ts';
import { parseAs } from '../validate.ts';
import type { Work } from './metered.ts';

const LENGTH_HEADER = 'inference-header-content-length';
const BINARY_TYPE = 'application/octet-stream';

/** A request as it came. */
export interface InferenceRequest {
  readonly bytes: Uint8Array;
  /** A header by its name in lower case. */
  readonly header: (name: string) => string | undefined;
  readonly accept: string;
}

export interface Inference extends EncodedOutputs {
  readonly id: string | undefined;
}

/** Checks the request against the model. @throws {ServiceError} before anything runs */
export function planInference(predictor: ServedModel, request: InferenceRequest): Work<Inference> {
  const { id, feeds, outputs } = readRequest(predictor, request);
  // API Gateway sends bytes only to who accepts them first of all; others would get their base64.
  const plans = outputs.map((plan) => ({ ...plan, isBinary: plan.isBinary && acceptsBytes(request.accept) }));
  const names = plans.map(({ name }) => name);
  return {
    predictions: batchOf(feeds, predictor.inputs),
    run: async () => ({ id, ...encodeOutputs(plans, await predictor.run(feeds, names), labelsOf(predictor)) }),
  };
}

/** The answer: text, or text with bytes behind it. */
export function writeInference(
  { id, json, binary, hasBinary }: Inference,
  { name, version }: { readonly name: string; readonly version: number },
): { text: string; headers?: never } | { bytes: Uint8Array; headers: Readonly<Record<string, string>> } {
  const head = { model_name: name, model_version: String(version), ...(id === undefined ? {} : { id }) };
  const text = `${JSON.stringify(head).slice(0, -1)},"outputs":${json}}`;
  if (!hasBinary) return { text };
  const start = Buffer.from(text, 'utf8');
  return {
    bytes: Buffer.concat([start, ...binary]),
    headers: { 'content-type': BINARY_TYPE, [LENGTH_HEADER]: String(start.length) },
  };
}

interface ReadRequest {
  readonly id: string | undefined;
  readonly feeds: Feeds;
  readonly outputs: readonly OutputPlan[];
}

function readRequest({ inputs: expected, outputs: available }: ServedModel, request: InferenceRequest): ReadRequest {
  const { json, binary } = splitBody(request);
  if (json === undefined) {
    return { id: undefined, feeds: feedsOfRawBody(binary, expected), outputs: planOutputs(undefined, available, true) };
  }
  const { id, parameters, inputs, outputs } = parseAs(inferRequestSchema, json, 'body');
  return {
    id,
    feeds: feedsOfInputs(inputs, binary, expected),
    outputs: planOutputs(outputs, available, parameters?.['binary_data_output'] === true),
  };
}

/** The JSON of a body and the bytes behind it; no JSON where the whole body is one tensor. */
function splitBody({ bytes, header }: InferenceRequest): { json: unknown; binary: Uint8Array } {
  const length = header(LENGTH_HEADER);
  if (length === undefined) return { json: jsonOf(bytes) ?? null, binary: new Uint8Array() };
  if (header('content-type')?.toLowerCase().startsWith(BINARY_TYPE) !== true) {
    throw new ServiceError(
      'unsupported_media_type',
      `tensors as bytes need the header "Content-Type: ${BINARY_TYPE}": under any other the gateway takes the body for text`,
    );
  }
  const jsonBytes = /^\d{1,9}$/.test(length) ? Number(length) : Infinity;
  if (jsonBytes > bytes.length) {
    throw new ServiceError(
      'invalid_request',
      `Inference-Header-Content-Length: expected at most the ${bytes.length} bytes of the body, got "${length}"`,
    );
  }
  return { json: jsonOf(bytes.subarray(0, jsonBytes)), binary: bytes.subarray(jsonBytes) };
}

function jsonOf(bytes: Uint8Array): unknown {
  return bytes.length === 0 ? undefined : parseExactJson(Buffer.from(bytes).toString('utf8'));
}

function acceptsBytes(accept: string): boolean {
  const first = accept.split(',')[0]!.split(';')[0]!.trim().toLowerCase();
  return first === '' || first === BINARY_TYPE;
}

/** Predictions that a run counts as: the rows of a batch, where the model has one. */
function batchOf(feeds: Feeds, inputs: readonly TensorSpec[]): number {
  const rows = inputs.filter(({ shape }) => typeof shape[0] === 'string').map(({ name }) => feeds[name]!.shape[0]!);
  return Math.max(1, ...rows);
}

/** Classes name the columns of probabilities and scores. */
function labelsOf({ schema }: ServedModel) {
  const { classes, outputs } = schema ?? { outputs: {} };
  return (name: string): readonly string[] | undefined =>
    name === outputs.probabilities || name === outputs.scores ? classes?.map(String) : undefined;
}
