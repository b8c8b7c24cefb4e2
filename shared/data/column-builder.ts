/**
 * One column while its file is read: cells go in as text (csv) or JSON values (jsonl, rows), a typed Column comes out.
 *
 * The type, unless the caller states it, is inferred from the present (not missing) cells, in this order:
 *   tensor    the first present cell is an array
 *   boolean   all are true or false
 *   number    at least 95 % are numbers, or all but one or two are and these are at least two thirds: the others are
 *             row errors then (integer: every number is whole); a column with no present cell is a number column too
 *   datetime  all are ISO 8601 dates
 *   category  no cell is longer than 64 characters, and there are at most 20 distinct ones, or at most 1,000 that
 *             are no more than half of the cells
 *   text      otherwise
 */
import { isMissingText, parseBoolean, parseDatetime, parseNumber, quoteCell } from './cells.ts';
import { Growable, GrowableText } from './growable.ts';
import { invalidDataset } from './row-errors.ts';
import type { RowErrors } from './row-errors.ts';
import type { Column, ColumnType } from './table.ts';
import { TensorBuilder } from './tensor-builder.ts';

const MISSING = 0;
const NUMBER = 1;
const BOOLEAN = 2;
const TEXT = 3;
const TENSOR = 4;

const NUMBER_SHARE = 0.95;
const MAX_SMALL_CATEGORIES = 20;
const MAX_CATEGORIES = 1000;
const MAX_CATEGORY_LENGTH = 64;

export class ColumnBuilder {
  readonly name: string;
  private readonly kinds = new Growable((n) => new Uint8Array(n));
  private readonly numbers = new Growable((n) => new Float64Array(n));
  /** The text of every cell; '' for JSON numbers, booleans and arrays, whose text is made on demand. */
  private readonly texts = new GrowableText();
  private tensors: TensorBuilder | undefined;
  private readonly counts = [0, 0, 0, 0, 0];
  private areWhole = true;
  private longest = 0;

  constructor(name: string) {
    this.name = name;
  }

  get rows(): number {
    return this.kinds.length;
  }

  /** Appends a cell of a text format. */
  appendText(cell: string): void {
    const text = cell.trim();
    const number = parseNumber(text);
    const boolean = number === undefined ? parseBoolean(text) : undefined;
    if (isMissingText(text)) this.append(MISSING, Number.NaN, '');
    else if (number !== undefined) this.append(NUMBER, number, text);
    else if (boolean !== undefined) this.append(BOOLEAN, boolean ? 1 : 0, text);
    else this.append(TEXT, Number.NaN, text);
  }

  /** Appends a value of a JSON format. */
  appendValue(value: unknown): void {
    if (value === null || value === undefined) this.append(MISSING, Number.NaN, '');
    else if (typeof value === 'number' && Number.isFinite(value)) this.append(NUMBER, value, '');
    else if (typeof value === 'boolean') this.append(BOOLEAN, value ? 1 : 0, '');
    else if (typeof value === 'string') {
      if (isMissingText(value.trim())) this.append(MISSING, Number.NaN, '');
      else this.append(TEXT, Number.NaN, value);
    } else if (Array.isArray(value)) {
      this.tensors ??= new TensorBuilder(this.name);
      this.tensors.append(value, this.rows);
      this.append(TENSOR, Number.NaN, '');
    } else {
      const expected = `expected a number, text, boolean, array or null, found ${quoteCell(value)}`;
      throw invalidDataset(expected, { row: this.rows + 1, column: this.name });
    }
  }

  /** The finished column; cells that do not fit its type go to `errors`. */
  build(declared: ColumnType | undefined, errors: RowErrors): Column {
    const type = declared ?? this.infer();
    switch (type) {
      case 'tensor':
        return this.buildTensor(errors);
      case 'boolean':
        return {
          name: this.name,
          type,
          values: Uint8Array.from(this.convert(errors, 'true or false', this.asBoolean), toByte),
        };
      case 'number':
        return { name: this.name, type, values: this.convert(errors, 'a number', this.asNumber) };
      case 'integer':
        return {
          name: this.name,
          type,
          values: this.convert(errors, declared ? 'an integer' : 'a number', this.asInteger),
        };
      case 'datetime':
        return { name: this.name, type, values: this.convert(errors, 'an ISO 8601 date', this.asDatetime) };
      case 'category':
        return this.buildCategory();
      case 'text':
        return { name: this.name, type, values: Array.from({ length: this.rows }, (_, row) => this.textAt(row)) };
    }
  }

  private append(kind: number, number: number, text: string): void {
    this.kinds.push(kind);
    this.numbers.push(number);
    this.texts.push(text);
    this.counts[kind]!++;
    if (kind === NUMBER) this.areWhole &&= Number.isSafeInteger(number);
    if (text.length > this.longest) this.longest = text.length;
  }

