/**
 * HostTensor <-> TensorProto. Written as raw little-endian bytes; read from raw bytes or from the typed fields.
 * External data is refused: a model is one file. Source: onnx.proto, message TensorProto.
 */
import { create } from '@bufbuild/protobuf';

import { ARRAYS, isBigInt } from '../tensor/dtype.ts';
import type { DType, TensorData, TypedArray } from '../tensor/dtype.ts';
import { tensor } from '../tensor/tensor.ts';
import type { HostTensor } from '../tensor/tensor.ts';
import { dataTypeOf, dtypeOf } from './data-types.ts';
import { TensorProto_DataLocation, TensorProtoSchema } from './schema/onnx-ml_pb.js';
import type { TensorProto } from './schema/onnx-ml_pb.js';

export function toTensorProto(name: string, value: HostTensor): TensorProto {
  const base = { name, dims: value.shape.map(BigInt), dataType: dataTypeOf(value.dtype) };
  if (value.dtype === 'string') {
    const encoder = new TextEncoder();
    return create(TensorProtoSchema, { ...base, stringData: value.data.map((text) => encoder.encode(text)) });
  }
  const { buffer, byteOffset, byteLength } = value.data;
  return create(TensorProtoSchema, { ...base, rawData: new Uint8Array(buffer, byteOffset, byteLength) });
}

/** @throws {TypeError} naming the tensor when its type or the place of its data is not supported, or its data do not fit its shape. */
export function fromTensorProto(proto: TensorProto): HostTensor {
  const dtype = dtypeOf(proto.dataType);
  if (dtype === undefined)
    throw new TypeError(`tensor '${proto.name}': element type ${proto.dataType} is not supported`);
  if (proto.dataLocation === TensorProto_DataLocation.EXTERNAL || proto.externalData.length > 0) {
    throw new TypeError(`tensor '${proto.name}': external data is not supported, a model is one file`);
  }
  try {
    return tensor(dtype, proto.dims.map(Number), readData(dtype, proto));
  } catch (cause) {
    // Bytes of a torn element, or not as many elements as the shape says.
    throw new TypeError(`tensor '${proto.name}': ${cause instanceof Error ? cause.message : 'unreadable'}`, { cause });
  }
}

function readData(dtype: DType, proto: TensorProto): TensorData {
  if (dtype === 'string') {
    const decoder = new TextDecoder();
    return proto.stringData.map((bytes) => decoder.decode(bytes));
  }
  if (proto.rawData.length > 0) {
    // Copied (a Buffer's slice would not be), because a view needs its elements aligned and the file does not align them.
    return new ARRAYS[dtype](new Uint8Array(proto.rawData).buffer);
  }
  return typedField(dtype, proto);
}

function typedField(dtype: Exclude<DType, 'string'>, proto: TensorProto): TypedArray {
  if (dtype === 'float32') return Float32Array.from(proto.floatData);
  if (dtype === 'float64') return Float64Array.from(proto.doubleData);
  if (isBigInt(dtype))
    return dtype === 'int64' ? BigInt64Array.from(proto.int64Data) : BigUint64Array.from(proto.uint64Data);
  if (dtype === 'uint32') return Uint32Array.from(proto.uint64Data, Number);
  return ARRAYS[dtype].from(proto.int32Data);
}
