/** Gradients of reductions. x is the input, y the output with its reduced axes kept, dy its cotangent in that form. */
import type { Value } from '../../onnx/graph.ts';
import { elementsOf } from '../../onnx/graph.ts';
import { staticShape } from '../../tensor/shape.ts';
import { toNumbers } from '../../tensor/tensor.ts';
import type { Rule, Rules } from '../vjp.ts';
import { maskOf } from './mask.ts';

interface Reduction {
  readonly x: Value;
  readonly y: Value;
  readonly dy: Value;
  readonly axes: readonly number[];
}

/** A rule for the output with its reduced axes kept, whether the node keeps them or not; what it yields is expanded to x. */
const reduced =
  (rule: (g: Parameters<Rule>[0]['g'], reduction: Reduction) => Value): Rule =>
  ({ g, inputs, y, dy }) => {
    const x = inputs[0]!;
    const axes = toNumbers(inputs[1]!.constant!);
    const kept = x.shape.map((dim, i) => (axes.includes(i) ? 1 : dim));
    const keep = (value: Value): Value => (value.shape.length === kept.length ? value : g.reshape(value, kept));
    const spread = (value: Value): Value =>
      value.shape.every((dim, i) => dim === x.shape[i]) ? value : g.expand(value, staticShape(x.shape, `'${x.name}'`));
    return [() => spread(rule(g, { x, y: keep(y), dy: keep(dy), axes })), null];
  };

/** y = max x or min x: dy in equal parts to the elements that attain it. */
const extreme = reduced((g, { x, y, dy, axes }) => {
  const mask = maskOf(g, g.equal(x, y), dy);
  return g.mul(g.div(dy, g.reduceSum(mask, { axes, keepdims: true })), mask);
});

export const reductionRules: Rules = {
  // y = sum x:  dx = dy
  ReduceSum: reduced((_, { dy }) => dy),
  // y = sum x / n:  dx = dy / n
  ReduceMean: reduced((g, { x, y, dy }) => g.mul(dy, elementsOf(y) / elementsOf(x))),
  ReduceMax: extreme,
  ReduceMin: extreme,
  // y = sum |x|:  dx = dy sign x
  ReduceL1: reduced((g, { x, dy }) => g.mul(dy, g.sub(maskOf(g, g.greater(x, 0), dy), maskOf(g, g.less(x, 0), dy)))),
  // y = sqrt(sum x^2):  dx = dy x / y
  ReduceL2: reduced((g, { x, y, dy }) => g.mul(g.div(dy, y), x)),
  // y = sum x^2:  dx = 2 dy x
  ReduceSumSquare: reduced((g, { x, dy }) => g.mul(g.mul(dy, 2), x)),
  // y = ln sum e^x:  dx = dy e^(x - y)
  ReduceLogSumExp: reduced((g, { x, y, dy }) => g.mul(dy, g.exp(g.sub(x, y)))),
  // y_i = sum of x_j up to i:  dx_j = sum of dy_i from j on
  CumSum: ({ g, node, inputs: [, axis], dy }) => {
    const { exclusive, reverse } = node.attributes;
    return [
      () => g.cumSum(dy, toNumbers(axis!.constant!)[0]!, { exclusive: exclusive === 1, reverse: reverse !== 1 }),
      null,
    ];
  },
};
