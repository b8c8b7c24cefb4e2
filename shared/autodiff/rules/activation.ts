/** Gradients of activations. x is the input, y the output, dy its cotangent, [c] is 1 where c holds and 0 elsewhere. */
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import type { Rules, Vjp } from '../vjp.ts';
import { maskOf } from './mask.ts';

const floatOf = ({ node }: Vjp, name: string): number => (node.attributes[name] as { float: number }).float;
const axisOf = ({ node }: Vjp): number => node.attributes['axis'] as number;

export const activationRules: Rules = {
  // y = max(x, 0):  dx = dy [y > 0]
  Relu: ({ g, y, dy }) => [() => g.mul(dy, maskOf(g, g.greater(y, 0), dy))],
  // y = x [x > 0] + a x [x <= 0]:  dx = dy (a + (1 - a) [x > 0])
  LeakyRelu: (vjp) => {
    const { g, inputs, dy } = vjp;
    const alpha = floatOf(vjp, 'alpha');
    return [() => g.mul(dy, g.add(g.mul(maskOf(g, g.greater(inputs[0]!, 0), dy), 1 - alpha), alpha))];
  },
  // y = x where x > 0, else a (e^x - 1):  dx = dy, else dy (y + a)
  Elu: (vjp) => {
    const { g, inputs, y, dy } = vjp;
    return [() => g.where(g.greater(inputs[0]!, 0), dy, g.mul(dy, g.add(y, floatOf(vjp, 'alpha'))))];
  },
  // y = 1 / (1 + e^-x):  dx = dy y (1 - y)
  Sigmoid: ({ g, y, dy }) => [() => g.mul(dy, g.mul(y, g.sub(1, y)))],
  // y = tanh x:  dx = dy (1 - y^2)
  Tanh: ({ g, y, dy }) => [() => g.mul(dy, g.sub(1, g.mul(y, y)))],
  // y = ln(1 + e^x):  dx = dy sigmoid x
  Softplus: ({ g, inputs: [x], dy }) => [() => g.mul(dy, g.sigmoid(x!))],
  // y = x / (1 + |x|):  dx = dy (1 - |y|)^2
  Softsign: ({ g, y, dy }) => {
    const rest = g.sub(1, g.abs(y));
    return [() => g.mul(dy, g.mul(rest, rest))];
  },
  // y = min(max(a x + b, 0), 1):  dx = dy a [0 < y < 1]
  HardSigmoid: (vjp) => {
    const { g, y, dy } = vjp;
    const inside = g.and(g.greater(y, 0), g.less(y, 1));
    return [() => g.mul(g.mul(dy, floatOf(vjp, 'alpha')), maskOf(g, inside, dy))];
  },
  Gelu: ({ g, node, inputs: [x], dy }) => [
    () => g.mul(dy, node.attributes['approximate'] === 'tanh' ? tanhGeluSlope(g, x!) : geluSlope(g, x!)),
  ],
  // y = e^x / sum e^x:  dx = (dy - sum(dy y)) y
  Softmax: (vjp) => {
    const { g, y, dy } = vjp;
    return [() => g.mul(g.sub(dy, g.reduceSum(g.mul(dy, y), { axes: [axisOf(vjp)], keepdims: true })), y)];
  },
  // y = x - ln sum e^x:  dx = dy - e^y sum(dy)
  LogSoftmax: (vjp) => {
    const { g, y, dy } = vjp;
    return [() => g.sub(dy, g.mul(g.exp(y), g.reduceSum(dy, { axes: [axisOf(vjp)], keepdims: true })))];
  },
};

/** (x P(x))' = P(x) + x p(x) with P and p the distribution and density of the standard normal. */
function geluSlope(g: GraphBuilder, x: Value): Value {
  const distribution = g.mul(g.add(g.erf(g.mul(x, Math.SQRT1_2)), 1), 0.5);
  const density = g.mul(g.exp(g.mul(g.mul(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return g.add(distribution, g.mul(x, density));
}

/** y = x/2 (1 + t), t = tanh(k (x + c x^3)):  y' = (1 + t)/2 + x/2 (1 - t^2) k (1 + 3 c x^2). */
function tanhGeluSlope(g: GraphBuilder, x: Value): Value {
  const [k, c] = [Math.sqrt(2 / Math.PI), 0.044715];
  const square = g.mul(x, x);
  const t = g.tanh(g.mul(g.mul(x, k), g.add(g.mul(square, c), 1)));
  const inner = g.mul(g.add(g.mul(square, 3 * c), 1), k);
  return g.mul(g.add(g.add(t, 1), g.mul(g.mul(x, g.sub(1, g.mul(t, t))), inner)), 0.5);
}
