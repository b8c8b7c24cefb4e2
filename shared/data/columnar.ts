/**
 * The stored form of a table: one chunk of raw little-endian values per column (text: offsets, UTF-8 and a missing mask), and
 * a JSON manifest. Every column but text has a fixed number of bytes per row, so that a range of rows is a range of bytes.
 */
import type { Column, ColumnType, Table } from './table.ts';

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

export interface TableManifest {
  readonly format: 'tenon.columnar';
  readonly version: 1;
  readonly rows: number;
  readonly columns: readonly StoredColumn[];
}

/** The chunks of a table and the manifest that describes them. Chunks may share memory with the table. */
export function encodeTable(table: Table): { manifest: TableManifest; chunks: Map<string, Uint8Array> } {
  const chunks = new Map<string, Uint8Array>();
  const columns = table.columns.map((column, index): StoredColumn => {
    const base = `column-${index}`;
    if (column.type === 'text') return encodeText(column, base, chunks);
    const { values } = column;
    chunks.set(base, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
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
  return { manifest: { format: 'tenon.columnar', version: 1, rows: table.rows, columns }, chunks };
}

/** The table back, or only the columns named in `options.columns`. @throws RangeError when a chunk is not of its size. */
export async function decodeTable(
  manifest: TableManifest,
  read: (chunk: string) => Promise<Uint8Array> | Uint8Array,
  options: { readonly columns?: readonly string[] } = {},
): Promise<Table> {
  const wanted = manifest.columns.filter((column) => options.columns?.includes(column.name) ?? true);
  const columns = await Promise.all(
    wanted.map(async (column) =>
      decodeColumn(column, await Promise.all(column.chunks.map(async (name) => read(name))), manifest.rows),
    ),
  );
  return { rows: manifest.rows, columns };
}

/** Reads bytes `begin` to `end` (not included) of a chunk. */
export type ReadRange = (chunk: string, begin: number, end: number) => Promise<Uint8Array>;

/** Rows `begin` to `end` (not included) of the columns named: of every chunk only what belongs to them is read. */
export async function decodeRows(
  manifest: TableManifest,
  read: ReadRange,
  { columns: names, begin, end }: { readonly columns: readonly string[]; readonly begin: number; readonly end: number },
): Promise<Table> {
  const wanted = manifest.columns.filter(({ name }) => names.includes(name));
  const columns = await Promise.all(
    wanted.map(async (stored) => {
      const chunks =
        stored.type === 'text' ? readTexts(stored, read, begin, end) : readValues(stored, read, begin, end);
      return decodeColumn(stored, await chunks, end - begin);
    }),
  );
  return { rows: end - begin, columns };
}

async function readValues(stored: StoredColumn, read: ReadRange, begin: number, end: number): Promise<Uint8Array[]> {
  const { bytes_per_row: width, chunks } = stored;
  return [await read(chunks[0]!, begin * width, end * width)];
}

/** The chunks of a text column as if these rows were all it has. */
async function readTexts(stored: StoredColumn, read: ReadRange, begin: number, end: number): Promise<Uint8Array[]> {
  const [offsets = '', utf8 = '', missing = ''] = stored.chunks;
  const width = Uint32Array.BYTES_PER_ELEMENT;
  const bytes = await read(offsets, begin * width, (end + 1) * width);
  const own = toTyped('uint32', bytes, end - begin + 1, stored.name) as Uint32Array;
  const [first = 0] = own;
  const texts = await Promise.all([read(utf8, first, own.at(-1)!), read(missing, begin, end)]);
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

function encodeText(column: Column & { type: 'text' }, base: string, chunks: Map<string, Uint8Array>): StoredColumn {
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
  const names: [string, string, string] = [`${base}-offsets`, `${base}-utf8`, `${base}-missing`];
  chunks.set(names[0], new Uint8Array(offsets.buffer)).set(names[1], utf8).set(names[2], missing);
  return { name: column.name, type: 'text', dtype: 'uint32', bytes_per_row: 0, chunks: names };
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
