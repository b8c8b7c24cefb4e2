/** The numbers that ONNX gives element types, apart from the schema, which is slow to load. Source: onnx.proto, TensorProto.DataType. */
import type { DType } from '../tensor/dtype.ts';

const DATA_TYPES: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
};

const DTYPES = new Map<number, DType>(Object.entries(DATA_TYPES).map(([dtype, code]) => [code, dtype as DType]));

/** The number that ONNX gives an element type. */
export const dataTypeOf = (dtype: DType): number => DATA_TYPES[dtype];

/** The element type of a number in the file, or undefined for one that we do not hold (complex, float8, ...). */
export const dtypeOf = (dataType: number): DType | undefined => DTYPES.get(dataType);
