/**
 * Rows as JSON: an array of objects (`readRows`) or one object a line (`readJsonl`, https://jsonlines.org) -> Table.
 * Columns are the union of the objects' fields, in the order of their first appearance; an absent field is missing.
 */
import { checkedChunks } from './csv.ts';
import type { ByteSource } from './csv.ts';
import { quoteCell } from './cells.ts';
import type { ColumnBuilder } from './column-builder.ts';
import { invalidDataset, RowErrors } from './row-errors.ts';
import { checkColumnCount, finishTable, startColumns } from './table-builder.ts';
import type { ReadOptions } from './table-builder.ts';
import type { Table } from './table.ts';

/** Reads an array of objects. @throws dataset_invalid with up to 100 row errors. */
export function readRows(rows: readonly unknown[], options: ReadOptions = {}): Table {
  const reader = new ObjectReader();
  for (const row of rows) reader.read(row);
  return reader.finish(options);
}

/** Reads JSON lines. @throws dataset_invalid with up to 100 row errors. */
export async function readJsonl(source: ByteSource, options: ReadOptions = {}): Promise<Table> {
  const reader = new ObjectReader();
  let line = 0;
  for await (const text of lines(source)) {
    line++;
    if (text.trim() === '') continue;
    let row: unknown;
    try {
      row = JSON.parse(text);
    } catch {
      throw invalidDataset(`line ${line} is no JSON: ${quoteCell(text)}`, {
        row: reader.rows + 1,
        hint: 'put one JSON object on each line',
      });
    }
    reader.read(row);
  }
  return reader.finish(options);
}

class ObjectReader {
  rows = 0;
  private readonly builders = new Map<string, ColumnBuilder>();
  private readonly errors = new RowErrors();

  read(row: unknown): void {
    this.rows++;
    if (typeof row !== 'object' || row === null || Array.isArray(row)) {
      this.errors.add({ row: this.rows, message: `expected an object of column: value, found ${quoteCell(row)}` });
      return;
    }
    for (const [name, value] of Object.entries(row)) {
      const builder = this.builders.get(name) ?? this.addColumn(name);
      builder.appendValue(value);
    }
    for (const builder of this.builders.values()) if (builder.rows < this.rows) builder.appendValue(null);
  }

  finish(options: ReadOptions): Table {
    const builders = [...this.builders.values()];
    this.errors.throwIfAny();
    if (this.rows === 0) throw invalidDataset('the data has no rows', { hint: 'send at least one object' });
    startColumns(
      builders.map((builder) => builder.name),
      options.columns,
    );
    return finishTable(builders, this.errors, options.columns);
  }

  private addColumn(name: string): ColumnBuilder {
    checkColumnCount(this.builders.size + 1);
    const builder = startColumns([name])[0]!;
    for (let row = 1; row < this.rows; row++) builder.appendValue(null);
    this.builders.set(name, builder);
    return builder;
  }
}

async function* lines(source: ByteSource): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8');
  // Pieces of the line that has not ended, put together once: a line may be as long as the file.
  let rest: string[] = [];
  for await (const chunk of checkedChunks(source)) {
    const parts = decoder.decode(chunk, { stream: true }).split('\n');
    const last = parts.pop() ?? '';
    if (parts.length > 0) {
      yield [...rest, parts[0]].join('');
      yield* parts.slice(1);
      rest = [];
    }
    rest.push(last);
  }
  const line = rest.join('');
  if (line !== '') yield line;
}
