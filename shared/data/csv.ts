/**
 * CSV (RFC 4180, https://www.rfc-editor.org/rfc/rfc4180) as a stream of bytes -> Table: quoted fields, CRLF, BOM, header or
 * none, delimiter stated or found among , ; tab |. Splitting is csv-parse's work, meaning is column-builder.ts's.
 */
import { isUtf8 } from 'node:buffer';
import { CsvError, parse } from 'csv-parse';
import type { Parser } from 'csv-parse';
import type { ColumnBuilder } from './column-builder.ts';
import { invalidDataset, RowErrors } from './row-errors.ts';
import { finishTable, startColumns } from './table-builder.ts';
import type { ReadOptions } from './table-builder.ts';
import type { Table } from './table.ts';

export type ByteSource = Uint8Array | AsyncIterable<Uint8Array>;

export interface CsvOptions extends ReadOptions {
  /** Default 'auto': the one of , ; tab | that splits the first lines most evenly. */
  readonly delimiter?: 'auto' | ',' | ';' | '\t' | '|';
  /** Default true. Without a header the columns are column_1, column_2, ... */
  readonly header?: boolean;
}

const DELIMITERS = [',', ';', '\t', '|'] as const;
const SNIFF_BYTES = 64 * 1024;

/** Reads a CSV file. @throws dataset_invalid with up to 100 row errors. */
export async function readCsv(source: ByteSource, options: CsvOptions = {}): Promise<Table> {
  const chunks = checkedChunks(source);
  const head = await readHead(chunks);
  if (head.length === 0) throw invalidDataset('the file is empty', { hint: 'send a header line and at least one row' });
  const delimiter = options.delimiter ?? 'auto';
  const parser = parse({
    delimiter: delimiter === 'auto' ? sniffDelimiter(head.toString('utf8')) : delimiter,
    bom: true,
    relax_column_count: true,
    skip_empty_lines: true,
  });
  const errors = new RowErrors();
  const reader = new RecordReader(options, errors);
  const feeding = feed(parser, head, chunks);
  try {
    for await (const record of parser) reader.read(record as string[]);
    await feeding;
  } catch (error) {
    await feeding.catch(() => undefined);
    throw error instanceof CsvError ? syntaxError(error) : error;
  }
  return finishTable(reader.builders, errors, options.columns);
}

/** Takes records one by one: the first makes the columns, the others fill them. */
class RecordReader {
  builders: ColumnBuilder[] = [];
  private readonly options: CsvOptions;
  private readonly errors: RowErrors;
  private row = 0;

  constructor(options: CsvOptions, errors: RowErrors) {
    this.options = options;
    this.errors = errors;
  }

  read(record: string[]): void {
    if (this.builders.length === 0) {
      const hasHeader = this.options.header ?? true;
      const names = record.map((cell, index) => (hasHeader ? cell.trim() : `column_${index + 1}`));
      this.builders = startColumns(names, this.options.columns);
      if (hasHeader) return;
    }
    this.row++;
    const width = this.builders.length;
    if (record.length !== width) {
      this.errors.add({
        row: this.row,
        message: `expected ${width} fields, found ${record.length}`,
        hint: 'quote fields that contain the delimiter',
      });
    }
    for (let i = 0; i < width; i++) this.builders[i]!.appendText(record[i] ?? '');
  }
}

async function feed(parser: Parser, head: Buffer, rest: AsyncIterator<Uint8Array>): Promise<void> {
  try {
    for (let chunk: Uint8Array | undefined = head; chunk !== undefined; chunk = await nextChunk(rest)) {
      if (parser.destroyed) return;
      if (!parser.write(chunk)) await drained(parser);
    }
    parser.end();
  } catch (error) {
    parser.destroy(error as Error);
    throw error;
  }
}

function drained(parser: Parser): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      parser.off('drain', settle).off('close', settle);
      resolve();
    };
    parser.on('drain', settle).on('close', settle);
  });
}

async function nextChunk(chunks: AsyncIterator<Uint8Array>): Promise<Uint8Array | undefined> {
  const next = await chunks.next();
  return next.done === true ? undefined : next.value;
}

async function readHead(chunks: AsyncIterator<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  while (size < SNIFF_BYTES) {
    const chunk = await nextChunk(chunks);
    if (chunk === undefined) break;
    parts.push(chunk);
    size += chunk.length;
  }
  return Buffer.concat(parts);
}

/** The bytes in chunks, checked to be UTF-8 as they pass. @throws dataset_invalid naming the line */
export async function* checkedChunks(source: ByteSource): AsyncGenerator<Uint8Array, void, undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let line = 1;
  let before: Uint8Array = new Uint8Array();
  for await (const chunk of source instanceof Uint8Array ? pieces(source) : source) {
    let text: string;
    try {
      text = decoder.decode(chunk, { stream: true });
    } catch {
      throw notUtf8(line + wholeLines(Buffer.concat([lastCharacter(before), chunk])));
    }
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) line++;
    before = chunk;
    yield chunk;
  }
  try {
    decoder.decode();
  } catch {
    throw notUtf8(line);
  }
}

/** How many lines of bytes are UTF-8 before the first that is not. */
function wholeLines(bytes: Buffer): number {
  let count = 0;
  for (let begin = 0; ; count++) {
    const end = bytes.indexOf(0x0a, begin);
    if (end === -1 || !isUtf8(bytes.subarray(begin, end))) return count;
    begin = end + 1;
  }
}

/** The bytes of a last character that the next chunk may go on with. */
function lastCharacter(chunk: Uint8Array): Uint8Array {
  const tail = chunk.subarray(-4);
  const begin = tail.findLastIndex((byte) => (byte & 0xc0) !== 0x80);
  return begin === -1 || tail[begin]! < 0x80 ? new Uint8Array() : tail.subarray(begin);
}

const notUtf8 = (line: number): Error =>
  invalidDataset(`not valid UTF-8 at line ${line}`, { hint: 'save the file as UTF-8' });

function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += SNIFF_BYTES) yield bytes.subarray(at, at + SNIFF_BYTES);
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

function syntaxError(error: CsvError): Error {
  const line = typeof error['lines'] === 'number' ? `line ${error['lines']}: ` : '';
  const what: Partial<Record<string, string>> = {
    CSV_QUOTE_NOT_CLOSED: 'a quoted field is never closed',
    CSV_INVALID_CLOSING_QUOTE: 'text follows the closing quote of a field',
    INVALID_OPENING_QUOTE: 'a quote stands inside an unquoted field',
  };
  return invalidDataset(`${line}${what[error.code] ?? error.message}`, {
    hint: 'double the quotes within quoted fields',
  });
}
