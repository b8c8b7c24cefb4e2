/**
 * A table on its way from a file into storage, a block of rows at a time: what it is, is known before the first block, and no more than a block is in
 * memory. Where blocks end depends on the rows alone, never on how the file arrives.
 */
import { Cell } from './cell.ts';
import { columnBlock } from './column-block.ts';
import type { ColumnBlock } from './column-block.ts';
import type { Table } from './table.ts';
import { concatTables, sliceTable } from './table-source.ts';
import type { TablePlan } from './table-survey.ts';

/** A block ends with the row that brings it to so many bytes, as it is stored. */
export const BLOCK_BYTES = 2 ** 24;

export interface TableStream {
  /** Its blocks, none of them empty, from the first one each time. */
  blocks(blockBytes?: number): AsyncIterable<Table>;
}

/** The rows of a block, as the second pass comes to them. */
export class BlockBuilder {
  bytes = 0;
  rows = 0;
  private readonly columns: readonly ColumnBlock[];
  private readonly cell = new Cell();

  constructor({ columns }: TablePlan) {
    this.columns = columns.map(columnBlock);
  }

  /** Takes a row of a text format. */
  appendTexts(cells: readonly string[]): void {
    this.append((column) => this.cell.setText(cells[column] ?? ''));
  }

  /** Takes a row of JSON values. */
  appendValues(values: readonly unknown[]): void {
    this.append((column) => void this.cell.setValue(values[column]));
  }

  /** Takes JSON values of one column, whose rows are counted when those of all columns have come. */
  appendColumn(column: number, values: readonly unknown[]): void {
    for (const value of values) {
      this.cell.setValue(value);
      this.bytes += this.columns[column]!.append(this.cell);
    }
  }

  /** The rows so far; the next block begins. */
  take(): Table {
    const { rows } = this;
    this.rows = this.bytes = 0;
    return { rows, columns: this.columns.map((column) => column.take()) };
  }

  private append(setCell: (column: number) => void): void {
    for (let i = 0; i < this.columns.length; i++) {
      setCell(i);
      this.bytes += this.columns[i]!.append(this.cell);
    }
    this.rows++;
  }
}

/** Cuts rows, which come in batches of any size, into blocks. */
export async function* blocksOf<Row>(
  batches: AsyncIterable<readonly Row[]>,
  builder: BlockBuilder,
  { append, blockBytes }: { readonly append: (row: Row) => void; readonly blockBytes: number },
): AsyncGenerator<Table, void, undefined> {
  for await (const rows of batches) {
    for (const row of rows) {
      append(row);
      if (builder.bytes >= blockBytes) yield builder.take();
    }
  }
  if (builder.bytes > 0) yield builder.take();
}

/** Cuts a table in memory into blocks. */
export function* cut(table: Table, blockBytes: number): Generator<Table, void, undefined> {
  const texts = table.columns.filter((column) => column.type === 'text');
  const width = table.columns.reduce(
    (sum, column) => sum + (column.type === 'text' ? 5 : column.values.byteLength / table.rows),
    0,
  );
  let begin = 0;
  for (let row = 0, bytes = 0; row < table.rows; row++) {
    bytes += width + texts.reduce((sum, { values }) => sum + Buffer.byteLength(values[row] ?? ''), 0);
    if (bytes < blockBytes && row + 1 < table.rows) continue;
    yield sliceTable(table, begin, row + 1);
    begin = row + 1;
    bytes = 0;
  }
}

/** The whole table in memory. */
export async function collect(stream: TableStream): Promise<Table> {
  const blocks: Table[] = [];
  for await (const block of stream.blocks()) blocks.push(block);
  return concatTables(blocks);
}
