/** Numbers in units of their standard deviation, so that a network learns a series of any size alike. */
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import { fromNumbers } from '../../tensor/tensor.ts';
import type { HostTensor } from '../../tensor/tensor.ts';
import type { Problem } from '../contract.ts';

/** Of the training rows' targets, as float32 holds them; undefined for classes. */
export function scaleOf({ train }: Problem<unknown>): { mean: number; deviation: number } | undefined {
  const { target } = train.blocks ?? train;
  if (target.kind !== 'numbers') return undefined;
  const values = target.steps === undefined ? target.values : target.values.filter((value) => !Number.isNaN(value));
  // From the first value on: a constant target has no deviation then, not a rounding error.
  const first = values[0]!;
  const offset = values.reduce((sum, value) => sum + (value - first), 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - first - offset) ** 2, 0);
  const deviation = Math.fround(Math.sqrt(squares / values.length));
  return { mean: Math.fround(first + offset), deviation: deviation > 0 ? deviation : 1 };
}

const PREFIX = 'target/';

/** The scale as arrays of a checkpoint; none for classes. */
export function scaleTensors(problem: Problem<unknown>): Record<string, HostTensor> {
  const scale = scaleOf(problem);
  if (scale === undefined) return {};
  return {
    [`${PREFIX}mean`]: fromNumbers('float32', [scale.mean]),
    [`${PREFIX}deviation`]: fromNumbers('float32', [scale.deviation]),
  };
}

/** `target/mean` and `target/deviation`, where there are some, apart from the other arrays. */
export function splitScale<T>(named: Readonly<Record<string, T>>): {
  scale: Record<string, T>;
  rest: Record<string, T>;
} {
  const groups = Map.groupBy(Object.entries(named), ([name]) => name.startsWith(PREFIX));
  const pick = (isScale: boolean): Record<string, T> => Object.fromEntries(groups.get(isScale) ?? []);
  return { scale: pick(true), rest: pick(false) };
}

/** The scale as constants of a graph. */
export function constantScale(g: GraphBuilder, { mean, deviation }: { mean: number; deviation: number }): Scale {
  const constant = (value: number): Value => g.constant(fromNumbers('float32', [value]));
  return { mean: constant(mean), deviation: constant(deviation) };
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
