/** The profile of a table, as datasets show it: per column its type, missing and distinct values, and statistics. */
import type { Column, ColumnType, Table } from './table.ts';

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
  return table.columns.map((column) => profileColumn(column, table.rows));
}

function profileColumn(column: Column, rows: number): ColumnProfile {
  const { name, type } = column;
  switch (column.type) {
    case 'number':
    case 'integer':
    case 'datetime': {
      const present = column.values.filter((value) => !Number.isNaN(value));
      return {
        name,
        type,
        missing: rows - present.length,
        unique: countSorted(present.toSorted()),
        ...statistics(present),
      };
    }
    case 'tensor':
      return {
        name,
        type,
        missing: 0,
        unique: countRows(column.values, rows),
        ...statistics(column.isRagged === true ? column.values.filter((value) => !Number.isNaN(value)) : column.values),
        shape: column.shape,
        ...(column.isRagged === true ? { ragged: true } : {}),
      };
    case 'boolean': {
      const ones = count(column.values, 1);
      const zeros = count(column.values, 0);
      const top = [
        { value: true, count: ones },
        { value: false, count: zeros },
      ].filter((entry) => entry.count > 0);
      const sorted = top.toSorted((a, b) => b.count - a.count);
      return { name, type, missing: rows - ones - zeros, unique: top.length, top: sorted };
    }
    case 'category': {
      const counts = new Float64Array(column.categories.length);
      for (const code of column.values) if (code >= 0) counts[code]!++;
      const entries = column.categories
        .map((value, code) => ({ value, count: counts[code]! }))
        .filter((entry) => entry.count > 0);
      return { name, type, missing: count(column.values, -1), unique: entries.length, top: topOf(entries) };
    }
    case 'text': {
      const present = column.values.filter((value) => value !== null);
      return { name, type, missing: rows - present.length, unique: new Set(present).size };
    }
  }
}

function topOf(entries: readonly TopValue[]): TopValue[] {
  return entries.toSorted((a, b) => b.count - a.count).slice(0, TOP_VALUES);
}

function count(values: Uint8Array | Int32Array, wanted: number): number {
  let total = 0;
  for (const value of values) if (value === wanted) total++;
  return total;
}

function countSorted(sorted: Float64Array): number {
  let distinct = 0;
  for (let i = 0; i < sorted.length; i++) if (i === 0 || sorted[i] !== sorted[i - 1]) distinct++;
  return distinct;
}

function countRows(values: Uint8Array | Float32Array, rows: number): number {
  const width = values.length / Math.max(rows, 1);
  const seen = new Set<string>();
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
    seen.add(`${a}:${b | 0}`);
  }
  return seen.size;
}

function statistics(values: ArrayLike<number>): Partial<Record<'min' | 'max' | 'mean' | 'std', number>> {
  const n = values.length;
  if (n === 0) return {};
  let min = Infinity;
  let max = -Infinity;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const value = values[i]!;
    if (value < min) min = value;
    if (value > max) max = value;
    sum += value;
  }
  const mean = sum / n;
  let squares = 0;
  for (let i = 0; i < n; i++) squares += (values[i]! - mean) ** 2;
  return { min, max, mean, std: Math.sqrt(squares / n) };
}
