/**
 * A tensor column while its JSON file is read: nested arrays of numbers of one shape, the first row's.
 * Numbers are float32; a column of rank two or more whose values are all whole and within 0..255 (and not only 0 and 1)
 * is taken for pixels and kept as bytes.
 */
import { quoteCell } from './cells.ts';
import { Growable } from './growable.ts';
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

export class TensorBuilder {
  private readonly name: string;
  private readonly values = new Growable((n) => new Float32Array(n));
  private readonly problems: { row: number; message: string }[] = [];
  private shape: readonly number[] | undefined;
  private row = new Float32Array(0);
  private areBytes = true;
  private largest = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** Appends one row; a row of another shape is remembered as an error. */
  append(value: unknown[], row: number): void {
    if (this.shape === undefined) {
      this.shape = shapeOfNested(value);
      this.row = new Float32Array(this.shape.reduce((product, size) => product * size, 1));
    }
    const problem =
      this.row.length === 0
        ? 'expected an array with elements, found an empty one'
        : flattenInto(value, this.shape, this.row);
    if (problem !== undefined) {
      const [expected, found] = [this.shape.join(', '), shapeOfNested(value).join(', ')];
      // Arrays of unequal length within the row have the right shape by their first elements.
      const difference = expected === found ? '' : `, found shape [${found}]`;
      const message = `expected numbers of shape [${expected}] as in the first row${difference}: ${problem}`;
      this.problems.push({ row, message });
      return;
    }
    for (const number of this.row) {
      this.areBytes &&= number >= 0 && number <= 255 && Number.isInteger(number);
      if (number > this.largest) this.largest = number;
    }
    this.values.append(this.row);
  }

  build(errors: RowErrors): Column {
    for (const { row, message } of this.problems) errors.add({ row: row + 1, column: this.name, message });
    const shape = this.shape ?? [];
    const values = this.values.view();
    const isPixels = this.areBytes && shape.length >= 2 && this.largest > 1;
    return { name: this.name, type: 'tensor', shape, values: isPixels ? Uint8Array.from(values) : values.slice() };
  }
}
