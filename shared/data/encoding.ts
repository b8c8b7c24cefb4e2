/**
 * How each feature becomes numbers: fitted on the training rows, kept as JSON (it travels inside the ONNX file), emitted as
 * ONNX nodes by encoding-graph.ts. Missing numbers, booleans and dates are filled; a missing or unknown category is all zeros
 * (missing ones become the most frequent category under `most_frequent`).
 */
import { ServiceError } from '../errors.ts';
import { columnOf, isMissing } from './columns.ts';
import { CYCLES, cyclePosition, dateColumns } from './datetime-graph.ts';
import type { Cycle } from './datetime-graph.ts';
import type { Column, Table } from './table.ts';
import { Vocabulary, textAt } from './text.ts';
import type { TextEncoding, TextOptions, TextSettings } from './text.ts';

export interface Preprocessing {
  /** 'auto' is the family's own choice. */
  readonly standardize: 'auto' | boolean;
  readonly missing: 'mean' | 'median' | 'most_frequent' | 'error';
  readonly categories: 'one_hot';
  /** Of text features, where the family takes them. */
  readonly text?: TextOptions | undefined;
}

export type Encoding =
  /** (x - mean) / scale, where a missing x is `fill` first; `fill` null: a missing value is an error. */
  | {
      readonly name: string;
      readonly type: 'number' | 'integer' | 'boolean';
      readonly fill: number | null;
      readonly mean: number;
      readonly scale: number;
    }
  /** (seconds - mean) / scale, then sine and cosine of each cycle. `fill` as for numbers. */
  | {
      readonly name: string;
      readonly type: 'datetime';
      readonly fill: number | null;
      readonly mean: number;
      readonly scale: number;
      readonly cycles: readonly Cycle[];
    }
  /** One column per category. `fill` null: a missing value is an error; '' means all zeros. */
  | {
      readonly name: string;
      readonly type: 'category';
      readonly categories: readonly string[];
      readonly fill: string | null;
    }
  /** Token ids. */
  | TextEncoding
  /** x / divisor: PIXEL_DIVISOR for pixels stored as bytes, else 1. */
  | {
      readonly name: string;
      readonly type: 'tensor';
      readonly shape: readonly number[];
      readonly divisor: number;
      /** Rows may be of any length along the first axis; what fills them up is NaN. */
      readonly isRagged?: boolean;
    };

export interface FeatureOptions {
  readonly features: readonly string[];
  readonly preprocessing: Preprocessing;
  readonly standardize: boolean;
  /** How text is read, where the family takes it; categories are short texts then. */
  readonly text?: TextSettings | undefined;
}

type TextColumn = Column & { type: 'text' | 'category' };
/** Of pixels, bytes from 0 to 255. */
export const PIXEL_DIVISOR = 255;

type NumberColumn = Column & { type: 'number' | 'integer' | 'boolean' };
type DateColumn = Column & { type: 'datetime' };

/** Columns of the encoded matrix that an encoding makes. */
export function widthOf(encoding: Encoding): number {
  if (encoding.type === 'category') return encoding.categories.length;
  if (encoding.type === 'text') return encoding.length;
  if (encoding.type === 'datetime') return dateColumns(encoding.name, encoding.cycles).length;
  return encoding.type === 'tensor' ? encoding.shape.reduce((product, size) => product * size, 1) : 1;
}

/**
 * Fits one encoding per feature on the given rows.
 * @throws invalid_request for features without any value, and missing values under 'error'.
 */
export function fitEncodings(table: Table, rows: Int32Array, options: FeatureOptions): Encoding[] {
  return options.features.map((name) => fitEncoding(columnOf(table, name), rows, options));
}

/** One feature's, of all rows of its column; of a tensor any row says it all. @throws as `fitEncodings` */
export function fitEncoding(column: Column, rows: Int32Array, options: FeatureOptions): Encoding {
  const { name } = column;
  if (column.type === 'tensor') {
    return {
      name,
      type: 'tensor',
      shape: column.shape,
      divisor: column.values.BYTES_PER_ELEMENT === 1 ? PIXEL_DIVISOR : 1,
      ...(column.isRagged === true ? { isRagged: true } : {}),
    };
  }
  if (options.text !== undefined && (column.type === 'text' || column.type === 'category')) {
    const fit = new TextFit(name, options);
    fit.add(column, rows);
    return fit.finish();
  }
  refuseMissing(name, { missing: countMissing(column, rows), rows: rows.length }, options);
  if (column.type === 'category') return fitCategories(column, rows, options.preprocessing);
  if (column.type === 'text') throw new TypeError(`feature "${name}": text for a family that takes none`);
  if (column.type === 'datetime') return fitDates(column, rows, options.preprocessing);
  return fitNumbers(column, rows, options);
}

function refuseMissing(
  name: string,
  { missing, rows }: { readonly missing: number; readonly rows: number },
  { features, preprocessing }: FeatureOptions,
): void {
  const param = `/features/${features.indexOf(name)}`;
  if (missing === rows) {
    const message = `feature "${name}" has no value in the training rows: leave it out of "features"`;
    throw new ServiceError('invalid_request', message, { param });
  }
  if (missing > 0 && preprocessing.missing === 'error') {
    const message = `feature "${name}" lacks a value in ${missing} of ${rows} training rows, and "preprocessing.missing" is "error": choose mean, median or most_frequent, or leave these rows out`;
    throw new ServiceError('invalid_request', message, { param });
  }
}

