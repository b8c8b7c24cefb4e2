/**
 * The stored form of a table: blocks of rows, and a JSON manifest. A block has one chunk of raw little-endian values per column (text: offsets, UTF-8
 * and a missing mask). Every column but text has a fixed number of bytes per row, so that a range of rows is a range of bytes.
 */
import type { Column, ColumnType, Table } from './table.ts';
import { ColumnAssembly } from './table-source.ts';

const DTYPES = {
  float64: Float64Array,
  float32: Float32Array,
  int32: Int32Array,
  uint32: Uint32Array,
  uint8: Uint8Array,
} as const;

export type StoredDtype = keyof typeof DTYPES;

export interface StoredColumn {
  readonly name: string;
  readonly type: ColumnType;
  readonly dtype: StoredDtype;
  /** 0 for text, whose rows differ in size. */
  readonly bytes_per_row: number;
  /** Chunk names: the values; for text the offsets (rows + 1), the UTF-8 and the mask of missing rows. */
  readonly chunks: readonly string[];
  readonly categories?: readonly string[];
  readonly shape?: readonly number[];
  readonly ragged?: boolean;
}

/** One object of rows: every column's chunks for them, behind each other. */
export interface StoredBlock {
  readonly name: string;
  readonly rows: number;
  /** In the order of the columns and of their chunks. */
  readonly chunk_bytes: readonly number[];
}

export interface TableManifest {
  readonly format: 'tenon.columnar';
  /** 1: every chunk is an object of its own. 2: the rows lie in blocks. */
  readonly version: 1 | 2;
  readonly rows: number;
  readonly columns: readonly StoredColumn[];
  readonly blocks?: readonly StoredBlock[];
}

/** Writes a table block by block, whose columns are of the same types. */
export class ColumnarWriter {
  private readonly blocks: StoredBlock[] = [];
  private columns: readonly StoredColumn[] = [];
  private rows = 0;
  private buffer = new Uint8Array();

  /** The block's name and its bytes, which stand until the next is added. */
  add(table: Table): { name: string; bytes: Uint8Array } {
    const { columns, chunks } = encodeTable(table);
    const name = `block-${this.blocks.length}`;
    this.columns = columns;
    this.blocks.push({ name, rows: table.rows, chunk_bytes: chunks.map(({ byteLength }) => byteLength) });
    this.rows += table.rows;
    return { name, bytes: this.join(chunks) };
  }

  /** In one buffer for all blocks: as many that wait to be collected would be most of the memory. */
  private join(chunks: readonly Uint8Array[]): Uint8Array {
    const size = chunks.reduce((sum, { byteLength }) => sum + byteLength, 0);
    if (this.buffer.length < size) this.buffer = new Uint8Array(size);
    let at = 0;
    for (const chunk of chunks) {
      this.buffer.set(chunk, at);
      at += chunk.length;
    }
    return this.buffer.subarray(0, size);
  }

  manifest(): TableManifest {
    const { rows, columns, blocks } = this;
    return { format: 'tenon.columnar', version: 2, rows, columns, blocks };
  }
}