  private infer(): ColumnType {
    const [missing, numbers, booleans, texts] = this.counts as [number, number, number, number];
    const present = this.rows - missing;
    if (this.tensors !== undefined) return 'tensor';
    if (present > 0 && booleans === present) return 'boolean';
    const others = present - numbers;
    if (numbers >= NUMBER_SHARE * present || (others <= 2 && numbers * 3 >= present * 2)) {
      return this.areWhole && numbers > 0 ? 'integer' : 'number';
    }
    if (texts === present && this.everyText((text) => parseDatetime(text) !== undefined)) return 'datetime';
    return this.looksCategorical(present) ? 'category' : 'text';
  }

  private looksCategorical(present: number): boolean {
    if (this.longest > MAX_CATEGORY_LENGTH) return false;
    const limit = Math.max(MAX_SMALL_CATEGORIES, Math.min(MAX_CATEGORIES, present / 2));
    const seen = new Set<string>();
    return this.everyText((text) => seen.add(text).size <= limit);
  }

  private everyText(test: (text: string) => boolean): boolean {
    for (let row = 0; row < this.rows; row++) {
      const text = this.textAt(row);
      if (text !== null && !test(text)) return false;
    }
    return true;
  }

  private textAt(row: number): string | null {
    const kind = this.kinds.at(row);
    if (kind === MISSING) return null;
    const text = this.texts.at(row);
    if (text !== '' || kind === TEXT) return text;
    return kind === BOOLEAN ? String(this.numbers.at(row) === 1) : String(this.numbers.at(row));
  }

  private convert(errors: RowErrors, expected: string, cell: (row: number) => number | undefined): Float64Array {
    const values = new Float64Array(this.rows).fill(Number.NaN);
    for (let row = 0; row < this.rows; row++) {
      if (this.kinds.at(row) === MISSING) continue;
      const value = cell(row);
      if (value === undefined) this.report(errors, row, expected);
      else values[row] = value;
    }
    return values;
  }

  private readonly asNumber = (row: number): number | undefined => {
    const kind = this.kinds.at(row);
    if (kind === NUMBER) return this.numbers.at(row);
    return kind === TEXT ? parseNumber(this.texts.at(row).trim()) : undefined;
  };

  private readonly asInteger = (row: number): number | undefined => {
    const value = this.asNumber(row);
    return Number.isSafeInteger(value) ? value : undefined;
  };

  private readonly asBoolean = (row: number): number | undefined => {
    const number = this.numbers.at(row);
    if (number === 0 || number === 1) return number;
    const value = parseBoolean(this.textAt(row) ?? '');
    return value === undefined ? undefined : Number(value);
  };

  private readonly asDatetime = (row: number): number | undefined => {
    return parseDatetime(this.textAt(row) ?? '');
  };

  private report(errors: RowErrors, row: number, expected: string): void {
    const kind = this.kinds.at(row);
    const found =
      kind === TENSOR ? 'an array' : kind === TEXT ? quoteCell(this.texts.at(row)) : (this.textAt(row) ?? 'nothing');
    const hint = `correct the value, leave it empty, or state the type: "columns": {${JSON.stringify(this.name)}: "category"}`;
    errors.add({ row: row + 1, column: this.name, message: `expected ${expected}, found ${found}`, hint });
  }

  private buildCategory(): Column {
    const codes = new Map<string, number>();
    const values = new Int32Array(this.rows).fill(-1);
    for (let row = 0; row < this.rows; row++) {
      const text = this.textAt(row);
      if (text === null) continue;
      let code = codes.get(text);
      if (code === undefined) codes.set(text, (code = codes.size));
      values[row] = code;
    }
    const categories = [...codes.keys()].toSorted();
    const rank = new Int32Array(categories.length);
    categories.forEach((text, sorted) => (rank[codes.get(text)!] = sorted));
    for (let row = 0; row < this.rows; row++) if (values[row] !== -1) values[row] = rank[values[row]!]!;
    return { name: this.name, type: 'category', values, categories };
  }

  private buildTensor(errors: RowErrors): Column {
    if (this.tensors === undefined)
      throw invalidDataset('expected arrays of numbers, found none', { column: this.name });
    for (let row = 0; row < this.rows; row++) {
      if (this.kinds.at(row) === TENSOR) continue;
      const found = this.textAt(row) ?? 'nothing';
      errors.add({ row: row + 1, column: this.name, message: `expected an array of numbers, found ${found}` });
    }
    return this.tensors.build(errors);
  }
}

function toByte(value: number): number {
  return Number.isNaN(value) ? 255 : value;
}
