/**
 * One cell as its file has it: text (csv) or a JSON value (jsonl, parquet), and the number it is as a value of a column's type. Both passes over a file read
 * their cells through here, so that what the first accepts the second can store.
 */
import { isMissingText, parseBoolean, parseDatetime, parseNumber, quoteCell } from './cells.ts';

export type CellKind = 'missing' | 'number' | 'boolean' | 'text' | 'array';

/** Read again and again: cells are many, and an object for each would cost more than reading it. */
export class Cell {
  kind: CellKind = 'missing';
  /** Of a number, and 0 or 1 of a boolean. */
  number = Number.NaN;
  /** As it stands in the file; '' for JSON's numbers, booleans and arrays. */
  text = '';
  array: readonly unknown[] = [];

  /** Takes a cell of a text format. */
  setText(raw: string): void {
    const text = raw.trim();
    const number = parseNumber(text);
    const boolean = number === undefined ? parseBoolean(text) : undefined;
    if (isMissingText(text)) this.set('missing', Number.NaN, '');
    else if (number !== undefined) this.set('number', number, text);
    else if (boolean !== undefined) this.set('boolean', boolean ? 1 : 0, text);
    else this.set('text', Number.NaN, text);
  }

  /** Takes a value of a JSON format. @returns false for an object and other values that no column holds */
  setValue(value: unknown): boolean {
    if (value === null || value === undefined) this.set('missing', Number.NaN, '');
    else if (typeof value === 'number' && Number.isFinite(value)) this.set('number', value, '');
    else if (typeof value === 'boolean') this.set('boolean', value ? 1 : 0, '');
    else if (typeof value === 'string') this.setString(value);
    else if (Array.isArray(value)) {
      this.array = value;
      this.set('array', Number.NaN, '');
    } else return false;
    return true;
  }

  /** The cell as a category or a text; of one that is not missing. */
  get words(): string {
    if (this.text !== '' || this.kind === 'text') return this.text;
    return this.kind === 'boolean' ? String(this.number === 1) : String(this.number);
  }

  /** As an error message quotes it. */
  get quoted(): string {
    if (this.kind === 'missing') return 'nothing';
    if (this.kind === 'array') return 'an array';
    return this.kind === 'text' ? quoteCell(this.text) : this.words;
  }

  private setString(value: string): void {
    if (isMissingText(value.trim())) this.set('missing', Number.NaN, '');
    else this.set('text', Number.NaN, value);
  }

  private set(kind: CellKind, number: number, text: string): void {
    this.kind = kind;
    this.number = number;
    this.text = text;
  }
}

/** The number that a column of the type keeps of a cell that is not missing; undefined where the cell does not fit. */
export const NUMBER_OF = {
  number: numberOf,
  integer(cell: Cell): number | undefined {
    const value = numberOf(cell);
    return Number.isSafeInteger(value) ? value : undefined;
  },
  boolean(cell: Cell): number | undefined {
    if (cell.number === 0 || cell.number === 1) return cell.number;
    const value = parseBoolean(cell.words);
    return value === undefined ? undefined : Number(value);
  },
  datetime: (cell: Cell): number | undefined => parseDatetime(cell.words),
} as const;

function numberOf(cell: Cell): number | undefined {
  if (cell.kind === 'number') return cell.number;
  return cell.kind === 'text' ? parseNumber(cell.text.trim()) : undefined;
}