function fitNumbers(
  column: NumberColumn,
  rows: Int32Array,
  { preprocessing, standardize }: { preprocessing: Preprocessing; standardize: boolean },
): Encoding {
  const present = presentNumbers(column, rows);
  const fill = preprocessing.missing === 'error' ? null : fillOf(present, preprocessing.missing);
  const { name, type } = column;
  // A boolean is 0 or 1 already.
  if (!standardize || type === 'boolean') return { name, type, fill, mean: 0, scale: 1 };
  return { name, type, fill, ...spreadOf(present, rows.length, fill ?? 0) };
}

/** Seconds are standardised whatever is asked for: their zero and unit are arbitrary. Cycles that do not vary are left out. */
function fitDates(column: DateColumn, rows: Int32Array, { missing }: Preprocessing): Encoding {
  const present = presentNumbers(column, rows);
  const fill = missing === 'error' ? null : fillOf(present, missing);
  const varies = (cycle: Cycle): boolean => {
    const first = cyclePosition(cycle, present[0]!);
    return present.some((seconds) => cyclePosition(cycle, seconds) !== first);
  };
  const cycles = CYCLES.filter(varies);
  return { name: column.name, type: 'datetime', fill, ...spreadOf(present, rows.length, fill ?? 0), cycles };
}

/** Mean and population deviation of the present values and `fill` for the others. */
function spreadOf(present: Float64Array, rows: number, fill: number): { mean: number; scale: number } {
  const filled = rows - present.length;
  const mean = filled === 0 ? meanOf(present) : (present.length * meanOf(present) + filled * fill) / rows;
  let squares = filled * (fill - mean) ** 2;
  for (const value of present) squares += (value - mean) ** 2;
  const deviation = Math.sqrt(squares / rows);
  // A column that is constant but for rounding is divided by 1, as scikit-learn does.
  return { mean, scale: deviation > 10 * Number.EPSILON * Math.abs(mean) ? deviation : 1 };
}

function fitCategories(column: Column & { type: 'category' }, rows: Int32Array, { missing }: Preprocessing): Encoding {
  const counts = new Float64Array(column.categories.length);
  for (const row of rows) if (column.values[row]! >= 0) counts[column.values[row]!]!++;
  const categories = column.categories.filter((_, code) => counts[code]! > 0);
  const top = column.categories[counts.indexOf(Math.max(...counts))]!;
  const fill = missing === 'error' ? null : missing === 'most_frequent' ? top : '';
  return { name: column.name, type: 'category', categories, fill };
}

/** The encoding of a text, whose rows may come in parts. */
export class TextFit {
  readonly #name: string;
  readonly #options: FeatureOptions;
  readonly #settings: TextSettings;
  readonly #vocabulary: Vocabulary;
  #missing = 0;
  #rows = 0;

  constructor(name: string, options: FeatureOptions) {
    if (options.text === undefined) throw new TypeError(`feature "${name}": text for a family that takes none`);
    this.#name = name;
    this.#options = options;
    this.#settings = options.text;
    this.#vocabulary = new Vocabulary(options.text);
  }

  add(column: TextColumn, rows: Int32Array): void {
    this.#missing += countMissing(column, rows);
    this.#rows += rows.length;
    for (const row of rows) this.#vocabulary.add(textAt(column, row));
  }

  /** @throws invalid_request as `fitEncodings` */
  finish(): Encoding {
    refuseMissing(this.#name, { missing: this.#missing, rows: this.#rows }, this.#options);
    const { tokens, lowercase, isBare } = this.#settings;
    const required = this.#options.preprocessing.missing === 'error';
    return { name: this.#name, type: 'text', tokens, lowercase, isBare, required, ...this.#vocabulary.finish() };
  }
}

function countMissing(column: Column, rows: Int32Array): number {
  let missing = 0;
  for (const row of rows) if (isMissing(column, row)) missing++;
  return missing;
}

function presentNumbers(column: NumberColumn | DateColumn, rows: Int32Array): Float64Array {
  const values = new Float64Array(rows.length);
  let length = 0;
  for (const row of rows) if (!isMissing(column, row)) values[length++] = column.values[row]!;
  return values.subarray(0, length);
}

/** Of equal values exactly their value: a sum would round, and leave a constant column with a tiny rest. */
function meanOf(values: Float64Array): number {
  const first = values[0]!;
  let sum = 0;
  for (const value of values) sum += value - first;
  return first + sum / values.length;
}

function fillOf(present: Float64Array, strategy: 'mean' | 'median' | 'most_frequent'): number {
  if (strategy === 'mean') return meanOf(present);
  const sorted = present.toSorted();
  const middle = sorted.length >> 1;
  if (strategy === 'median')
    return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  let best = sorted[0]!;
  let longest = 0;
  for (let start = 0, i = 0; i < sorted.length; i++) {
    if (sorted[i] !== sorted[start]) start = i;
    if (i - start + 1 > longest) {
      longest = i - start + 1;
      best = sorted[i]!;
    }
  }
  return best;
}
