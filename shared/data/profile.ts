/**
 * The profile of a table, as datasets show it: per column its type, missing and distinct values, and statistics. Of a table that is read in blocks, in two
 * sweeps, because a deviation needs the mean: the first over the blocks as they pass, the second over as many columns at once as memory holds.
 */
import { DistinctCounter } from './distinct.ts';
import type { Column, ColumnType, Table } from './table.ts';
import type { TableSource } from './table-source.ts';

export interface TopValue {
  readonly value: string | boolean;
  readonly count: number;
}

/** Wire form of a column. `std` is the population's; datetimes are in seconds since the epoch. */
export interface ColumnProfile {
  readonly name: string;
  readonly type: ColumnType;
  readonly missing: number;
  /** Distinct present values; for a tensor, distinct rows. */
  readonly unique: number;
  readonly min?: number;
  readonly max?: number;
  readonly mean?: number;
  readonly std?: number;
  readonly top?: readonly TopValue[];
  readonly shape?: readonly number[];
  /** Rows differ in their first size; the shape is the longest's. */
  readonly ragged?: boolean;
}

const TOP_VALUES = 10;

export function profile(table: Table): ColumnProfile[] {
  return table.columns.map((column) => {
    const [profiler, distinct] = [new ColumnProfiler(), new DistinctCounter()];
    profiler.add(column);
    profiler.addAgain(column, table.rows, distinct);
    return profiler.finish(distinct.count);
  });
}

/** What distinct values of columns may take in memory while they are counted side by side. */
const DISTINCT_BYTES = 2 ** 26;
/** Of a value, with the room that its table keeps empty. */
const BYTES_OF_DISTINCT = 24;
const MAX_DISTINCT_BYTES = 2 ** 26;
/** A read of the second sweep. */
const SWEEP_BYTES = 2 ** 24;

export class TableProfiler {
  private columns: ColumnProfiler[] = [];
  private rows = 0;

  /** The first sweep: every row once, in their order. */
  add(block: Table): void {
    if (this.rows === 0) this.columns = block.columns.map(() => new ColumnProfiler());
    block.columns.forEach((column, i) => this.columns[i]!.add(column));
    this.rows += block.rows;
  }

  /** The second sweep. @param source of the same rows */
  async finish(source: TableSource): Promise<ColumnProfile[]> {
    const names = source.columns.map(({ name }) => name);
    const counterBytes = Math.min(source.rows * BYTES_OF_DISTINCT, MAX_DISTINCT_BYTES);
    const atOnce = Math.max(1, Math.floor(DISTINCT_BYTES / counterBytes));
    const rowBytes = source.bytes / source.rows;
    // One after the other's: tables of this size that wait to be collected would stand beside each other.
    const counters = Array.from({ length: Math.min(atOnce, names.length) }, () => new DistinctCounter());
    const profiles: ColumnProfile[] = [];
    for (let first = 0; first < names.length; first += atOnce) {
      const group = names.slice(first, first + atOnce);
      const step = Math.max(1, Math.floor(SWEEP_BYTES / ((rowBytes * group.length) / names.length)));
      for (let begin = 0; begin < source.rows; begin += step) {
        const table = await source.read(group, begin, Math.min(source.rows, begin + step));
        table.columns.forEach((column, i) => this.columns[first + i]!.addAgain(column, table.rows, counters[i]!));
      }
      profiles.push(...group.map((_, i) => this.columns[first + i]!.finish(counters[i]!.count)));
      for (const counter of counters) counter.clear();
    }
    return profiles;
  }
}

/** A column without its values, which the next block takes the place of. */
type Described = { [T in ColumnType]: Omit<Extract<Column, { type: T }>, 'values'> & { readonly type: T } }[ColumnType];

/** One column, seen twice. */
class ColumnProfiler {
  private column: Described | undefined;
  private rows = 0;
  private present = 0;
  private min = Infinity;
  private max = -Infinity;
  private sum = 0;
  private squares = 0;
  /** Of categories by their codes; of booleans false and true. */
  private counts = new Float64Array(2);

