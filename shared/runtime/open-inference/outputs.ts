/** The outputs of a run -> those that a request asked for: as JSON, or as bytes behind the JSON. */
import type { HostTensor } from '../../tensor/tensor.ts';
import type { TensorSpec } from '../tensor-spec.ts';
import { bytesOfTensor } from './binary-tensor.ts';
import { classify } from './classification.ts';
import { datatypeOf } from './datatypes.ts';
import { jsonOfTensor } from './json-tensor.ts';
import { quote, tensorError } from './tensor-error.ts';

export interface RequestOutput {
  readonly name: string;
  readonly parameters?: Readonly<Record<string, unknown>> | undefined;
}

/** An output as it is to be sent. */
export interface OutputPlan {
  readonly name: string;
  readonly pointer: string;
  readonly isBinary: boolean;
  /** Classes to name instead of the values themselves. */
  readonly classification: unknown;
}

export interface EncodedOutputs {
  /** The text of the JSON array of outputs. */
  readonly json: string;
  /** What stands behind the JSON, in the order of the outputs; empty where no output is binary. */
  readonly binary: readonly Uint8Array[];
  readonly hasBinary: boolean;
}

/** @throws {ServiceError} unknown_field or invalid_request, pointing into /outputs */
export function planOutputs(
  requested: readonly RequestOutput[] | undefined,
  available: readonly TensorSpec[],
  isBinaryByDefault: boolean,
): OutputPlan[] {
  const isAll = requested === undefined || requested.length === 0;
  const outputs = isAll ? available.map(({ name }): RequestOutput => ({ name })) : requested;
  const names = new Set<string>();
  return outputs.map(({ name, parameters }, index) => {
    const pointer = `/outputs/${index}`;
    if (!available.some((output) => output.name === name)) {
      const known = available.map((output) => `"${output.name}"`).join(', ');
      throw tensorError(
        `${pointer}/name`,
        `the model has no output "${name}", its outputs are ${known}`,
        'unknown_field',
      );
    }
    if (names.has(name)) throw tensorError(`${pointer}/name`, `the output "${name}" was asked for twice`);
    names.add(name);
    const isBinary = parameters?.['binary_data'] ?? isBinaryByDefault;
    if (typeof isBinary !== 'boolean') {
      throw tensorError(`${pointer}/parameters/binary_data`, `expected true or false, got ${quote(isBinary)}`);
    }
    return { name, pointer, isBinary, classification: parameters?.['classification'] };
  });
}

/** @param labelsOf labels of an output's classes, undefined where it has none */
export function encodeOutputs(
  plans: readonly OutputPlan[],
  results: Readonly<Record<string, HostTensor>>,
  labelsOf: (name: string) => readonly string[] | undefined,
): EncodedOutputs {
  const binary: Uint8Array[] = [];
  const texts = plans.map(({ name, pointer, isBinary, classification }) => {
    const at = `${pointer}/parameters/classification`;
    const value =
      classification === undefined
        ? results[name]!
        : classify(results[name]!, name, { count: classification, labels: labelsOf(name), pointer: at });
    const head = { name, shape: value.shape, datatype: datatypeOf(value.dtype) };
    // The data are text already: JSON.stringify knows no integers beyond 2^53.
    if (!isBinary) return `${JSON.stringify(head).slice(0, -1)},"data":${jsonOfTensor(value, name)}}`;
    const bytes = bytesOfTensor(value);
    binary.push(bytes);
    return JSON.stringify({ ...head, parameters: { binary_data_size: bytes.length } });
  });
  return { json: `[${texts.join(',')}]`, binary, hasBinary: plans.some(({ isBinary }) => isBinary) };
}
