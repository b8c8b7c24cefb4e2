/**
 * A tensor column while its JSON file is read: nested arrays of numbers of one shape, the first row's, but for their lengths: rows of unequal lengths are
 * sequences, filled up with NaN. Numbers are float32; a column of rank two or more whose values are all whole and within 0..255 (and not only 0 and 1)
 * is taken for pixels and kept as bytes.
 */
import { quoteCell } from './cells.ts';
import { Growable } from './growable.ts';
import { invalidDataset } from './row-errors.ts';
import type { RowErrors } from './row-errors.ts';
import type { Column } from './table.ts';

/** The shape of a nested array by its first elements: [[1, 2], [3, 4], [5, 6]] has [3, 2]. */
export function shapeOfNested(value: unknown): number[] {
  const shape: number[] = [];
  for (let inner: unknown = value; Array.isArray(inner); inner = (inner as unknown[])[0]) shape.push(inner.length);
  return shape;
}

/** Writes a nested array of exactly `shape` into `out` from `offset`; returns what is wrong instead, if anything is. */
export function flattenInto(
  value: unknown,
  shape: readonly number[],
  out: Float32Array,
  offset = 0,
): string | undefined {
  if (shape.length === 0) {
    if (typeof value !== 'number' || !Number.isFinite(value)) return `expected a number, found ${quoteCell(value)}`;
    if (!Number.isFinite(Math.fround(value))) return `expected no number beyond float32's 3.4e38, found ${value}`;
    out[offset] = value;
    return undefined;
  }
  if (!Array.isArray(value)) return `expected an array of shape [${shape.join(', ')}], found ${quoteCell(value)}`;
  if (value.length !== shape[0]) return `expected ${shape[0]!} elements in an array, found ${value.length}`;
  const inner = shape.slice(1);
  const stride = inner.reduce((product, size) => product * size, 1);
  for (let i = 0; i < value.length; i++) {
    const problem = flattenInto(value[i], inner, out, offset + i * stride);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** Filled up to the longest, rows of unequal lengths have at most this many numbers (512 MB). */
const MAX_FILLED_VALUES = 1 << 27;

/** More than any model takes, and few enough to walk by recursion. */
const MAX_RANK = 16;

export class TensorBuilder {
  private readonly name: string;
  private readonly values = new Growable((n) => new Float32Array(n));
  /** Of each row that fits, along the first axis. */
  private readonly lengths = new Growable((n) => new Uint32Array(n));
  private readonly problems: { row: number; message: string }[] = [];
  private shape: readonly number[] | undefined;
  private row = new Float32Array(0);
  private areBytes = true;
  private largest = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** Appends one row; a row that differs from the first in more than its length is remembered as an error. */
  append(value: unknown[], row: number): void {
    this.shape ??= shapeOfNested(value);
    if (this.shape.length > MAX_RANK) {
      throw invalidDataset(`expected arrays nested at most ${MAX_RANK} deep, found ${this.shape.length}`, {
        row: row + 1,
        column: this.name,
      });
    }
    const shape = [value.length, ...this.shape.slice(1)];
    const size = product(shape);
    if (this.row.length !== size) this.row = new Float32Array(size);
    const problem =
      size === 0 ? 'expected an array with elements, found an empty one' : flattenInto(value, shape, this.row);
    if (problem !== undefined) {
      this.problems.push({ row, message: this.describe(value, shape, problem) });
      return;
    }
    for (const number of this.row) {
      this.areBytes &&= number >= 0 && number <= 255 && Number.isInteger(number);
      if (number > this.largest) this.largest = number;
    }
    this.values.append(this.row);
    this.lengths.push(value.length);
  }

  build(errors: RowErrors): Column {
    for (const { row, message } of this.problems) errors.add({ row: row + 1, column: this.name, message });
    const lengths = this.lengths.view();
    const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
    const shape = [longest, ...(this.shape ?? []).slice(1)];
    const { name } = this;
    if (lengths.some((length) => length !== longest))
      return { name, type: 'tensor', shape, values: this.filled(shape, errors), isRagged: true };
    const values = this.values.view();
    const isPixels = this.areBytes && shape.length >= 2 && this.largest > 1;
    return { name, type: 'tensor', shape, values: isPixels ? Uint8Array.from(values) : values.slice() };
  }

  private describe(value: unknown[], shape: readonly number[], problem: string): string {
    const [expected, found] = [shape.slice(1).join(', '), shapeOfNested(value).slice(1).join(', ')];
    // Arrays of unequal length within the row have the right shape by their first elements.
    const difference = expected === found ? '' : `, found [${found}]`;
    const wanted = expected === '' ? 'numbers' : `steps of shape [${expected}] as in the first row${difference}`;
    return `expected ${wanted}: ${problem}`;
  }

  /** Every row filled up with NaN to the longest. */
  private filled(shape: readonly number[], errors: RowErrors): Float32Array {
    const [source, lengths] = [this.values.view(), this.lengths.view()];
    const width = product(shape);
    if (width * lengths.length > MAX_FILLED_VALUES) {
      const message = `rows of unequal lengths are filled up to the longest, and ${lengths.length} rows of shape [${shape.join(', ')}] are too much: cut the longest`;
      errors.add({ column: this.name, message });
      return new Float32Array(0);
    }
    const values = new Float32Array(lengths.length * width).fill(Number.NaN);
    let at = 0;
    lengths.forEach((length, row) => {
      const size = (length * width) / shape[0]!;
      values.set(source.subarray(at, at + size), row * width);
      at += size;
    });
    return values;
  }
}

const product = (shape: readonly number[]): number => shape.reduce((total, size) => total * size, 1);
