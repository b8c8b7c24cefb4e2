/**
 * A checkpoint as one self-describing file: magic, length of the header, header (JSON), arrays in native little-endian, SHA-256 of
 * all before it. The thread count stands in it because results are bit-identical for equal counts only.
 */
import { createHash } from 'node:crypto';
import type { FitState, Json } from '../families/contract.ts';
import { ServiceError } from '../errors.ts';
import { ARRAYS } from '../tensor/dtype.ts';
import type { DType } from '../tensor/dtype.ts';
import { sizeOf } from '../tensor/shape.ts';
import { tensor } from '../tensor/tensor.ts';
import type { HostTensor, NumericDType } from '../tensor/tensor.ts';

export interface Checkpoint {
  readonly threads: number;
  /** Of a training that reads its rows in blocks: how many make one. Results depend on it. */
  readonly blockRows?: number | undefined;
  /** Of the training it belongs to: family, parameters, seed, data. */
  readonly fingerprint: string;
  readonly state: FitState;
}

interface Header {
  readonly threads: number;
  readonly block_rows?: number | undefined;
  readonly fingerprint: string;
  readonly position: Record<string, Json>;
  readonly tensors: readonly {
    name: string;
    dtype: NumericDType;
    shape: readonly number[];
    offset: number;
    bytes: number;
  }[];
}

const MAGIC = Buffer.from('TENONCK1');
const PREFIX_BYTES = MAGIC.length + 4;
const DIGEST_BYTES = 32;
const ALIGNMENT = 8;

export function encodeCheckpoint({ threads, blockRows, fingerprint, state }: Checkpoint): Uint8Array {
  let offset = 0;
  const parts: { at: number; bytes: Uint8Array }[] = [];
  const tensors = Object.entries(state.tensors).map(([name, value]) => {
    const bytes = bytesOf(name, value);
    const entry = { name, dtype: value.dtype as NumericDType, shape: value.shape, offset, bytes: bytes.length };
    parts.push({ at: offset, bytes });
    offset += align(bytes.length);
    return entry;
  });
  const header = Buffer.from(
    JSON.stringify({
      threads,
      block_rows: blockRows,
      fingerprint,
      position: state.position,
      tensors,
    } satisfies Header),
  );
  const start = align(PREFIX_BYTES + header.length);
  const file = Buffer.alloc(start + offset + DIGEST_BYTES);
  MAGIC.copy(file);
  file.writeUInt32LE(header.length, MAGIC.length);
  header.copy(file, PREFIX_BYTES);
  for (const { at, bytes } of parts) file.set(bytes, start + at);
  file.set(digestOf(file), file.length - DIGEST_BYTES);
  return file;
}

/** Whether the bytes are a whole checkpoint: one that was cut or altered does not give its checksum. */
export function isIntact(bytes: Uint8Array): boolean {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.length < PREFIX_BYTES + DIGEST_BYTES || !file.subarray(0, MAGIC.length).equals(MAGIC)) return false;
  return digestOf(file).equals(file.subarray(file.length - DIGEST_BYTES));
}

/** @throws internal when the file is no checkpoint, or torn: "checkpoint is torn". */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!file.subarray(0, MAGIC.length).equals(MAGIC))
    throw new ServiceError('internal', 'this is no checkpoint: its magic number is wrong');
  if (file.length < PREFIX_BYTES + DIGEST_BYTES || !digestOf(file).equals(file.subarray(file.length - DIGEST_BYTES))) {
    throw new ServiceError('internal', `checkpoint is torn: its ${file.length} bytes do not give its checksum`);
  }
  const headerBytes = file.readUInt32LE(MAGIC.length);
  const header = JSON.parse(file.toString('utf8', PREFIX_BYTES, PREFIX_BYTES + headerBytes)) as Header;
  const start = align(PREFIX_BYTES + headerBytes);
  const tensors = header.tensors.map(({ name, dtype, shape, offset, bytes: size }): [string, HostTensor] => {
    const data = Uint8Array.from(file.subarray(start + offset, start + offset + size));
    const array = new (ARRAYS[dtype] as Float64ArrayConstructor)(data.buffer, 0, sizeOf(shape));
    return [name, tensor<DType>(dtype, shape, array)];
  });
  const { threads, block_rows: blockRows, fingerprint, position } = header;
  return { threads, blockRows, fingerprint, state: { position, tensors: Object.fromEntries(tensors) } };
}

function bytesOf(name: string, { dtype, data }: HostTensor): Uint8Array {
  if (dtype === 'string')
    throw new TypeError(`checkpoint: the array "${name}" holds strings; keep them in the position`);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function align(size: number): number {
  return Math.ceil(size / ALIGNMENT) * ALIGNMENT;
}

function digestOf(file: Buffer): Buffer {
  return createHash('sha256')
    .update(file.subarray(0, file.length - DIGEST_BYTES))
    .digest();
}
