/**
 * CSV (RFC 4180, https://www.rfc-editor.org/rfc/rfc4180) as a stream of bytes -> table: quoted fields, CRLF, BOM, header or
 * none, delimiter stated or found among , ; tab |. Splitting is csv-parse's work, meaning is column-survey.ts's.
 */
import { CsvError, parse } from 'csv-parse';
import { Cell } from './cell.ts';
import { checkedPieces, headOf, MAX_ROW_CHARS, piecesOf } from './byte-source.ts';
import type { ByteSource } from './byte-source.ts';
import type { ColumnSurvey } from './column-survey.ts';
import { invalidDataset, RowErrors } from './row-errors.ts';
import { BLOCK_BYTES, BlockBuilder, blocksOf, collect } from './table-stream.ts';
import type { TableStream } from './table-stream.ts';
import { finishSurvey, startColumns } from './table-survey.ts';
import type { ReadOptions, TablePlan } from './table-survey.ts';
import type { Table } from './table.ts';

export interface CsvOptions extends ReadOptions {
  /** Default 'auto': the one of , ; tab | that splits the first lines most evenly. */
  readonly delimiter?: 'auto' | ',' | ';' | '\t' | '|';
  /** Default true. Without a header the columns are column_1, column_2, ... */
  readonly header?: boolean;
}

const DELIMITERS = [',', ';', '\t', '|'] as const;

/** Reads a CSV file into memory. @throws dataset_invalid with up to 100 row errors. */
export async function readCsv(source: ByteSource, options: CsvOptions = {}): Promise<Table> {
  return collect(await openCsv(source, options));
}

/** Reads a CSV file to its end, to find its types and what is wrong with it. @throws dataset_invalid with up to 100 row errors. */
export async function openCsv(source: ByteSource, options: CsvOptions = {}): Promise<TableStream> {
  const head = await headOf(source);
  if (head.length === 0) throw invalidDataset('the file is empty', { hint: 'send a header line and at least one row' });
  const { delimiter = 'auto', header = true, maxRowChars = MAX_ROW_CHARS } = options;
  const separator = delimiter === 'auto' ? sniffDelimiter(head.toString('utf8')) : delimiter;
  const dialect = { delimiter: separator, maxRowChars };
  const survey = new RecordSurvey({ ...options, header });
  for await (const records of recordsOf(checkedPieces(source), dialect))
    for (const record of records) survey.read(record);
  const plan = survey.finish();
  return {
    blocks(blockBytes = BLOCK_BYTES) {
      const builder = new BlockBuilder(plan);
      let isHeader = header;
      const append = (record: string[]): void => {
        if (!isHeader) builder.appendTexts(record);
        isHeader = false;
      };
      return blocksOf(recordsOf(piecesOf(source), dialect), builder, { append, blockBytes });
    },
  };
}

/** Takes records one by one: the first makes the columns, the others fill them. */
class RecordSurvey {
  private columns: ColumnSurvey[] = [];
  private readonly options: CsvOptions;
  private readonly errors = new RowErrors();
  private readonly cell = new Cell();
  private row = 0;

  constructor(options: CsvOptions) {
    this.options = options;
  }

  read(record: string[]): void {
    if (this.columns.length === 0) {
      const hasHeader = this.options.header === true;
      const names = record.map((cell, index) => (hasHeader ? cell.trim() : `column_${index + 1}`));
      this.columns = startColumns(names, this.options.columns);
      if (hasHeader) return;
    }
    this.row++;
    const width = this.columns.length;
    if (record.length !== width) {
      this.errors.add({
        row: this.row,
        message: `expected ${width} fields, found ${record.length}`,
        hint: 'quote fields that contain the delimiter',
      });
    }
    for (let i = 0; i < width; i++) {
      this.cell.setText(record[i] ?? '');
      this.columns[i]!.append(this.cell);
    }
  }

  finish(): TablePlan {
    return finishSurvey(this.columns, this.errors);
  }
}

/** The records of each piece of the file. @throws dataset_invalid naming the line that is no CSV */
async function* recordsOf(
  pieces: AsyncIterable<Uint8Array>,
  { delimiter, maxRowChars }: { readonly delimiter: string; readonly maxRowChars: number },
): AsyncGenerator<string[][], void, undefined> {
  let records: string[][] = [];
  const parser = parse({
    delimiter,
    bom: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: maxRowChars,
    // Taken here and not from the stream, whose queue would cost as much as the splitting.
    on_record: (record: string[]) => void records.push(record),
  }).resume();
  // Told to who writes, too.
  parser.on('error', () => undefined);
  const take = (): string[][] => {
    const taken = records;
    records = [];
    return taken;
  };
  try {
    for await (const piece of pieces) {
      await settled((callback) => parser.write(piece, callback));
      yield take();
    }
    await settled((callback) => parser.end(callback));
    yield take();
  } catch (error) {
    throw error instanceof CsvError ? syntaxError(error, maxRowChars) : error;
  } finally {
    parser.destroy();
  }
}

function settled(act: (callback: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    act((error) => (error ? reject(error) : resolve()));
  });
}

/** The delimiter whose count per line is most often the same (and not 0) over the first lines, outside quotes. */
function sniffDelimiter(text: string): (typeof DELIMITERS)[number] {
  const lines = text
    .replaceAll(/"[^"]*"/g, '')
    .split(/\r?\n/, 20)
    .filter((line) => line !== '');
  const score = (delimiter: string): number => {
    const counts = lines.map((line) => line.split(delimiter).length - 1);
    const header = counts[0] ?? 0;
    return header === 0 ? 0 : counts.filter((count) => count === header).length + header / 1000;
  };
  return DELIMITERS.reduce((best, candidate) => (score(candidate) > score(best) ? candidate : best));
}

function syntaxError(error: CsvError, maxRowChars: number): Error {
  const line = typeof error['lines'] === 'number' ? `line ${error['lines']}: ` : '';
  const what: Partial<Record<string, string>> = {
    CSV_QUOTE_NOT_CLOSED: 'a quoted field is never closed',
    CSV_INVALID_CLOSING_QUOTE: 'text follows the closing quote of a field',
    INVALID_OPENING_QUOTE: 'a quote stands inside an unquoted field',
    CSV_MAX_RECORD_SIZE: `a row of more than ${maxRowChars} characters, or a quoted field that is never closed`,
  };
  return invalidDataset(`${line}${what[error.code] ?? error.message}`, {
    hint: 'double the quotes within quoted fields',
  });
}
