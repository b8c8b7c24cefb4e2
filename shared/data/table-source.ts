/**
 * A table that may be larger than memory: what its columns are, and any rows of some of them (workflows/tables.ts reads them from storage). A table in
 * memory is one too.
 */
import { columnOf } from './columns.ts';
import type { Column, ColumnType, Table } from './table.ts';

export interface SourceColumn {
  readonly name: string;
  readonly type: ColumnType;
  /** Of a tensor: one row's, or the longest's. */
  readonly shape?: readonly number[] | undefined;
  readonly ragged?: boolean | undefined;
}

export interface TableSource {
  readonly rows: number;
  readonly columns: readonly SourceColumn[];
  /** What all columns would take in memory. */
  readonly bytes: number;
  /** Rows [begin, end) of the named columns, in the order of the table. */
  read(names: readonly string[], begin: number, end: number): Promise<Table>;
}

export const isSource = (data: Table | TableSource | undefined): data is TableSource =>
  data !== undefined && 'read' in data;

/** Of a string, besides its bytes: header and pointer. */
const STRING_BYTES = 32;

/** What texts of so many bytes take in memory. */
export const textBytes = (rows: number, utf8: number): number => rows * STRING_BYTES + 2 * utf8;

export function sourceOfTable(table: Table): TableSource {
  return {
    rows: table.rows,
    columns: table.columns.map(sourceColumn),
    bytes: table.columns.reduce((sum, column) => sum + bytesOf(column), 0),
    read: (names, begin, end) =>
      Promise.resolve({
        rows: end - begin,
        columns: names.map((name) => sliceColumn(columnOf(table, name), begin, end, table.rows)),
      }),
  };
}

/** A table's rows below each other. Each has the columns of the first. */
export function concatTables(tables: readonly Table[]): Table {
  const columns = tables[0]!.columns.map((_, k) => concatColumns(tables.map((table) => table.columns[k]!)));
  return { rows: tables.reduce((sum, { rows }) => sum + rows, 0), columns };
}

function sourceColumn(column: Column): SourceColumn {
  const { name, type } = column;
  return type === 'tensor' ? { name, type, shape: column.shape, ragged: column.isRagged } : { name, type };
}

function bytesOf(column: Column): number {
  if (column.type !== 'text') return column.values.byteLength;
  return textBytes(
    column.values.length,
    column.values.reduce((sum, text) => sum + (text?.length ?? 0), 0),
  );
}

function sliceColumn(column: Column, begin: number, end: number, rows: number): Column {
  if (column.type === 'text') return { ...column, values: column.values.slice(begin, end) };
  const width = column.values.length / rows;
  return { ...column, values: column.values.subarray(begin * width, end * width) } as Column;
}

function concatColumns(parts: readonly Column[]): Column {
  const [first] = parts;
  if (first!.type === 'text') return { ...first!, values: parts.flatMap(({ values }) => values as string[]) };
  const arrays = parts.map(({ values }) => values as Float64Array);
  const values = new (arrays[0]!.constructor as Float64ArrayConstructor)(
    arrays.reduce((sum, { length }) => sum + length, 0),
  );
  let at = 0;
  for (const array of arrays) {
    values.set(array, at);
    at += array.length;
  }
  return { ...first, values } as Column;
}
