/** The transpose of broadcasting: a cotangent summed over the axes along which its primal was repeated. */
import type { Value } from '../onnx/graph.ts';
import type { GraphBuilder } from '../onnx/graph-builder.ts';
import { broadcastAxes } from '../tensor/shape.ts';
import type { Shape } from '../tensor/shape.ts';
import type { Rule, Rules } from './vjp.ts';

export function unbroadcast(g: GraphBuilder, dy: Value, shape: Shape): Value {
  const axes = broadcastAxes(shape, dy.shape);
  if (axes.length === 0) return dy;
  const sum = g.reduceSum(dy, { axes, keepdims: true });
  return shape.length === sum.shape.length ? sum : g.reshape(sum, shape);
}

/** Rules written as if all operands had the result's shape, made right for operands that broadcast to it. */
export function broadcastingRules(rules: Rules<Value>): Rules<Value> {
  const wrap =
    (rule: Rule<Value>): Rule<Value> =>
    (vjp) =>
      rule(vjp).map((cotangent, i) => cotangent && (() => unbroadcast(vjp.g, cotangent(), vjp.inputs[i]!.shape)));
  return Object.fromEntries(Object.entries(rules).map(([op, rule]) => [op, wrap(rule)]));
}
