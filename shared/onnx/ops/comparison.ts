/** Comparison, choice, conversion and the positions of extremes. Comparisons broadcast and yield booleans. */
import type { DType } from '../../tensor/dtype.ts';
import { broadcastShapes } from '../../tensor/shape.ts';
import { dataTypeOf } from '../data-types.ts';
import type { Graph, Value } from '../graph.ts';
import { axisOf, broadcasting, operands, unary } from './elementwise.ts';
import type { Operand } from './elementwise.ts';

const compare = (g: Graph, op: string, a: Operand, b: Operand): Value => broadcasting(g, op, [a, b], { dtype: 'bool' });

export const comparison = {
  /** Compares strings too. */
  equal: (g: Graph, a: Operand, b: Operand) => compare(g, 'Equal', a, b),
  greater: (g: Graph, a: Operand, b: Operand) => compare(g, 'Greater', a, b),
  greaterOrEqual: (g: Graph, a: Operand, b: Operand) => compare(g, 'GreaterOrEqual', a, b),
  less: (g: Graph, a: Operand, b: Operand) => compare(g, 'Less', a, b),
  lessOrEqual: (g: Graph, a: Operand, b: Operand) => compare(g, 'LessOrEqual', a, b),
  and: (g: Graph, a: Value, b: Value) => compare(g, 'And', a, b),
  or: (g: Graph, a: Value, b: Value) => compare(g, 'Or', a, b),
  not: (g: Graph, x: Value) => unary(g, 'Not', x),
  isNaN: (g: Graph, x: Value) => g.emit('IsNaN', [x], { dtype: 'bool', shape: x.shape }),
  isInf: (g: Graph, x: Value) => g.emit('IsInf', [x], { dtype: 'bool', shape: x.shape }),
  /** `ifTrue` where the condition holds, else `ifFalse`; all three broadcast. */
  where: (g: Graph, condition: Value, ifTrue: Operand, ifFalse: Operand) => where(g, condition, ifTrue, ifFalse),
  cast: (g: Graph, x: Value, dtype: DType) =>
    x.dtype === dtype ? x : g.emit('Cast', [x], { dtype, shape: x.shape }, { to: dataTypeOf(dtype) }),
  /** Positions of the greatest elements (int64); the first of equals. */
  argMax: (g: Graph, x: Value, axis: number, keepdims = false) => position(g, 'ArgMax', x, { axis, keepdims }),
  argMin: (g: Graph, x: Value, axis: number, keepdims = false) => position(g, 'ArgMin', x, { axis, keepdims }),
  /** [values, positions] of the k greatest elements along an axis, greatest first. */
  topK: (g: Graph, x: Value, k: number, axis = -1) => topK(g, x, k, axis),
};

function where(g: Graph, condition: Value, ifTrue: Operand, ifFalse: Operand): Value {
  const values = operands(g, 'Where', [ifTrue, ifFalse]);
  if (condition.dtype !== 'bool') throw g.mismatch('Where', 'a condition of booleans', [condition]);
  const shape = broadcastShapes([condition, ...values].map((value) => value.shape));
  if (shape === undefined) throw g.mismatch('Where', 'shapes that broadcast', [condition, ...values]);
  return g.emit('Where', [condition, ...values], { dtype: values[0]!.dtype, shape });
}

function position(g: Graph, op: string, x: Value, { axis, keepdims }: { axis: number; keepdims: boolean }): Value {
  const at = axisOf(g, op, x, axis);
  const shape = keepdims ? x.shape.with(at, 1) : x.shape.toSpliced(at, 1);
  return g.emit(op, [x], { dtype: 'int64', shape }, { axis: at, keepdims: Number(keepdims) });
}

function topK(g: Graph, x: Value, k: number, axis: number): [Value, Value] {
  const at = axisOf(g, 'TopK', x, axis);
  const dim = x.shape[at]!;
  if (typeof dim === 'number' && k > dim) throw g.mismatch('TopK', `at least ${k} elements along axis ${at}`, [x]);
  const shape = x.shape.with(at, k);
  return g.node('TopK', [x, g.ints([k])], { axis: at }, [
    { dtype: x.dtype, shape },
    { dtype: 'int64', shape },
  ]) as [Value, Value];
}
