/**
 * The tensor data types of the Open Inference Protocol v2 and our element types. BF16, which Triton adds, has no form in
 * ONNX Runtime's JavaScript API.
 * Source: https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md#tensor-data-types
 */
import type { DType } from '../../tensor/dtype.ts';

export const DATATYPES = {
  BOOL: 'bool',
  UINT8: 'uint8',
  UINT16: 'uint16',
  UINT32: 'uint32',
  UINT64: 'uint64',
  INT8: 'int8',
  INT16: 'int16',
  INT32: 'int32',
  INT64: 'int64',
  FP16: 'float16',
  FP32: 'float32',
  FP64: 'float64',
  BYTES: 'string',
} as const satisfies Record<string, DType>;

export type Datatype = keyof typeof DATATYPES;

const NAMES = new Map<DType, Datatype>(Object.entries(DATATYPES).map(([name, dtype]) => [dtype, name as Datatype]));

/** Every element type has its data type: the table is one to one. */
export const datatypeOf = (dtype: DType): Datatype => NAMES.get(dtype)!;
