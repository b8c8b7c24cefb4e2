/** ONNX's element types by their numbers: bits of an element, and the field that holds it outside of raw_data. Source: onnx.proto, TensorProto.DataType. */
import type { TensorProto } from '../schema/onnx-ml_pb.js';

type LooseField = 'floatData' | 'int32Data' | 'int64Data' | 'doubleData' | 'uint64Data' | 'stringData';

export interface ElementType {
  readonly name: string;
  readonly bits: number;
  readonly field: LooseField;
}

const type = (name: string, bits: number, field: LooseField): ElementType => ({ name, bits, field });

/** Without complex numbers and the types of fewer than 8 bits that the CPU provider cannot compute with. */
export const ELEMENT_TYPES: ReadonlyMap<number, ElementType> = new Map([
  [1, type('float32', 32, 'floatData')],
  [2, type('uint8', 8, 'int32Data')],
  [3, type('int8', 8, 'int32Data')],
  [4, type('uint16', 16, 'int32Data')],
  [5, type('int16', 16, 'int32Data')],
  [6, type('int32', 32, 'int32Data')],
  [7, type('int64', 64, 'int64Data')],
  // In memory a text is an object of 32 bytes at least.
  [8, type('string', 256, 'stringData')],
  [9, type('bool', 8, 'int32Data')],
  [10, type('float16', 16, 'int32Data')],
  [11, type('float64', 64, 'doubleData')],
  [12, type('uint32', 32, 'uint64Data')],
  [13, type('uint64', 64, 'uint64Data')],
  [16, type('bfloat16', 16, 'int32Data')],
  [17, type('float8e4m3fn', 8, 'int32Data')],
  [18, type('float8e4m3fnuz', 8, 'int32Data')],
  [19, type('float8e5m2', 8, 'int32Data')],
  [20, type('float8e5m2fnuz', 8, 'int32Data')],
  [21, type('uint4', 4, 'int32Data')],
  [22, type('int4', 4, 'int32Data')],
]);

/** The product of the sizes; NaN for sizes that are none. */
export function elementsOf({ dims }: Pick<TensorProto, 'dims'>): number {
  return dims.reduce((product, size) => (size < 0n ? Number.NaN : product * Number(size)), 1);
}

/** Bytes of a tensor in memory. */
export function bytesOf(elements: number, { bits }: ElementType): number {
  return Math.ceil((elements * bits) / 8);
}
