/**
 * The input tensors of an inference request -> the feeds of the model's graph: named, typed and shaped as the file says, with
 * data in the JSON or in the bytes behind it.
 */
import { tensorError, quote } from './tensor-error.ts';
import { UNKNOWN, formatShape, sizeOf } from '../../tensor/shape.ts';
import type { HostTensor } from '../../tensor/tensor.ts';
import type { TensorSpec } from '../tensor-spec.ts';
import { tensorOfBytes } from './binary-tensor.ts';
import { DATATYPES, datatypeOf } from './datatypes.ts';
import { tensorOfJson } from './json-tensor.ts';

export interface RequestInput {
  readonly name: string;
  readonly shape: readonly number[];
  readonly datatype: string;
  readonly parameters?: Readonly<Record<string, unknown>> | undefined;
  readonly data?: readonly unknown[] | undefined;
}

export type Feeds = Record<string, HostTensor>;

/**
 * @param binary what stands behind the JSON in the body
 * @throws {ServiceError} invalid_request, unknown_field or shape_mismatch, pointing into /inputs
 */
export function feedsOfInputs(
  inputs: readonly RequestInput[],
  binary: Uint8Array,
  expected: readonly TensorSpec[],
): Feeds {
  const feeds = new Map<string, HostTensor>();
  const sizes = new Map<string, number>();
  let at = 0;
  for (const [index, input] of inputs.entries()) {
    const pointer = `/inputs/${index}`;
    const spec = specOf(input, expected, pointer);
    if (feeds.has(input.name)) throw tensorError(`${pointer}/name`, `the input "${input.name}" came twice`);
    checkShape(input, spec, sizes, pointer);
    const sizeBytes = binarySize(input, pointer);
    if (sizeBytes === undefined) {
      feeds.set(input.name, tensorOfJson(spec.dtype, input.shape, input.data ?? [], `${pointer}/data`));
      continue;
    }
    if (at + sizeBytes > binary.length) {
      const got = `${binary.length - at} are left behind the JSON`;
      throw tensorError(
        `${pointer}/parameters/binary_data_size`,
        `expected ${sizeBytes} bytes in the body, but ${got}`,
      );
    }
    feeds.set(input.name, tensorOfBytes(spec.dtype, input.shape, binary.subarray(at, at + sizeBytes), pointer));
    at += sizeBytes;
  }
  if (at < binary.length) {
    throw tensorError('/inputs', `${binary.length - at} bytes behind the JSON belong to no input's binary_data_size`);
  }
  const missing = expected.filter(({ name }) => !feeds.has(name)).map(({ name }) => `"${name}"`);
  if (missing.length > 0) throw tensorError('/inputs', `the inputs ${missing.join(', ')} are missing`);
  return Object.fromEntries(feeds);
}

/** A body that is one tensor and nothing else: batch 1, at most one dimension left to its size. */
export function feedsOfRawBody(bytes: Uint8Array, expected: readonly TensorSpec[]): Feeds {
  const [spec, ...others] = expected;
  if (spec === undefined || others.length > 0) {
    throw tensorError('/inputs', `a raw body is for a model of one input; this one has ${expected.length}`);
  }
  const shape = spec.shape.map((dim, axis) => (axis === 0 && typeof dim === 'string' ? 1 : dim));
  const open = shape.findIndex((dim) => typeof dim === 'string');
  if (shape.filter((dim) => typeof dim === 'string').length > 1) {
    throw tensorError(
      '/inputs',
      `a raw body leaves one dimension open, but the input is of shape ${formatShape(spec.shape)}`,
    );
  }
  if (spec.dtype === 'string') {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    const one = shape.map((dim) => (typeof dim === 'string' ? 1 : dim));
    return { [spec.name]: tensorOfBytes(spec.dtype, one, Buffer.concat([length, bytes]), '/inputs/0') };
  }
  const rest = sizeOf(shape.filter((dim) => typeof dim === 'number')) * WIDTHS[spec.dtype];
  const known = shape.map((dim) => (typeof dim === 'string' ? Math.floor(bytes.length / rest) : dim));
  if (open !== -1 && known[open] === 0) throw tensorError('/inputs/0', 'the body is too short for one element');
  return { [spec.name]: tensorOfBytes(spec.dtype, known, bytes, '/inputs/0') };
}

/** Bytes of an element. */
const WIDTHS = {
  bool: 1,
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  float16: 2,
  uint32: 4,
  int32: 4,
  float32: 4,
  uint64: 8,
  int64: 8,
  float64: 8,
} as const;

function specOf({ name, datatype }: RequestInput, expected: readonly TensorSpec[], pointer: string): TensorSpec {
  const spec = expected.find((one) => one.name === name);
  if (spec === undefined) {
    const names = expected.map((one) => `"${one.name}"`).join(', ');
    throw tensorError(`${pointer}/name`, `the model has no input "${name}", its inputs are ${names}`, 'unknown_field');
  }
  if (datatype === datatypeOf(spec.dtype)) return spec;
  const known = Object.hasOwn(DATATYPES, datatype) ? '' : ` (the types are ${Object.keys(DATATYPES).join(', ')})`;
  const message = `expected ${datatypeOf(spec.dtype)} for the input "${name}", got "${datatype}"${known}`;
  throw tensorError(`${pointer}/datatype`, message);
}

/** Rank and sizes as the file states them; a named dimension is of one size in all inputs. */
function checkShape(input: RequestInput, spec: TensorSpec, sizes: Map<string, number>, pointer: string): void {
  const before = new Map(sizes);
  const fits =
    input.shape.length === spec.shape.length &&
    spec.shape.every((dim, axis) => {
      const size = input.shape[axis]!;
      if (typeof dim === 'number') return dim === size;
      if (dim === UNKNOWN) return size > 0;
      const known = sizes.get(dim) ?? size;
      sizes.set(dim, known);
      return size > 0 && known === size;
    });
  if (fits) return;
  const bound = spec.shape.map((dim) =>
    typeof dim === 'string' && before.has(dim) ? `${dim}=${before.get(dim)!}` : dim,
  );
  const message = `expected ${formatShape(bound)} for the input "${input.name}", got ${formatShape(input.shape)}`;
  throw tensorError(`${pointer}/shape`, message, 'shape_mismatch');
}

/** @returns undefined where the data stand in the JSON */
function binarySize({ parameters, data }: RequestInput, pointer: string): number | undefined {
  const size = parameters?.['binary_data_size'];
  if (size === undefined) {
    if (data !== undefined) return undefined;
    throw tensorError(pointer, 'expected "data", or "binary_data_size" in its "parameters"');
  }
  const at = `${pointer}/parameters/binary_data_size`;
  if (typeof size !== 'number' || !Number.isInteger(size) || size < 0) {
    throw tensorError(at, `expected a number of bytes, got ${quote(size)}`);
  }
  if (data !== undefined) throw tensorError(at, 'the input has its data in the JSON and behind it: send one of them');
  return size;
}
