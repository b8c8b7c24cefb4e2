/**
 * Rows as JSON: an array of objects (`readRows`) or one object a line (`openJsonl`, https://jsonlines.org) -> table.
 * Columns are the union of the objects' fields, in the order of their first appearance; an absent field is missing.
 */
import { checkedPieces, MAX_ROW_CHARS, piecesOf } from './byte-source.ts';
import type { ByteSource } from './byte-source.ts';
import { Cell } from './cell.ts';
import { quoteCell } from './cells.ts';
import type { ColumnSurvey } from './column-survey.ts';
import { invalidDataset, RowErrors } from './row-errors.ts';
import { BLOCK_BYTES, BlockBuilder, blocksOf, collect } from './table-stream.ts';
import type { TableStream } from './table-stream.ts';
import { checkColumnCount, checkNames, finishSurvey, startColumn } from './table-survey.ts';
import type { ReadOptions, TablePlan } from './table-survey.ts';
import type { Table } from './table.ts';

/** Reads an array of objects. @throws dataset_invalid with up to 100 row errors. */
export function readRows(rows: readonly unknown[], options: ReadOptions = {}): Table {
  const survey = new ObjectSurvey(options);
  for (const row of rows) survey.read(row);
  const plan = survey.finish();
  const builder = new BlockBuilder(plan);
  for (const row of rows) builder.appendValues(valuesOf(row, plan));
  return builder.take();
}

/** Reads JSON lines into memory. @throws dataset_invalid with up to 100 row errors. */
export async function readJsonl(source: ByteSource, options: ReadOptions = {}): Promise<Table> {
  return collect(await openJsonl(source, options));
}

/** Reads JSON lines to their end, to find their types and what is wrong with them. @throws dataset_invalid with up to 100 row errors. */
export async function openJsonl(source: ByteSource, options: ReadOptions = {}): Promise<TableStream> {
  const { maxRowChars = MAX_ROW_CHARS } = options;
  const survey = new ObjectSurvey(options);
  let line = 0;
  for await (const lines of linesOf(checkedPieces(source), maxRowChars)) {
    for (const text of lines) {
      line++;
      if (text.trim() !== '') survey.read(parsed(text, line, survey.rows + 1));
    }
  }
  const plan = survey.finish();
  return {
    blocks(blockBytes = BLOCK_BYTES) {
      const builder = new BlockBuilder(plan);
      const append = (text: string): void => {
        if (text.trim() !== '') builder.appendValues(valuesOf(JSON.parse(text), plan));
      };
      return blocksOf(linesOf(piecesOf(source), maxRowChars), builder, { append, blockBytes });
    },
  };
}

class ObjectSurvey {
  rows = 0;
  private readonly columns = new Map<string, ColumnSurvey>();
  private readonly errors = new RowErrors();
  private readonly options: ReadOptions;
  private readonly cell = new Cell();

  constructor(options: ReadOptions) {
    this.options = options;
  }

  read(row: unknown): void {
    this.rows++;
    if (typeof row !== 'object' || row === null || Array.isArray(row)) {
      this.errors.add({ row: this.rows, message: `expected an object of column: value, found ${quoteCell(row)}` });
      return;
    }
    for (const [name, value] of Object.entries(row)) {
      const column = this.columns.get(name) ?? this.addColumn(name);
      if (!this.cell.setValue(value)) {
        const expected = `expected a number, text, boolean, array or null, found ${quoteCell(value)}`;
        throw invalidDataset(expected, { row: this.rows, column: name });
      }
      column.append(this.cell);
    }
    this.cell.setValue(null);
    for (const column of this.columns.values()) if (column.rows < this.rows) column.append(this.cell);
  }

  finish(): TablePlan {
    this.errors.throwIfAny();
    if (this.rows === 0) throw invalidDataset('the data has no rows', { hint: 'send at least one object' });
    checkNames([...this.columns.keys()], this.options.columns);
    return finishSurvey([...this.columns.values()], this.errors);
  }

  private addColumn(name: string): ColumnSurvey {
    checkColumnCount(this.columns.size + 1);
    checkNames([name]);
    const column = startColumn(name, this.options.columns);
    this.cell.setValue(null);
    for (let row = 1; row < this.rows; row++) column.append(this.cell);
    this.columns.set(name, column);
    return column;
  }
}

/** In the order of the columns. A field that the row has not is missing, whatever objects inherit. */
function valuesOf(row: unknown, { columns }: TablePlan): unknown[] {
  const fields = row as Readonly<Record<string, unknown>>;
  return columns.map(({ name }) => (Object.hasOwn(fields, name) ? fields[name] : null));
}

function parsed(text: string, line: number, row: number): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalidDataset(`line ${line} is no JSON: ${quoteCell(text)}`, {
      row,
      hint: 'put one JSON object on each line',
    });
  }
}

/** The lines that end within each piece. @throws dataset_invalid naming a line that is too long to be a row */
async function* linesOf(
  pieces: AsyncIterable<Uint8Array>,
  maxRowChars: number,
): AsyncGenerator<string[], void, undefined> {
  const decoder = new TextDecoder('utf-8');
  let line = 1;
  // Pieces of the line that has not ended, put together once.
  let rest: string[] = [];
  let restChars = 0;
  for await (const piece of pieces) {
    const lines = decoder.decode(piece, { stream: true }).split('\n');
    const last = lines.pop() ?? '';
    if (lines.length > 0) {
      lines[0] = [...rest, lines[0]].join('');
      line += lines.length;
      yield lines;
      rest = [];
      restChars = 0;
    }
    rest.push(last);
    restChars += last.length;
    if (restChars > maxRowChars)
      throw invalidDataset(`line ${line} has more than ${maxRowChars} characters`, {
        hint: 'put one JSON object on each line',
      });
  }
  const end = rest.join('');
  if (end !== '') yield [end];
}
