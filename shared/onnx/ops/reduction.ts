/** Reductions over axes (all by default) and running sums. */
import type { Graph, Value } from '../graph.ts';
import { axisOf, unary } from './elementwise.ts';

export interface ReduceOptions {
  /** Axes to reduce; all when left out. */
  readonly axes?: readonly number[];
  /** Keep reduced axes with size 1. */
  readonly keepdims?: boolean;
}

export const reduction = {
  reduceSum: (g: Graph, x: Value, options?: ReduceOptions) => reduce(g, 'ReduceSum', x, options),
  reduceMean: (g: Graph, x: Value, options?: ReduceOptions) => reduce(g, 'ReduceMean', x, options),
  reduceMax: (g: Graph, x: Value, options?: ReduceOptions) => reduce(g, 'ReduceMax', x, options),
  reduceMin: (g: Graph, x: Value, options?: ReduceOptions) => reduce(g, 'ReduceMin', x, options),
  reduceL1: (g: Graph, x: Value, options?: ReduceOptions) => reduce(g, 'ReduceL1', x, options),
  reduceL2: (g: Graph, x: Value, options?: ReduceOptions) => reduce(g, 'ReduceL2', x, options),
  reduceSumSquare: (g: Graph, x: Value, options?: ReduceOptions) => reduce(g, 'ReduceSumSquare', x, options),
  reduceLogSumExp: (g: Graph, x: Value, options?: ReduceOptions) => reduce(g, 'ReduceLogSumExp', x, options),
  cumSum: (g: Graph, x: Value, axis: number, { exclusive = false, reverse = false } = {}) =>
    g.emit('CumSum', [x, g.scalar(axisOf(g, 'CumSum', x, axis), 'int64')], x, {
      exclusive: Number(exclusive),
      reverse: Number(reverse),
    }),
};

function reduce(g: Graph, op: string, x: Value, { axes, keepdims = false }: ReduceOptions = {}): Value {
  const reduced = axes?.map((axis) => axisOf(g, op, x, axis)) ?? [...x.shape.keys()];
  // Without axes ONNX reduces all of them, which is right for none only where there are none.
  if (reduced.length === 0) return unary(g, 'Identity', x);
  const shape = keepdims
    ? x.shape.map((dim, i) => (reduced.includes(i) ? 1 : dim))
    : x.shape.filter((_, i) => !reduced.includes(i));
  return g.emit(op, [x, g.ints(reduced)], { dtype: x.dtype, shape }, { keepdims: Number(keepdims) });
}
