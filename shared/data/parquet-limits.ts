/**
 * Checks a Parquet file's own account of its sizes before it is read: the reader makes room for what page headers say, and a few
 * bytes may say billions. Source: https://parquet.apache.org/docs/file-format/data-pages/
 */
import type { AsyncBuffer, ColumnMetaData, FileMetaData, PageHeader, RowGroup, SchemaTree } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';
import { getSchemaPath } from 'hyparquet/src/schema.js';
import { ServiceError } from '../errors.ts';
import { checkRuns } from './parquet-runs.ts';
import { invalidDataset } from './row-errors.ts';

/** Of all columns together. */
const MAX_VALUES = 100_000_000;
/** Unpacked bytes of one row group, which is in memory while it is read. */
const MAX_GROUP_BYTES = 2 ** 29;

/** @throws dataset_invalid where the file is larger than what is read, or contradicts itself */
export async function checkParquetSizes(
  file: AsyncBuffer,
  { row_groups: groups, num_rows: rows, schema }: FileMetaData,
): Promise<void> {
  let values = 0;
  let groupRows = 0n;
  for (const group of groups) {
    groupRows += group.num_rows;
    checkGroupBytes(group);
    for (const { meta_data: column } of group.columns) {
      if (column === undefined) throw torn('a column without its description');
      const isFlat = column.path_in_schema.length === 1;
      if (isFlat && column.num_values !== group.num_rows)
        throw torn(`${column.num_values} values in a row group of ${group.num_rows} rows`, column);
      values += Number(column.num_values);
      if (values > MAX_VALUES || column.num_values < 0n)
        throw invalidDataset(`expected at most ${MAX_VALUES} values in a Parquet file, found ${values} or more`);
      const chunk = await chunkOf(file, column);
      try {
        checkPages(chunk, column, getSchemaPath(schema, column.path_in_schema));
      } catch (error) {
        if (error instanceof ServiceError) throw error;
        const reason = error instanceof Error ? error.message : String(error);
        throw invalidDataset(`cannot be read: ${reason}`, { column: column.path_in_schema[0] ?? '' });
      }
    }
  }
  if (groupRows !== rows) throw torn(`${groupRows} rows in its row groups, ${rows} in all`);
}

function checkGroupBytes({ columns }: RowGroup): void {
  let bytes = 0;
  for (const { meta_data: column } of columns) {
    const unpacked = Number(column?.total_uncompressed_size ?? 0);
    if (!(unpacked >= 0)) throw torn(`${unpacked} bytes in one row group`, column);
    bytes += unpacked;
  }
  if (bytes > MAX_GROUP_BYTES)
    throw invalidDataset(`expected row groups of at most ${MAX_GROUP_BYTES} bytes unpacked, found one of ${bytes}`, {
      hint: 'write the file with smaller row groups',
    });
}

async function chunkOf(file: AsyncBuffer, column: ColumnMetaData): Promise<Uint8Array> {
  const start = Number(column.dictionary_page_offset ?? column.data_page_offset);
  const end = start + Number(column.total_compressed_size);
  if (!(start >= 0 && end >= start && end <= file.byteLength))
    throw torn('a column that lies outside of the file', column);
  return new Uint8Array(await file.slice(start, end));
}

/** Every page of a column chunk by its header, and the runs of the data pages. */
function checkPages(bytes: Uint8Array, column: ColumnMetaData, path: SchemaTree[]): void {
  const unpacked = Number(column.total_uncompressed_size);
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
  while (reader.offset < reader.view.byteLength) {
    const header = parquetHeader(reader);
    const count = valuesOf(header);
    const { uncompressed_page_size: size, compressed_page_size: packed } = header;
    // A value of a dictionary takes a byte at least; levels and values of a data page are counted by the chunk.
    const most = header.dictionary_page_header === undefined ? Number(column.num_values) : size;
    if (!(count >= 0 && count <= most && size >= 0 && size <= unpacked && packed >= 0))
      throw torn(`a page of ${count} values in ${size} bytes`, column);
    checkRuns(bytes.subarray(reader.offset, reader.offset + packed), header, column, path);
    reader.offset += packed;
  }
}

function valuesOf({
  data_page_header: v1,
  data_page_header_v2: v2,
  dictionary_page_header: dictionary,
}: PageHeader): number {
  return (v1 ?? v2 ?? dictionary)?.num_values ?? 0;
}

function torn(found: string, column?: ColumnMetaData): Error {
  const place = column === undefined ? {} : { column: column.path_in_schema.join('.') };
  return invalidDataset(`a torn Parquet file: it speaks of ${found}`, place);
}
