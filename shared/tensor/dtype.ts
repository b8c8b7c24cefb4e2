/**
 * Element types of tensors, under the names that ONNX Runtime's JavaScript API uses, and the array that holds each.
 * A boolean is a byte of 0 or 1; an int64 is a BigInt, so that ids beyond 2^53 survive.
 */

interface DataOf {
  float32: Float32Array;
  float64: Float64Array;
  float16: Uint16Array;
  int8: Int8Array;
  uint8: Uint8Array;
  int16: Int16Array;
  uint16: Uint16Array;
  int32: Int32Array;
  uint32: Uint32Array;
  int64: BigInt64Array;
  uint64: BigUint64Array;
  bool: Uint8Array;
  string: readonly string[];
}

export type DType = keyof DataOf;
export type TensorData<D extends DType = DType> = DataOf[D];
export type TypedArray = Exclude<TensorData, readonly string[]>;

/** DType -> constructor of the array that holds it; strings have none. */
export const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const;

export const isFloat = (dtype: DType): boolean => dtype === 'float32' || dtype === 'float64' || dtype === 'float16';

export const isBigInt = (dtype: DType): dtype is 'int64' | 'uint64' => dtype === 'int64' || dtype === 'uint64';
