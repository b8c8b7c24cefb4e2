/**
 * The IDX format of MNIST (http://yann.lecun.com/exdb/mnist, section "file format"), gzip or not: `images` and `labels`
 * -> a table with the columns `image` (tensor; ubyte stays bytes, the rest becomes float32) and `label` (integer).
 */
import { Readable, pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { headOf, piecesOf } from './byte-source.ts';
import type { ByteSource } from './byte-source.ts';
import { invalidDataset } from './row-errors.ts';
import type { Table } from './table.ts';
import { BLOCK_BYTES, collect } from './table-stream.ts';
import type { TableStream } from './table-stream.ts';

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
/** A row is put together in memory. */
const MAX_IMAGE_VALUES = 1 << 25;
/** Of values, that are looked at together. */
const CHUNK_VALUES = 1 << 16;

interface IdxFiles<T> {
  readonly images?: T;
  readonly labels?: T;
}

/** Reads the two files of an IDX dataset into memory. @throws dataset_invalid naming the file, what was expected and what stood there. */
export async function readIdx(files: IdxFiles<Uint8Array>): Promise<Table> {
  return collect(await openIdx(files));
}

/** Reads the two files of an IDX dataset to their ends. @throws dataset_invalid naming the file, what was expected and what stood there. */
export async function openIdx(files: IdxFiles<ByteSource>): Promise<TableStream> {
  if (files.images === undefined) throw missingFile('labels', 'images');
  if (files.labels === undefined) throw missingFile('images', 'labels');
  const images = new IdxFile(files.images, 'images');
  const labels = new IdxFile(files.labels, 'labels');
  const { shape } = await images.check();
  const { shape: labelShape, fraction } = await labels.check();
  if (shape.length < 2)
    throw invalidDataset(`images: expected at least 2 dimensions [count, ...], found [${shape.join(', ')}]`);
  if (labelShape.length !== 1)
    throw invalidDataset(`labels: expected 1 dimension [count], found [${labelShape.join(', ')}]`);
  const [rows = 0, ...imageShape] = shape;
  if (rows !== labelShape[0]) {
    throw invalidDataset(`${rows} images but ${labelShape[0]!} labels`, {
      hint: 'every image needs exactly one label, in the same order',
    });
  }
  if (rows === 0) throw invalidDataset('images: the file has no images');
  if (widthOf(imageShape) > MAX_IMAGE_VALUES)
    throw invalidDataset(`expected images of at most ${MAX_IMAGE_VALUES} values, found [${imageShape.join(', ')}]`);
  if (fraction !== undefined)
    throw invalidDataset(`expected an integer, found ${fraction.value}`, { row: fraction.row, column: 'label' });
  return { blocks: (blockBytes = BLOCK_BYTES) => blocksOf({ images, labels, rows, imageShape }, blockBytes) };
}

interface IdxTable {
  readonly images: IdxFile;
  readonly labels: IdxFile;
  readonly rows: number;
  readonly imageShape: readonly number[];
}

async function* blocksOf(
  { images, labels, rows, imageShape: shape }: IdxTable,
  blockBytes: number,
): AsyncGenerator<Table, void, undefined> {
  const width = widthOf(shape);
  const [readImages, readLabels] = [await images.open(), await labels.open()];
  const bytesPerRow = width * (readImages.isBytes ? 1 : 4) + 8;
  const most = Math.max(1, Math.ceil(blockBytes / bytesPerRow));
  try {
    for (let begin = 0; begin < rows; begin += most) {
      const count = Math.min(most, rows - begin);
      const pixels = await readImages.next(count * width);
      const values = pixels instanceof Uint8Array ? pixels : Float32Array.from(pixels);
      const classes = Float64Array.from(await readLabels.next(count));
      yield {
        rows: count,
        columns: [
          { name: 'image', type: 'tensor', shape, values },
          { name: 'label', type: 'integer', values: classes },
        ],
      };
    }
  } finally {
    await Promise.all([readImages.close(), readLabels.close()]);
  }
}

function widthOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

function missingFile(there: string, missing: string): Error {
  return invalidDataset(`${there} without ${missing}`, {
    column: missing,
    hint: `an idx dataset is two files: upload "${missing}" too`,
  });
}

interface Header {
  readonly shape: readonly number[];
  readonly type: IdxType;
}

interface Values {
  /** Whether they are bytes as they stand in the file. */
  readonly isBytes: boolean;
  /** The next so many values, or fewer where the file ends. */
  next(count: number): Promise<Uint8Array | Float64Array>;
  close(): Promise<void>;
}

/** One of the two files, read from its beginning as often as it is asked. */
class IdxFile {
  private readonly source: ByteSource;
  private readonly name: string;

  constructor(source: ByteSource, name: string) {
    this.source = source;
    this.name = name;
  }

  /** Reads all of it: its size and its numbers. `fraction` is the first value that is no integer, its row from 1. */
  async check(): Promise<{ shape: readonly number[]; fraction: { row: number; value: number } | undefined }> {
    const bytes = new ByteQueue(unzipped(this.source, this.name));
    const { shape, type } = await this.readHeader(bytes).catch(async (error: unknown) => {
      // A broken gzip file is told to be one, whatever its first bytes unpack to.
      while ((await bytes.read(CHUNK_VALUES)).length > 0);
      throw error;
    });
    const count = widthOf(shape);
    const [typeName, size] = type;
    let fraction: { row: number; value: number } | undefined;
    let broken: string | undefined;
    for (let begin = 0; ;) {
      const read = await bytes.read(CHUNK_VALUES * size);
      if (read.length === 0) break;
      if (typeName === 'ubyte') continue;
      const values = numbersOf(read, type);
      // Of a file of another size than it says only the size is told.
      for (let i = 0; i < values.length; i++) {
        const value = values[i]!;
        if (!Number.isFinite(value)) broken ??= `value ${begin + i} is ${value}, expected a finite number`;
        else if (!Number.isSafeInteger(value)) fraction ??= { row: begin + i + 1, value };
      }
      begin += values.length;
    }
    const expected = 4 + 4 * shape.length + count * size;
    if (bytes.taken !== expected) {
      const what = bytes.taken < expected ? 'truncated' : 'too long';
      throw invalidDataset(
        `${this.name}: ${what}: ${typeName} of shape [${shape.join(', ')}] needs ${expected} bytes, found ${bytes.taken}`,
      );
    }
    if (broken !== undefined) throw invalidDataset(`${this.name}: ${broken}`);
    return { shape, fraction };
  }

  /** Its values, of a file that has been checked. */
  async open(): Promise<Values> {
    const bytes = new ByteQueue(unzipped(this.source, this.name));
    const { type } = await this.readHeader(bytes);
    const isBytes = type[0] === 'ubyte';
    return {
      isBytes,
      async next(count) {
        const read = await bytes.read(count * type[1]);
        return isBytes ? read : numbersOf(read, type);
      },
      close: () => bytes.close(),
    };
  }

  /** Magic number (0, 0, type, rank) and one big-endian 32-bit size per dimension. */
  private async readHeader(bytes: ByteQueue): Promise<Header> {
    const magic = await bytes.read(4);
    if (magic.length === 0) throw invalidDataset(`${this.name}: the file is empty`);
    const type = TYPES[magic[2] ?? 0];
    const rank = magic[3] ?? 0;
    if (magic[0] !== 0 || magic[1] !== 0 || type === undefined || rank === 0) {
      throw invalidDataset(
        `${this.name}: not an IDX file: expected a magic number such as 00000803 (images) or 00000801 (labels), found ${Buffer.from(magic).toString('hex')}`,
      );
    }
    const sizes = await bytes.read(4 * rank);
    if (sizes.length < 4 * rank)
      throw invalidDataset(
        `${this.name}: truncated: expected ${4 + 4 * rank} bytes of header, found ${4 + sizes.length}`,
      );
    const view = new DataView(sizes.buffer, sizes.byteOffset, sizes.byteLength);
    return { shape: Array.from({ length: rank }, (_, i) => view.getUint32(4 * i)), type };
  }
}

/** Whole values only: what is left over at the end of a torn file is none. */
function numbersOf(bytes: Uint8Array, [, size, read]: IdxType): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Float64Array(Math.floor(bytes.length / size));
  for (let i = 0; i < values.length; i++) values[i] = read(view, i * size);
  return values;
}

