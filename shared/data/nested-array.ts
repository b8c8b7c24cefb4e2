/** Nested arrays of numbers, as JSON has them: their shape, and their numbers in a row. */
import { quoteCell } from './cells.ts';

/** What is not beyond it is a number in float32. */
const MAX_FLOAT32 = 3.4e38;

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
    const problem = problemOf(value);
    if (problem === undefined) out[offset] = value as number;
    return problem;
  }
  if (!Array.isArray(value)) return `expected an array of shape [${shape.join(', ')}], found ${quoteCell(value)}`;
  if (value.length !== shape[0]) return `expected ${shape[0]!} elements in an array, found ${value.length}`;
  if (shape.length === 1) return writeNumbers(value, out, offset);
  const inner = shape.slice(1);
  const stride = inner.reduce((product, size) => product * size, 1);
  for (let i = 0; i < value.length; i++) {
    const problem = flattenInto(value[i], inner, out, offset + i * stride);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** A plain loop: this is in the way of every prediction of a picture. */
function writeNumbers(values: readonly unknown[], out: Float32Array, offset: number): string | undefined {
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (!Number.isFinite(value) || Math.abs(value as number) > MAX_FLOAT32) {
      const problem = problemOf(value);
      if (problem !== undefined) return problem;
    }
    out[offset + i] = value as number;
  }
  return undefined;
}

function problemOf(value: unknown): string | undefined {
  if (typeof value !== 'number' || !Number.isFinite(value)) return `expected a number, found ${quoteCell(value)}`;
  if (!Number.isFinite(Math.fround(value))) return `expected no number beyond float32's 3.4e38, found ${value}`;
  return undefined;
}