/** The chunks of a table, which may share its memory. */
function encodeTable(table: Table): { columns: StoredColumn[]; chunks: Uint8Array[] } {
  const chunks: Uint8Array[] = [];
  const columns = table.columns.map((column, index): StoredColumn => {
    const base = `column-${index}`;
    if (column.type === 'text') {
      chunks.push(...encodeText(column));
      const names = [`${base}-offsets`, `${base}-utf8`, `${base}-missing`];
      return { name: column.name, type: 'text', dtype: 'uint32', bytes_per_row: 0, chunks: names };
    }
    const { values } = column;
    chunks.push(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    const width = column.type === 'tensor' ? product(column.shape) : 1;
    return {
      name: column.name,
      type: column.type,
      dtype: dtypeOf(values),
      bytes_per_row: width * values.BYTES_PER_ELEMENT,
      chunks: [base],
      ...(column.type === 'category' ? { categories: column.categories } : {}),
      ...(column.type === 'tensor' ? { shape: column.shape } : {}),
      ...(column.type === 'tensor' && column.isRagged === true ? { ragged: true } : {}),
    };
  });
  return { columns, chunks };
}

/** Bytes of all texts of a column. @returns undefined where the manifest does not say, and the chunk's size does */
export function textBytesOf({ columns, blocks }: TableManifest, { chunks }: StoredColumn): number | undefined {
  const index = columns.flatMap((column) => column.chunks).indexOf(chunks[1]!);
  return blocks?.reduce((sum, block) => sum + block.chunk_bytes[index]!, 0);
}

/** Reads bytes `begin` to `end` (not included) of an object of the table. */
export type ReadRange = (object: string, begin: number, end: number) => Promise<Uint8Array>;

export interface RowRange {
  /** Default all. */
  readonly columns?: readonly string[];
  readonly begin: number;
  readonly end: number;
}

/** Rows `begin` to `end` (not included) of the columns named: of every object only what belongs to them is read. */
export async function decodeRows(
  manifest: TableManifest,
  read: ReadRange,
  { columns: names, begin, end }: RowRange,
): Promise<Table> {
  const wanted = manifest.columns.filter(({ name }) => names?.includes(name) ?? true);
  if (begin === end) return { rows: 0, columns: wanted.map((stored) => decodeColumn(stored, noChunks(stored), 0)) };
  const parts = partsOf(manifest, begin, end);
  const columns = await Promise.all(
    wanted.map(async (stored) => {
      if (parts.length === 1) return readColumn(stored, read, parts[0]!);
      // One after the other into their place: side by side, the column would be in memory twice.
      const column = new ColumnAssembly(end - begin);
      for (const part of parts) column.add(await readColumn(stored, read, part));
      return column.finish();
    }),
  );
  return { rows: end - begin, columns };
}

function noChunks({ chunks }: StoredColumn): Uint8Array[] {
  // The texts' places end with one more than there are rows.
  return chunks.map((_, i) => new Uint8Array(chunks.length > 1 && i === 0 ? Uint32Array.BYTES_PER_ELEMENT : 0));
}

/** Rows `begin` to `end` of one block, and where its chunks lie. */
interface Part {
  readonly begin: number;
  readonly end: number;
  readonly place: (chunk: string) => { readonly object: string; readonly at: number };
}

function partsOf(manifest: TableManifest, begin: number, end: number): Part[] {
  if (manifest.blocks === undefined) return [{ begin, end, place: (chunk) => ({ object: chunk, at: 0 }) }];
  const names = manifest.columns.flatMap(({ chunks }) => chunks);
  const parts: Part[] = [];
  let first = 0;
  for (const { name: object, rows, chunk_bytes: sizes } of manifest.blocks) {
    const [from, to] = [Math.max(begin, first), Math.min(end, first + rows)];
    if (from < to) {
      let at = 0;
      const places = new Map(
        names.map((name, i) => {
          const place = { object, at };
          at += sizes[i]!;
          return [name, place];
        }),
      );
      parts.push({ begin: from - first, end: to - first, place: (chunk) => places.get(chunk)! });
    }
    first += rows;
  }
  return parts;
}

async function readColumn(stored: StoredColumn, read: ReadRange, part: Part): Promise<Column> {
  const chunks = stored.type === 'text' ? readTexts(stored, read, part) : readValues(stored, read, part);
  return decodeColumn(stored, await chunks, part.end - part.begin);
}

async function readValues(stored: StoredColumn, read: ReadRange, { begin, end, place }: Part): Promise<Uint8Array[]> {
  const { bytes_per_row: width, chunks } = stored;
  const { object, at } = place(chunks[0]!);
  return [await read(object, at + begin * width, at + end * width)];
}

/** The chunks of a text column as if these rows were all it has. */
async function readTexts(stored: StoredColumn, read: ReadRange, { begin, end, place }: Part): Promise<Uint8Array[]> {
  const [offsets, utf8, missing] = stored.chunks.map(place);
  const width = Uint32Array.BYTES_PER_ELEMENT;
  const bytes = await read(offsets!.object, offsets!.at + begin * width, offsets!.at + (end + 1) * width);
  const own = toTyped('uint32', bytes, end - begin + 1, stored.name) as Uint32Array;
  const [first = 0] = own;
  const texts = await Promise.all([
    read(utf8!.object, utf8!.at + first, utf8!.at + own.at(-1)!),
    read(missing!.object, missing!.at + begin, missing!.at + end),
  ]);
  const rebased = Uint32Array.from(own, (offset) => offset - first);
  return [new Uint8Array(rebased.buffer), ...texts];
}

function decodeColumn(stored: StoredColumn, chunks: readonly Uint8Array[], rows: number): Column {
  const { name, type } = stored;
  if (type === 'text') return decodeText(stored, chunks, rows);
  const values = toTyped(
    stored.dtype,
    chunks[0]!,
    (rows * stored.bytes_per_row) / DTYPES[stored.dtype].BYTES_PER_ELEMENT,
    name,
  );
  switch (type) {
    case 'number':
    case 'integer':
    case 'datetime':
      return { name, type, values: values as Float64Array };
    case 'boolean':
      return { name, type, values: values as Uint8Array };
    case 'category':
      return { name, type, values: values as Int32Array, categories: stored.categories ?? [] };
    case 'tensor':
      return {
        name,
        type,
        values: values as Uint8Array | Float32Array,
        shape: stored.shape ?? [],
        ...(stored.ragged === true ? { isRagged: true } : {}),
      };
  }
}

/** Where every text begins, the texts, and which are missing. */
function encodeText(column: Column & { type: 'text' }): [Uint8Array, Uint8Array, Uint8Array] {
  const rows = column.values.length;
  const offsets = new Uint32Array(rows + 1);
  const missing = new Uint8Array(rows);
  column.values.forEach((value, row) => {
    offsets[row + 1] = offsets[row]! + (value === null ? 0 : Buffer.byteLength(value));
    missing[row] = value === null ? 1 : 0;
  });
  const utf8 = Buffer.allocUnsafe(offsets[rows]!);
  column.values.forEach((value, row) => {
    if (value !== null) utf8.write(value, offsets[row]!, 'utf8');
  });
  return [new Uint8Array(offsets.buffer), utf8, missing];
}

function decodeText(stored: StoredColumn, chunks: readonly Uint8Array[], rows: number): Column {
  const offsets = toTyped('uint32', chunks[0]!, rows + 1, stored.name);
  const utf8 = Buffer.from(chunks[1]!.buffer, chunks[1]!.byteOffset, chunks[1]!.byteLength);
  const missing = toTyped('uint8', chunks[2]!, rows, stored.name);
  if (utf8.length !== offsets[rows])
    throw new RangeError(`column "${stored.name}": expected ${offsets[rows]!} bytes of text, got ${utf8.length}`);
  const values = Array.from({ length: rows }, (_, row) =>
    missing[row] === 1 ? null : utf8.toString('utf8', offsets[row], offsets[row + 1]),
  );
  return { name: stored.name, type: 'text', values };
}

/** A typed view of the bytes; copied only where they are not aligned. */
function toTyped(
  dtype: StoredDtype,
  bytes: Uint8Array,
  length: number,
  column: string,
): InstanceType<(typeof DTYPES)[StoredDtype]> {
  const TypedArray = DTYPES[dtype];
  const expected = length * TypedArray.BYTES_PER_ELEMENT;
  if (bytes.byteLength !== expected)
    throw new RangeError(`column "${column}": expected a chunk of ${expected} bytes, got ${bytes.byteLength}`);
  const isAligned = bytes.byteOffset % TypedArray.BYTES_PER_ELEMENT === 0;
  const { buffer, byteOffset } = isAligned ? bytes : bytes.slice();
  return new TypedArray(buffer as ArrayBuffer, byteOffset, length);
}

function dtypeOf(values: ArrayBufferView): StoredDtype {
  // By name and not by instanceof: typed arrays of another realm (a worker's, a test's) are as good.
  const name = values.constructor === Buffer ? 'uint8' : values.constructor.name.replace('Array', '').toLowerCase();
  if (name in DTYPES) return name as StoredDtype;
  throw new TypeError(`no stored form for ${values.constructor.name}`);
}

function product(shape: readonly number[]): number {
  return shape.reduce((total, size) => total * size, 1);
}
