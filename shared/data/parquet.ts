/**
 * Parquet (https://parquet.apache.org/docs/file-format/) -> Table, by the package hyparquet, a column and a row group at a time. The file states
 * the types: its booleans, dates and timestamps, numbers and lists are ours; text becomes category, text or datetime as in every format.
 * Compressed by nothing, Snappy, gzip, Brotli or Zstandard.
 */
import { parquetMetadata, parquetScan, parquetSchema } from 'hyparquet';
import type { AsyncBuffer, FileMetaData, SchemaTree } from 'hyparquet';
import { ServiceError } from '../errors.ts';
import { quoteCell } from './cells.ts';
import type { ColumnBuilder } from './column-builder.ts';
import { COMPRESSORS } from './parquet-codecs.ts';
import { checkParquetSizes } from './parquet-limits.ts';
import { invalidDataset, RowErrors } from './row-errors.ts';
import { finishTable, startColumns } from './table-builder.ts';
import type { ColumnTypes, ReadOptions } from './table-builder.ts';
import type { Table } from './table.ts';

/** Reads a Parquet file. @throws dataset_invalid with up to 100 row errors, or what is wrong with the file. */
export async function readParquet(bytes: Uint8Array, options: ReadOptions = {}): Promise<Table> {
  const file = bufferOf(bytes);
  const { metadata, fields } = readFooter(bytes);
  const builders = startColumns(
    fields.map(({ element }) => element.name),
    options.columns,
  );
  const errors = new RowErrors();
  const declared: Record<string, ColumnTypes[string]> = { ...statedTypes(fields), ...options.columns };
  for (const builder of builders) await readColumn(builder, { file, metadata, errors });
  return finishTable(builders, errors, declared);
}

interface Source {
  readonly file: AsyncBuffer;
  readonly metadata: FileMetaData;
  readonly errors: RowErrors;
}

function bufferOf(bytes: Uint8Array): AsyncBuffer {
  const { buffer, byteOffset, byteLength } = bytes;
  return {
    byteLength,
    slice: (start, end = byteLength) => buffer.slice(byteOffset + start, byteOffset + end) as ArrayBuffer,
  };
}

function readFooter(bytes: Uint8Array): { metadata: FileMetaData; fields: readonly SchemaTree[] } {
  try {
    const metadata = parquetMetadata(bytes);
    const fields = parquetSchema(metadata).children;
    if (fields.some(({ element }) => typeof (element.name as unknown) !== 'string'))
      throw new Error('a column without a name');
    checkParquetSizes(bytes, metadata);
    return { metadata, fields };
  } catch (error) {
    if (error instanceof ServiceError) throw error;
    throw invalidDataset(`not a Parquet file, or a torn one: ${messageOf(error)}`, {
      hint: 'a Parquet file begins and ends with PAR1',
    });
  }
}

/** Types that the file's schema settles; numbers stay to be inferred, whether they are whole or not. */
function statedTypes(fields: readonly SchemaTree[]): ColumnTypes {
  const isDate = ({ element }: SchemaTree): boolean =>
    element.type === 'INT96' ||
    /^(DATE|TIMESTAMP)/.test(element.converted_type ?? '') ||
    ['DATE', 'TIMESTAMP'].includes(element.logical_type?.type ?? '');
  return Object.fromEntries(
    fields.flatMap((field): [string, ColumnTypes[string]][] => {
      if (field.children.length > 0) return [];
      if (isDate(field)) return [[field.element.name, 'datetime']];
      return field.element.type === 'BOOLEAN' ? [[field.element.name, 'boolean']] : [];
    }),
  );
}

async function readColumn(builder: ColumnBuilder, { file, metadata, errors }: Source): Promise<void> {
  const column = builder.name;
  try {
    // A scan for each column: it remembers the row groups that it has read.
    const scan = await parquetScan({ file, metadata, columns: [column], compressors: COMPRESSORS, geoparquet: false });
    for (const range of scan.ranges) {
      for (const value of await scan.readColumn({ column, ...range })) append(builder, value, errors);
    }
  } catch (error) {
    if (error instanceof ServiceError) throw error;
    throw invalidDataset(`cannot be read: ${messageOf(error)}`, { column });
  }
}

function append(builder: ColumnBuilder, raw: unknown, errors: RowErrors): void {
  const value = plain(raw);
  if (value === null || isPlain(value)) {
    builder.appendValue(value);
    return;
  }
  const expected = `expected a number, text, boolean, date or list of numbers, found ${describe(raw)}`;
  errors.add({ row: builder.rows + 1, column: builder.name, message: expected });
  builder.appendValue(null);
}

/** Dates as ISO 8601, whole numbers as numbers, lists as arrays of these; NaN is missing, as in every format. */
function plain(value: unknown): unknown {
  if (value === undefined || value === null || Number.isNaN(value)) return null;
  if (typeof value === 'bigint') return Number(value);
  if (isDate(value)) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView)))
    return Array.from(value as ArrayLike<unknown>, (item) =>
      typeof item === 'bigint' || Array.isArray(item) ? plain(item) : item,
    );
  return value;
}

function isPlain(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  return typeof value === 'string' || typeof value === 'boolean' || Array.isArray(value);
}

/** By name and not by instanceof: a date of another realm is as good. */
function isDate(value: unknown): value is Date {
  return Object.prototype.toString.call(value) === '[object Date]';
}

function describe(value: unknown): string {
  return typeof value === 'number' ? String(value) : quoteCell(value);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
