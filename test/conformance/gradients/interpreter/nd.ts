/** Arrays of the float64 interpreter: every number, integer or boolean is a double. Plain loops, nothing shared with the code under test. */

export interface Nd {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export type AttributeValue = number | string | readonly number[] | readonly string[] | undefined;

/** A node's op: inputs (undefined where left out) and attributes to outputs. */
export type Op = (inputs: readonly Nd[], attributes: Readonly<Record<string, AttributeValue>>) => Nd[];
export type Ops = Readonly<Record<string, Op>>;

export const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

export const nd = (shape: readonly number[], data: ArrayLike<number> = new Float64Array(size(shape))): Nd => ({
  shape,
  data: data instanceof Float64Array ? data : Float64Array.from(data),
});

/** All index tuples of a shape, in row-major order. */
export function* indices(shape: readonly number[]): Generator<number[], void> {
  const index = shape.map(() => 0);
  for (let count = size(shape); count > 0; count--) {
    yield index.slice();
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]!++;
      if (index[axis]! < shape[axis]!) break;
      index[axis] = 0;
    }
  }
}

/** Position of an index tuple in the data; tuples of more axes than the shape lose the first, and axes of size 1 repeat. */
export function offset(shape: readonly number[], index: readonly number[]): number {
  const skip = index.length - shape.length;
  let position = 0;
  for (let axis = 0; axis < shape.length; axis++)
    position = position * shape[axis]! + (shape[axis] === 1 ? 0 : index[axis + skip]!);
  return position;
}

export const at = (x: Nd, index: readonly number[]): number => x.data[offset(x.shape, index)]!;

export function broadcast(shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from(
    { length: rank },
    (_, i) =>
      Math.max(...shapes.map((shape) => shape[i - rank + shape.length] ?? 1)) *
      Number(shapes.every((shape) => shape[i - rank + shape.length] !== 0)),
  );
}

/** An array made element by element. */
export function generate(shape: readonly number[], element: (index: readonly number[]) => number): Nd {
  return nd(shape, Float64Array.from(indices(shape), element));
}

/** The attribute as a number, list or text, or a default. */
export const numberOf = (value: AttributeValue, otherwise: number): number =>
  typeof value === 'number' ? value : otherwise;
export const listOf = (value: AttributeValue, otherwise: readonly number[]): readonly number[] =>
  Array.isArray(value) ? (value as number[]) : otherwise;
