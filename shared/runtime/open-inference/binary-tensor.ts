/**
 * Tensor data as bytes <-> host tensors: little-endian (as every CPU that this runs on), row-major, unpadded. A BYTES element
 * is its length in 4 bytes and then its bytes, which are UTF-8 here: ONNX Runtime's strings are text.
 * Source: https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
 */
import { TextDecoder } from 'node:util';
import { ARRAYS } from '../../tensor/dtype.ts';
import type { DType, TensorData } from '../../tensor/dtype.ts';
import { formatShape, sizeOf } from '../../tensor/shape.ts';
import { tensor } from '../../tensor/tensor.ts';
import type { HostTensor } from '../../tensor/tensor.ts';
import { datatypeOf } from './datatypes.ts';
import { tensorError } from './tensor-error.ts';

const LENGTH_BYTES = 4;

/** @throws {ServiceError} shape_mismatch or invalid_request at the pointer */
export function tensorOfBytes<D extends DType>(
  dtype: D,
  shape: readonly number[],
  bytes: Uint8Array,
  pointer: string,
): HostTensor<D> {
  const count = sizeOf(shape);
  if (dtype === 'string') return tensor(dtype, shape, textsOf(bytes, count, pointer) as unknown as TensorData<D>);
  const ArrayOf = ARRAYS[dtype as 'float32'];
  if (bytes.length !== count * ArrayOf.BYTES_PER_ELEMENT) {
    const expected = `${count * ArrayOf.BYTES_PER_ELEMENT} bytes for ${datatypeOf(dtype)} of shape ${formatShape(shape)}`;
    throw tensorError(pointer, `expected ${expected}, got ${bytes.length}`, 'shape_mismatch');
  }
  if (dtype === 'bool' && bytes.some((byte) => byte > 1)) {
    throw tensorError(pointer, 'expected bytes of 0 or 1 for BOOL');
  }
  // A copy begins where its elements may; a view into the body need not.
  return tensor(dtype, shape, new ArrayOf(Uint8Array.from(bytes).buffer) as unknown as TensorData<D>);
}

function textsOf(bytes: Uint8Array, count: number, pointer: string): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const texts: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    const place = `element ${texts.length}`;
    if (at + LENGTH_BYTES > bytes.length) throw tensorError(pointer, `${place}: its 4 bytes of length are cut off`);
    const end = at + LENGTH_BYTES + view.getUint32(at, true);
    if (end > bytes.length) {
      throw tensorError(
        pointer,
        `${place}: expected ${end - at - LENGTH_BYTES} bytes, got ${bytes.length - at - LENGTH_BYTES}`,
      );
    }
    texts.push(decoded(decoder, bytes.subarray(at + LENGTH_BYTES, end), place, pointer));
    at = end;
  }
  if (texts.length === count) return texts;
  throw tensorError(pointer, `expected ${count} elements, got ${texts.length}`, 'shape_mismatch');
}

function decoded(decoder: TextDecoder, bytes: Uint8Array, place: string, pointer: string): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw tensorError(pointer, `${place}: its bytes are no valid UTF-8`);
  }
}

export function bytesOfTensor(value: HostTensor): Uint8Array {
  if (value.dtype !== 'string') {
    const { buffer, byteOffset, byteLength } = value.data;
    return new Uint8Array(buffer, byteOffset, byteLength);
  }
  return Buffer.concat(
    value.data.flatMap((text) => {
      const bytes = Buffer.from(text, 'utf8');
      const length = Buffer.alloc(LENGTH_BYTES);
      length.writeUInt32LE(bytes.length);
      return [length, bytes];
    }),
  );
}
