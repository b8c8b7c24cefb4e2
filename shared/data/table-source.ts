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
      Promise.resolve(
        sliceTable({ rows: table.rows, columns: names.map((name) => columnOf(table, name)) }, begin, end),
      ),
  };
}

/** Rows [begin, end), in the memory of the table where they are numbers. */
export function sliceTable({ rows, columns }: Table, begin: number, end: number): Table {
  return { rows: end - begin, columns: columns.map((column) => sliceColumn(column, begin, end, rows)) };
}

/** A table's rows below each other. Each has the columns of the first. */
export function concatTables(tables: readonly Table[]): Table {
  if (tables.length === 1) return tables[0]!;
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const columns = tables[0]!.columns.map((_, k) => {
    const column = new ColumnAssembly(rows);
    for (const table of tables) column.add(table.columns[k]!);
    return column.finish();
  });
  return { rows, columns };
}

/** A column that is put together of its blocks, each of which may be forgotten when it is in its place. */
export class ColumnAssembly {
  private readonly rows: number;
  private column: Column | undefined;
  private done = 0;

  /** @param rows of all blocks together */
  constructor(rows: number) {
    this.rows = rows;
  }

  add(part: Column): void {
    this.column ??= emptyLike(part, this.rows);
    if (part.type === 'text') for (const value of part.values) (this.column.values as (string | null)[]).push(value);
    else (this.column.values as Float64Array).set(part.values, this.done);
    this.done += part.values.length;
  }

  finish(): Column {
    if (this.column === undefined) throw new RangeError('a column of no blocks');
    return this.column;
  }
}

function emptyLike(part: Column, rows: number): Column {
  if (part.type === 'text') return { ...part, values: [] };
  const width = part.type === 'tensor' ? part.shape.reduce((product, size) => product * size, 1) : 1;
  const { constructor } = part.values as Float64Array;
  return { ...part, values: new (constructor as Float64ArrayConstructor)(rows * width) } as Column;
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
