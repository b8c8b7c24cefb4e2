/** Numbers in units of their standard deviation, so that a network learns a series of any size alike. */
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import type { Problem } from '../contract.ts';

/** Of the training rows' targets, as float32 holds them; undefined for classes. */
export function scaleOf({ train: { target } }: Problem<unknown>): { mean: number; deviation: number } | undefined {
  if (target.kind !== 'numbers') return undefined;
  const { values } = target;
  // From the first value on: a constant target has no deviation then, not a rounding error.
  const first = values[0]!;
  const offset = values.reduce((sum, value) => sum + (value - first), 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - first - offset) ** 2, 0);
  const deviation = Math.fround(Math.sqrt(squares / values.length));
  return { mean: Math.fround(first + offset), deviation: deviation > 0 ? deviation : 1 };
}

interface Scale {
  /** [1] each. */
  readonly mean: Value;
  readonly deviation: Value;
}

/** (x - mean) / deviation */
export function scaleSeries(g: GraphBuilder, x: Value, { mean, deviation }: Scale): Value {
  return g.scope('scale', () => g.div(g.sub(x, mean), deviation));
}

/** y deviation + mean */
export function unscale(g: GraphBuilder, y: Value, { mean, deviation }: Scale): Value {
  return g.scope('unscale', () => g.add(g.mul(y, deviation), mean));
}