  add(column: Column): void {
    if (this.column === undefined) {
      const { values: _, ...described } = column;
      this.column = described as Described;
      if (column.type === 'category') this.counts = new Float64Array(column.categories.length);
    }
    switch (column.type) {
      case 'text':
        for (const value of column.values) if (value !== null) this.present++;
        break;
      case 'boolean':
      case 'category':
        // 255 and -1, which are missing, are beyond the counts.
        for (const code of column.values) {
          if (code < 0 || code >= this.counts.length) continue;
          this.counts[code]!++;
          this.present++;
        }
        break;
      default:
        this.addNumbers(column.values);
    }
  }

  addAgain(column: Column, rows: number, distinct: DistinctCounter): void {
    this.rows += rows;
    switch (column.type) {
      case 'text':
        for (const value of column.values) if (value !== null) distinct.addText(value);
        break;
      case 'number':
      case 'integer':
      case 'datetime':
        for (const value of column.values) if (!Number.isNaN(value)) distinct.addNumber(value);
        this.addSquares(column.values);
        break;
      case 'tensor':
        addRows(distinct, column.values, rows);
        this.addSquares(column.values);
        break;
      case 'boolean':
      case 'category':
    }
  }

  /** @param unique distinct values; categories and booleans count their own */
  finish(unique: number): ColumnProfile {
    const column = this.column!;
    const { name, type } = column;
    const missing = this.rows - this.present;
    switch (column.type) {
      case 'text':
        return { name, type, missing, unique };
      case 'number':
      case 'integer':
      case 'datetime':
        return { name, type, missing, unique, ...this.statistics() };
      case 'tensor': {
        const { shape, isRagged } = column;
        return {
          name,
          type,
          missing: 0,
          unique,
          ...this.statistics(),
          shape,
          ...(isRagged === true && { ragged: true }),
        };
      }
      case 'boolean': {
        const top = this.topOf([false, true]).toSorted(
          (a, b) => b.count - a.count || Number(b.value) - Number(a.value),
        );
        return { name, type, missing, unique: top.length, top };
      }
      case 'category': {
        const entries = this.topOf(column.categories);
        const top = entries.toSorted((a, b) => b.count - a.count).slice(0, TOP_VALUES);
        return { name, type, missing, unique: entries.length, top };
      }
    }
  }

  private addNumbers(values: ArrayLike<number>): void {
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (Number.isNaN(value)) continue;
      if (value < this.min) this.min = value;
      if (value > this.max) this.max = value;
      this.sum += value;
      this.present++;
    }
  }

  private addSquares(values: ArrayLike<number>): void {
    const mean = this.sum / this.present;
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (!Number.isNaN(value)) this.squares += (value - mean) ** 2;
    }
  }

  private topOf(values: readonly (string | boolean)[]): TopValue[] {
    return values.map((value, code) => ({ value, count: this.counts[code]! })).filter(({ count }) => count > 0);
  }

  private statistics(): Partial<Record<'min' | 'max' | 'mean' | 'std', number>> {
    const { present, min, max, sum, squares } = this;
    return present === 0 ? {} : { min, max, mean: sum / present, std: Math.sqrt(squares / present) };
  }
}

function addRows(distinct: DistinctCounter, values: ArrayLike<number>, rows: number): void {
  const width = values.length / Math.max(rows, 1);
  for (let row = 0; row < rows; row++) {
    // Two independent 32-bit hashes (FNV-1a and a multiplicative one): equal rows by chance at 2^-64 a pair.
    let a = 0x811c9dc5;
    let b = 0;
    for (let i = row * width; i < (row + 1) * width; i++) {
      const value = values[i]!;
      // What fills up a row is not the same as zeros.
      const bits = Number.isNaN(value) ? 0x7fc00000 : Math.round(value * 65536);
      a = Math.imul(a ^ bits, 0x01000193);
      b = Math.imul(b, 0x5bd1e995) + bits;
    }
    distinct.add(a, b | 0);
  }
}