/** Bytes by the number that is asked for, whatever the pieces they come in. */
class ByteQueue {
  taken = 0;
  private readonly pieces: AsyncGenerator<Uint8Array, void, undefined>;
  private rest: Uint8Array = new Uint8Array();

  constructor(pieces: AsyncGenerator<Uint8Array, void, undefined>) {
    this.pieces = pieces;
  }

  /** The next bytes, fewer only where they end. */
  async read(size: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let found = 0;
    while (found < size) {
      if (this.rest.length === 0) {
        const next = await this.pieces.next();
        if (next.done === true) break;
        this.rest = next.value;
      }
      const part = this.rest.subarray(0, size - found);
      this.rest = this.rest.subarray(part.length);
      parts.push(part);
      found += part.length;
    }
    this.taken += found;
    const bytes = new Uint8Array(found);
    parts.reduce((at, part) => {
      bytes.set(part, at);
      return at + part.length;
    }, 0);
    return bytes;
  }

  async close(): Promise<void> {
    await this.pieces.return();
  }
}

/** The bytes of the file, unpacked where it is gzip. @throws dataset_invalid where it cannot be unpacked */
async function* unzipped(source: ByteSource, name: string): AsyncGenerator<Uint8Array, void, undefined> {
  const head = await headOf(source, 2);
  if (head[0] !== 0x1f || head[1] !== 0x8b) {
    yield* piecesOf(source);
    return;
  }
  // A failure of the pieces reaches who reads the unpacked ones, too.
  const unpacked = pipeline(Readable.from(piecesOf(source)), createGunzip(), () => undefined);
  let size = 0;
  try {
    for await (const piece of unpacked) {
      size += (piece as Uint8Array).length;
      if (size > MAX_UNZIPPED_BYTES) throw invalidDataset(`${name}: more than 1 GB when unzipped`);
      yield piece as Uint8Array;
    }
  } catch (error) {
    if (!String((error as NodeJS.ErrnoException).code).startsWith('Z_')) throw error;
    throw invalidDataset(`${name}: a broken or truncated gzip file`);
  }
}
