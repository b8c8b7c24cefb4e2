/** What the elementwise ops share: numbers as operands, one element type, NumPy broadcasting. */
import type { DType } from '../../tensor/dtype.ts';
import { broadcastShapes } from '../../tensor/shape.ts';
import type { Shape } from '../../tensor/shape.ts';
import type { NumericDType } from '../../tensor/tensor.ts';
import type { Graph, Value } from '../graph.ts';
import type { Attributes } from '../model.ts';

/** A value, or a number that becomes a constant of the other operands' element type. */
export type Operand = Value | number;

/** Operands as values of one element type. @throws {ShapeError} naming the op when the types differ. */
export function operands(g: Graph, op: string, inputs: readonly Operand[]): Value[] {
  const dtype = inputs.find((input) => typeof input !== 'number')?.dtype ?? 'float32';
  const values = inputs.map((input) => (typeof input === 'number' ? g.scalar(input, dtype as NumericDType) : input));
  if (values.some((value) => value.dtype !== dtype)) throw g.mismatch(op, 'operands of one element type', values);
  return values;
}

/** Emits an op whose inputs broadcast; the result has their element type unless `dtype` says otherwise. */
export function broadcasting(
  g: Graph,
  op: string,
  inputs: readonly Operand[],
  { dtype, attributes }: { dtype?: DType; attributes?: Attributes<Graph> } = {},
): Value {
  const values = operands(g, op, inputs);
  const shape = broadcastShapes(values.map((value) => value.shape));
  if (shape === undefined) throw g.mismatch(op, 'shapes that broadcast', values);
  return g.emit(op, values, { dtype: dtype ?? values[0]!.dtype, shape }, attributes);
}

/** Emits an op that keeps its input's type. */
export function unary(g: Graph, op: string, x: Value, attributes: Attributes<Graph> = {}): Value {
  return g.emit(op, [x], x, attributes);
}

/** The axis of x counted from the front. @throws {ShapeError} naming the node when x has no such axis. */
export function axisOf(g: Graph, op: string, x: { readonly shape: Shape }, axis: number): number {
  const rank = x.shape.length;
  if (Number.isInteger(axis) && axis >= -rank && axis < rank) return axis < 0 ? axis + rank : axis;
  throw g.mismatch(op, `an axis in [${-rank}, ${rank})`, String(axis));
}
