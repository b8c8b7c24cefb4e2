/**
 * Checks a Parquet file's own account of its sizes before it is read: the reader makes room for what page headers say, and a few
 * bytes may say billions. Source: https://parquet.apache.org/docs/file-format/data-pages/
 */
import type { ColumnMetaData, FileMetaData, PageHeader, SchemaTree } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';
import { getSchemaPath } from 'hyparquet/src/schema.js';
import { ServiceError } from '../errors.ts';
import { checkRuns } from './parquet-runs.ts';
import { invalidDataset } from './row-errors.ts';

/** Of all columns together; and unpacked bytes of one column in one row group. */
const MAX_VALUES = 100_000_000;
const MAX_CHUNK_BYTES = 2 ** 30;

/** @throws dataset_invalid where the file is larger than what is read, or contradicts itself */
export function checkParquetSizes(
  bytes: Uint8Array,
  { row_groups: groups, num_rows: rows, schema }: FileMetaData,
): void {
  let values = 0;
  let groupRows = 0n;
  for (const { columns, num_rows: rowsHere } of groups) {
    groupRows += rowsHere;
    for (const { meta_data: column } of columns) {
      if (column === undefined) throw torn('a column without its description');
      const isFlat = column.path_in_schema.length === 1;
      if (isFlat && column.num_values !== rowsHere)
        throw torn(`${column.num_values} values in a row group of ${rowsHere} rows`, column);
      values += Number(column.num_values);
      if (values > MAX_VALUES || column.num_values < 0n)
        throw invalidDataset(`expected at most ${MAX_VALUES} values in a Parquet file, found ${values} or more`);
      try {
        checkPages(bytes, column, getSchemaPath(schema, column.path_in_schema));
      } catch (error) {
        if (error instanceof ServiceError) throw error;
        const reason = error instanceof Error ? error.message : String(error);
        throw invalidDataset(`cannot be read: ${reason}`, { column: column.path_in_schema[0] ?? '' });
      }
    }
  }
  if (groupRows !== rows) throw torn(`${groupRows} rows in its row groups, ${rows} in all`);
}

/** Every page of a column chunk by its header, and the runs of the data pages. */
function checkPages(bytes: Uint8Array, column: ColumnMetaData, path: SchemaTree[]): void {
  const start = Number(column.dictionary_page_offset ?? column.data_page_offset);
  const end = start + Number(column.total_compressed_size);
  if (!(start >= 0 && end >= start && end <= bytes.length))
    throw torn('a column that lies outside of the file', column);
  const unpacked = Number(column.total_uncompressed_size);
  if (!(unpacked >= 0 && unpacked <= MAX_CHUNK_BYTES)) throw torn(`${unpacked} bytes in one row group`, column);
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset + start, end - start), offset: 0 };
  while (reader.offset < reader.view.byteLength) {
    const header = parquetHeader(reader);
    const count = valuesOf(header);
    const { uncompressed_page_size: size, compressed_page_size: packed } = header;
    // A value of a dictionary takes a byte at least; levels and values of a data page are counted by the chunk.
    const most = header.dictionary_page_header === undefined ? Number(column.num_values) : size;
    if (!(count >= 0 && count <= most && size >= 0 && size <= unpacked && packed >= 0))
      throw torn(`a page of ${count} values in ${size} bytes`, column);
    checkRuns(bytes.subarray(start + reader.offset, start + reader.offset + packed), header, column, path);
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
