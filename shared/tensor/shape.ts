/**
 * Shapes: lists of dimensions that are numbers, or names where the size is known only when the graph runs (`'batch'`).
 * `UNKNOWN` is the dimension of which nothing is known; it fits every other. Source: ONNX "Broadcasting in ONNX", IR "Static tensor shapes".
 */
import { ShapeError } from '../errors.ts';

export type Dim = number | string;
export type Shape = readonly Dim[];

export const UNKNOWN = '?';

/** `[batch, 28, 28]`, for messages. */
export const formatShape = (shape: Shape): string => `[${shape.join(', ')}]`;

export const isStatic = (shape: Shape): shape is readonly number[] => shape.every((dim) => typeof dim === 'number');

/** The shape as numbers. @throws {ShapeError} naming `what` when a dimension is symbolic. */
export function staticShape(shape: Shape, what: string): readonly number[] {
  if (isStatic(shape)) return shape;
  throw new ShapeError(`${what}: expected a static shape, got ${formatShape(shape)}`);
}

/** Number of elements of a static shape. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((size, dim) => size * dim, 1);

export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((dim, i) => dim === b[i]);

/** Could both stand for the same size? A named dimension fits itself only. */
export const dimsFit = (a: Dim, b: Dim): boolean => a === b || a === UNKNOWN || b === UNKNOWN;

/** NumPy's broadcast of several shapes, or undefined where they do not fit. */
export function broadcastShapes(shapes: readonly Shape[]): Shape | undefined {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const result: Dim[] = new Array<Dim>(rank).fill(1);
  for (const shape of shapes) {
    for (const [i, dim] of shape.entries()) {
      const at = rank - shape.length + i;
      const other = result[at] ?? 1;
      if (other === 1 || (other === UNKNOWN && dim !== 1)) result[at] = dim;
      else if (dim !== 1 && !dimsFit(dim, other)) return undefined;
    }
  }
  return result;
}

/** Axes of `to` that broadcasting `from` to it repeats: those which a gradient is summed over. */
export function broadcastAxes(from: Shape, to: Shape): number[] {
  const missing = to.length - from.length;
  return [...to.keys()].filter((axis) => axis < missing || (from[axis - missing] === 1 && to[axis] !== 1));
}
