/**
 * The IDX format of MNIST (http://yann.lecun.com/exdb/mnist, section "file format"), gzip or not: `images` and `labels`
 * -> a table with the columns `image` (tensor; ubyte stays bytes, the rest becomes float32) and `label` (integer).
 */
import { gunzipSync } from 'node:zlib';
import { invalidDataset } from './row-errors.ts';
import type { Table } from './table.ts';

interface IdxFile {
  readonly shape: readonly number[];
  readonly values: Uint8Array | Float32Array | Float64Array;
}

type IdxType = readonly [name: string, size: number, read: (view: DataView, offset: number) => number];

/** Type byte -> name, bytes per value, reader (big-endian). */
const TYPES: Partial<Record<number, IdxType>> = {
  0x08: ['ubyte', 1, (view, at) => view.getUint8(at)],
  0x09: ['byte', 1, (view, at) => view.getInt8(at)],
  0x0b: ['short', 2, (view, at) => view.getInt16(at)],
  0x0c: ['int', 4, (view, at) => view.getInt32(at)],
  0x0d: ['float', 4, (view, at) => view.getFloat32(at)],
  0x0e: ['double', 8, (view, at) => view.getFloat64(at)],
};

const MAX_UNZIPPED_BYTES = 1 << 30;

/** Reads the two files of an IDX dataset. @throws dataset_invalid naming the file, what was expected and what stood there. */
export function readIdx(files: { readonly images?: Uint8Array; readonly labels?: Uint8Array }): Table {
  if (files.images === undefined) throw missingFile('labels', 'images');
  if (files.labels === undefined) throw missingFile('images', 'labels');
  const images = parseIdx(files.images, 'images');
  const labels = parseIdx(files.labels, 'labels');
  if (images.shape.length < 2)
    throw invalidDataset(`images: expected at least 2 dimensions [count, ...], found [${images.shape.join(', ')}]`);
  if (labels.shape.length !== 1)
    throw invalidDataset(`labels: expected 1 dimension [count], found [${labels.shape.join(', ')}]`);
  const [rows = 0, ...shape] = images.shape;
  if (rows !== labels.shape[0]) {
    throw invalidDataset(`${rows} images but ${labels.shape[0]!} labels`, {
      hint: 'every image needs exactly one label, in the same order',
    });
  }
  if (rows === 0) throw invalidDataset('images: the file has no images');
  const classes = Float64Array.from(labels.values);
  const fraction = classes.findIndex((value) => !Number.isSafeInteger(value));
  if (fraction !== -1)
    throw invalidDataset(`expected an integer, found ${classes[fraction]!}`, { row: fraction + 1, column: 'label' });
  const pixels = images.values instanceof Uint8Array ? images.values : Float32Array.from(images.values);
  return {
    rows,
    columns: [
      { name: 'image', type: 'tensor', shape, values: pixels },
      { name: 'label', type: 'integer', values: classes },
    ],
  };
}

function missingFile(there: string, missing: string): Error {
  return invalidDataset(`${there} without ${missing}`, {
    column: missing,
    hint: `an idx dataset is two files: upload "${missing}" too`,
  });
}

function parseIdx(raw: Uint8Array, name: string): IdxFile {
  const bytes = unzip(raw, name);
  const { shape, start, type } = parseHeader(bytes, name);
  const [typeName, size, read] = type;
  const count = shape.reduce((product, extent) => product * extent, 1);
  const expected = start + count * size;
  if (bytes.length !== expected) {
    const what = bytes.length < expected ? 'truncated' : 'too long';
    throw invalidDataset(
      `${name}: ${what}: ${typeName} of shape [${shape.join(', ')}] needs ${expected} bytes, found ${bytes.length}`,
    );
  }
  if (typeName === 'ubyte') return { shape, values: bytes.subarray(start) };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = size === 8 || typeName === 'int' ? new Float64Array(count) : new Float32Array(count);
  for (let i = 0; i < count; i++) values[i] = read(view, start + i * size);
  const broken = values.findIndex((value) => !Number.isFinite(value));
  if (broken !== -1) throw invalidDataset(`${name}: value ${broken} is ${values[broken]!}, expected a finite number`);
  return { shape, values };
}

/** Magic number (0, 0, type, rank) and one big-endian 32-bit size per dimension. */
function parseHeader(bytes: Uint8Array, name: string): { shape: number[]; start: number; type: IdxType } {
  if (bytes.length === 0) throw invalidDataset(`${name}: the file is empty`);
  const type = TYPES[bytes[2] ?? 0];
  const rank = bytes[3] ?? 0;
  if (bytes[0] !== 0 || bytes[1] !== 0 || type === undefined || rank === 0) {
    const found = Buffer.from(bytes.subarray(0, 4)).toString('hex');
    throw invalidDataset(
      `${name}: not an IDX file: expected a magic number such as 00000803 (images) or 00000801 (labels), found ${found}`,
    );
  }
  const start = 4 + 4 * rank;
  if (bytes.length < start) {
    throw invalidDataset(`${name}: truncated: expected ${start} bytes of header, found ${bytes.length}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { shape: Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i)), start, type };
}

function unzip(bytes: Uint8Array, name: string): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_UNZIPPED_BYTES });
  } catch (error) {
    const reason = error instanceof RangeError ? 'more than 1 GB when unzipped' : 'a broken or truncated gzip file';
    throw invalidDataset(`${name}: ${reason}`);
  }
}
