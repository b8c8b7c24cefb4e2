/**
 * Tensor data as JSON <-> host tensors. Data come nested or flat, in row-major order. Integers beyond 2^53 come as BigInts
 * (http/exact-json.ts) and go as their digits. FP16 travels as the numbers it stands for.
 * Source: inference_rest.md, "Tensor Data".
 */
import { ARRAYS } from '../../tensor/dtype.ts';
import type { DType, TensorData } from '../../tensor/dtype.ts';
import { formatShape, sizeOf } from '../../tensor/shape.ts';
import { tensor } from '../../tensor/tensor.ts';
import type { HostTensor } from '../../tensor/tensor.ts';
import { datatypeOf } from './datatypes.ts';
import { quote, tensorError } from './tensor-error.ts';

/** Least and greatest value of the integer types. */
const RANGES: Readonly<Partial<Record<DType, readonly [bigint, bigint]>>> = {
  uint8: [0n, 255n],
  uint16: [0n, 65_535n],
  uint32: [0n, 4_294_967_295n],
  uint64: [0n, 18_446_744_073_709_551_615n],
  int8: [-128n, 127n],
  int16: [-32_768n, 32_767n],
  int32: [-2_147_483_648n, 2_147_483_647n],
  int64: [-9_223_372_036_854_775_808n, 9_223_372_036_854_775_807n],
};

/** @throws {ServiceError} shape_mismatch or invalid_request, pointing to e.g. /inputs/0/data/5 */
export function tensorOfJson<D extends DType>(
  dtype: D,
  shape: readonly number[],
  data: readonly unknown[],
  pointer: string,
): HostTensor<D> {
  const flat = data.some(Array.isArray) ? flattened(data, shape, pointer) : data;
  if (flat.length !== sizeOf(shape)) {
    const expected = `${sizeOf(shape)} elements for shape ${formatShape(shape)}`;
    throw tensorError(pointer, `expected ${expected}, got ${flat.length}`, 'shape_mismatch');
  }
  const convert = converterOf(dtype);
  const values = flat.map((value, index) => {
    const element = convert(value);
    if (element !== undefined) return element;
    throw tensorError(
      pointer,
      `element ${index}: expected ${expectationOf(dtype)} for ${datatypeOf(dtype)}, got ${quote(value)}`,
    );
  });
  return tensor(dtype, shape, store(dtype, values) as TensorData<D>);
}

/** Nested data, each level as long as its dimension. */
function flattened(data: readonly unknown[], shape: readonly number[], pointer: string): unknown[] {
  const flat: unknown[] = [];
  const visit = (value: unknown, level: number): void => {
    if (level === shape.length) {
      flat.push(value);
      return;
    }
    if (!Array.isArray(value) || value.length !== shape[level]) {
      const expected = `arrays of ${shape[level]!} along dimension ${level} of shape ${formatShape(shape)}`;
      throw tensorError(pointer, `expected ${expected}, got ${quote(value)}`, 'shape_mismatch');
    }
    for (const item of value as readonly unknown[]) visit(item, level + 1);
  };
  visit(data, 0);
  return flat;
}

type Element = number | bigint | string;

/** JSON value -> element, undefined where it is none of the type. */
function converterOf(dtype: DType): (value: unknown) => Element | undefined {
  const range = RANGES[dtype];
  if (range !== undefined) {
    const isWide = dtype === 'int64' || dtype === 'uint64';
    return (value) => {
      const whole = typeof value === 'bigint' || Number.isInteger(value) ? BigInt(value as number) : undefined;
      if (whole === undefined || whole < range[0] || whole > range[1]) return undefined;
      return isWide ? whole : Number(whole);
    };
  }
  if (dtype === 'string') return (value) => (typeof value === 'string' ? value : undefined);
  if (dtype === 'bool') {
    return (value) => (typeof value === 'boolean' || value === 0 || value === 1 ? Number(value) : undefined);
  }
  return (value) => (typeof value === 'number' || typeof value === 'bigint' ? Number(value) : undefined);
}

function expectationOf(dtype: DType): string {
  const range = RANGES[dtype];
  if (range !== undefined) return `an integer from ${range[0]} to ${range[1]}`;
  if (dtype === 'string') return 'a string';
  return dtype === 'bool' ? 'true or false' : 'a number';
}

function store(dtype: DType, values: readonly Element[]): TensorData {
  if (dtype === 'string') return values as readonly string[];
  if (dtype === 'float16') return new Uint16Array(Float16Array.from(values as readonly number[]).buffer);
  if (dtype === 'int64' || dtype === 'uint64') return ARRAYS[dtype].from(values as readonly bigint[]);
  return ARRAYS[dtype as 'float32'].from(values as readonly number[]);
}

/** The data of a tensor as the text of a JSON array. @throws {ServiceError} for numbers that JSON cannot say */
export function jsonOfTensor(value: HostTensor, name: string): string {
  if (value.dtype === 'string') return JSON.stringify(value.data);
  if (value.dtype === 'bool') return JSON.stringify(Array.from(value.data, Boolean));
  const numbers = numbersOf(value);
  const odd = Array.prototype.findIndex.call(
    numbers,
    (number) => typeof number === 'number' && !Number.isFinite(number),
  );
  if (odd === -1) return `[${numbers.join(',')}]`;
  throw tensorError(
    '/outputs',
    `element ${odd} of the output "${name}" is ${String(numbers[odd])}, which JSON cannot say: ask for it with "binary_data": true`,
  );
}

/** The elements as the numbers they stand for. */
export function numbersOf(value: Exclude<HostTensor, HostTensor<'string'>>) {
  return value.dtype === 'float16' ? halves(value.data) : value.data;
}

function halves({ buffer, byteOffset, length }: Uint16Array): Float16Array {
  return new Float16Array(buffer, byteOffset, length);
}
