/**
 * Tensors in JavaScript memory: an element type, a shape and a dense row-major array. What goes into and comes out of
 * sessions, checkpoints and ONNX files.
 */
import { ShapeError } from '../errors.ts';
import { ARRAYS, isBigInt } from './dtype.ts';
import type { DType, TensorData } from './dtype.ts';
import { formatShape, sizeOf } from './shape.ts';

/** A tensor of one of the element types D; comparing `dtype` narrows `data`. */
export type HostTensor<D extends DType = DType> = {
  [K in D]: { readonly dtype: K; readonly shape: readonly number[]; readonly data: TensorData<K> };
}[D];

/** A tensor over existing data, not copied. @throws {ShapeError} when the length is not the product of the shape. */
export function tensor<D extends DType>(dtype: D, shape: readonly number[], data: TensorData<D>): HostTensor<D> {
  if (data.length !== sizeOf(shape)) {
    throw new ShapeError(
      `tensor: expected ${sizeOf(shape)} elements for shape ${formatShape(shape)}, got ${data.length}`,
    );
  }
  return { dtype, shape, data };
}

export type NumericDType = Exclude<DType, 'string'>;

/** A tensor of zeros. */
export function zeros<D extends NumericDType>(dtype: D, shape: readonly number[]): HostTensor<D> {
  return tensor<D>(dtype, shape, new ARRAYS[dtype](sizeOf(shape)) as TensorData<D>);
}

/** A tensor of one value repeated. */
export function filled<D extends NumericDType>(dtype: D, shape: readonly number[], value: number): HostTensor<D> {
  const result = zeros(dtype, shape);
  if (isBigInt(dtype)) (result.data as BigInt64Array).fill(BigInt(value));
  else (result.data as Float32Array).fill(value);
  return result;
}

/** A tensor from plain numbers, converted to the element type; the shape defaults to one dimension. */
export function fromNumbers<D extends NumericDType>(
  dtype: D,
  values: ArrayLike<number>,
  shape: readonly number[] = [values.length],
): HostTensor<D> {
  const data = isBigInt(dtype)
    ? ARRAYS[dtype].from(Array.from(values, BigInt))
    : ARRAYS[dtype as 'float32'].from(values);
  return tensor<D>(dtype, shape, data as unknown as TensorData<D>);
}

/** A tensor of no dimensions. */
export const scalar = <D extends NumericDType>(dtype: D, value: number): HostTensor<D> => filled(dtype, [], value);

/** The elements as numbers; int64 beyond 2^53 lose precision. @throws {TypeError} for strings. */
export function toNumbers(value: HostTensor): number[] {
  if (value.dtype === 'string') throw new TypeError('expected a numeric tensor, got strings');
  return isBigInt(value.dtype) ? Array.from(value.data, Number) : Array.from(value.data as Float64Array);
}

/** Chosen rows of the first dimension, copied. */
export function takeRows<D extends NumericDType>(value: HostTensor<D>, rows: Int32Array): HostTensor<D> {
  const width = sizeOf(value.shape.slice(1));
  const result = zeros<D>(value.dtype, [rows.length, ...value.shape.slice(1)]);
  const [from, to] = [value.data as Float64Array, result.data as Float64Array];
  rows.forEach((row, i) => to.set(from.subarray(row * width, (row + 1) * width), i * width));
  return result;
}

/** Rows [begin, end) of the first dimension, sharing memory with the tensor. */
export function rowsOf<D extends DType>(value: HostTensor<D>, begin: number, end: number): HostTensor<D> {
  const width = sizeOf(value.shape.slice(1));
  const part =
    value.dtype === 'string'
      ? value.data.slice(begin * width, end * width)
      : (value.data as Float32Array).subarray(begin * width, end * width);
  return tensor<D>(value.dtype, [end - begin, ...value.shape.slice(1)], part as unknown as TensorData<D>);
}
