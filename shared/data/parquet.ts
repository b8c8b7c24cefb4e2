/**
 * Parquet (https://parquet.apache.org/docs/file-format/) -> table, by the package hyparquet, a row group and a column at a time. The file states
 * the types: its booleans, dates and timestamps, numbers and lists are ours; text becomes category, text or datetime as in every format.
 * Compressed by nothing, Snappy, gzip, Brotli or Zstandard.
 */
import { parquetMetadataAsync, parquetScan, parquetSchema } from 'hyparquet';
import type { AsyncBuffer, FileMetaData, SchemaTree } from 'hyparquet';
import { ServiceError } from '../errors.ts';
import { Cell } from './cell.ts';
import { quoteCell } from './cells.ts';
import { COMPRESSORS } from './parquet-codecs.ts';
import { checkParquetSizes } from './parquet-limits.ts';
import { invalidDataset, RowErrors } from './row-errors.ts';
import { BLOCK_BYTES, BlockBuilder, collect, cut } from './table-stream.ts';
import type { TableStream } from './table-stream.ts';
import { checkNames, finishSurvey, startColumns } from './table-survey.ts';
import type { ColumnTypes, ReadOptions, TablePlan } from './table-survey.ts';
import type { Table } from './table.ts';

/** PAR1, the length of the footer, PAR1. */
const MIN_BYTES = 12;

/** A file of which any bytes are read, `end` not included. */
export type RangeSource = AsyncBuffer;

/** Reads a Parquet file into memory. @throws dataset_invalid with up to 100 row errors, or what is wrong with the file. */
export async function readParquet(bytes: Uint8Array, options: ReadOptions = {}): Promise<Table> {
  return collect(await openParquet(rangesOf(bytes), options));
}

/** Reads a Parquet file to its end, to find its types and what is wrong with it. @throws dataset_invalid with up to 100 row errors */
export async function openParquet(source: RangeSource, options: ReadOptions = {}): Promise<TableStream> {
  const file = guarded(source);
  const { metadata, fields } = await readFooter(file);
  const names = fields.map(({ element }) => element.name);
  checkNames(names, options.columns);
  const surveys = startColumns(names, { ...statedTypes(fields), ...options.columns });
  const [cell, errors] = [new Cell(), new RowErrors()];
  for (const survey of surveys) {
    const { name } = survey;
    for (const group of groupsOf(metadata)) {
      for (const raw of Array.from(await readColumn(name, { file, metadata: group }))) {
        if (!cell.setValue(plain(raw))) {
          const message = `expected a number, text, boolean, date or list of numbers, found ${describe(raw)}`;
          errors.add({ row: survey.rows + 1, column: name, message });
          cell.setValue(null);
        }
        survey.append(cell);
      }
    }
    if (survey.rows !== Number(metadata.num_rows))
      throw invalidDataset(`expected ${metadata.num_rows} rows, found ${survey.rows}`, { column: name });
  }
  const plan = finishSurvey(surveys, errors);
  return { blocks: (blockBytes = BLOCK_BYTES) => blocksOfGroups(plan, { file, metadata }, blockBytes) };
}

/** The file could not be got, which says nothing of what is in it. */
class ReadFailure extends Error {}

/** The file, whose failures are told from those of its reader. */
function guarded(file: RangeSource): RangeSource {
  return {
    byteLength: file.byteLength,
    async slice(start, end) {
      try {
        return await file.slice(start, end);
      } catch (cause) {
        throw new ReadFailure('not read', { cause });
      }
    },
  };
}

interface Source {
  readonly file: RangeSource;
  readonly metadata: FileMetaData;
}

async function* blocksOfGroups(
  plan: TablePlan,
  { file, metadata }: Source,
  blockBytes: number,
): AsyncGenerator<Table, void, undefined> {
  const builder = new BlockBuilder(plan);
  for (const group of groupsOf(metadata)) {
    for (const [index, { name }] of plan.columns.entries()) {
      const values = await readColumn(name, { file, metadata: group });
      builder.appendColumn(index, Array.from(values, plain));
    }
    builder.rows += Number(group.num_rows);
    // Small row groups go into a block together, a large one into many.
    if (builder.bytes >= blockBytes) yield* cut(builder.take(), blockBytes);
  }
  if (builder.bytes > 0) yield* cut(builder.take(), blockBytes);
}

/** Each row group as a file of its own: what has been read of one is not remembered. */
function* groupsOf(metadata: FileMetaData): Generator<FileMetaData> {
  for (const group of metadata.row_groups) yield { ...metadata, num_rows: group.num_rows, row_groups: [group] };
}

function rangesOf(bytes: Uint8Array): RangeSource {
  const { buffer, byteOffset, byteLength } = bytes;
  return {
    byteLength,
    slice: (start, end = byteLength) => buffer.slice(byteOffset + start, byteOffset + end) as ArrayBuffer,
  };
}

async function readFooter(file: RangeSource): Promise<{ metadata: FileMetaData; fields: readonly SchemaTree[] }> {
  try {
    if (file.byteLength < MIN_BYTES) throw new Error(`expected at least ${MIN_BYTES} bytes, found ${file.byteLength}`);
    const metadata = await parquetMetadataAsync(file);
    const fields = parquetSchema(metadata).children;
    if (fields.some(({ element }) => typeof (element.name as unknown) !== 'string'))
      throw new Error('a column without a name');
    await checkParquetSizes(file, metadata);
    return { metadata, fields };
  } catch (error) {
    if (error instanceof ServiceError) throw error;
    if (error instanceof ReadFailure) throw error.cause;
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

async function readColumn(column: string, { file, metadata }: Source): Promise<ArrayLike<unknown>> {
  try {
    const scan = await parquetScan({ file, metadata, columns: [column], compressors: COMPRESSORS, geoparquet: false });
    const parts = await Promise.all(scan.ranges.map((range) => scan.readColumn({ column, ...range })));
    return parts.length === 1 ? parts[0]! : parts.flatMap((part) => Array.from<unknown>(part));
  } catch (error) {
    if (error instanceof ServiceError) throw error;
    if (error instanceof ReadFailure) throw error.cause;
    throw invalidDataset(`cannot be read: ${messageOf(error)}`, { column });
  }
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
