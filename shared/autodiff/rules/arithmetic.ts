/** Gradients of elementwise arithmetic. x, a, b are inputs, y is the output, dy its cotangent. */
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import { broadcastingRules } from '../unbroadcast.ts';
import type { Rules } from '../vjp.ts';
import { extremeOf, maskOf } from './mask.ts';

const TWO_BY_ROOT_PI = 2 / Math.sqrt(Math.PI);

export const arithmeticRules: Rules = broadcastingRules({
  // y = a + b
  Add: ({ dy }) => [() => dy, () => dy],
  // y = a - b
  Sub: ({ g, dy }) => [() => dy, () => g.neg(dy)],
  // y = a b:  da = dy b,  db = dy a
  Mul: ({ g, inputs: [a, b], dy }) => [() => g.mul(dy, b!), () => g.mul(dy, a!)],
  // y = a / b:  da = dy / b,  db = -dy y / b
  Div: ({ g, inputs: [, b], y, dy }) => [() => g.div(dy, b!), () => g.neg(g.div(g.mul(dy, y), b!))],
  // y = a^c:  da = dy c a^(c-1),  dc = dy y ln a  (0 where a <= 0, as y is constant in c at a = 0 and not real below)
  Pow: ({ g, inputs: [a, c], y, dy }) => [
    () => g.mul(dy, powerSlope(g, a!, c!)),
    () => g.mul(dy, g.mul(y, g.where(g.greater(a!, 0), g.log(a!), 0))),
  ],
  // y = max(x_0, x_1, ...): dy goes to those that attain it, in equal parts
  Max: ({ g, inputs, y, dy }) => extremeOf(g, { inputs, y, dy }),
  Min: ({ g, inputs, y, dy }) => extremeOf(g, { inputs, y, dy }),
  // y = x_0 + x_1 + ...
  Sum: ({ inputs, dy }) => inputs.map(() => () => dy),
  // y = a - trunc(a / b) b:  da = dy,  db = -dy trunc(a / b), and trunc(a / b) = (a - y) / b
  Mod: ({ g, inputs: [a, b], y, dy }) => [() => dy, () => g.neg(g.mul(dy, g.div(g.sub(a!, y), b!)))],

  Neg: ({ g, dy }) => [() => g.neg(dy)],
  // y = |x|:  dx = dy sign x; comparisons and casts are ten times as fast as Sign
  Abs: ({ g, inputs: [x], dy }) => [
    () => g.mul(dy, g.sub(maskOf(g, g.greater(x!, 0), dy), maskOf(g, g.less(x!, 0), dy))),
  ],
  // y = e^x:  dx = dy y
  Exp: ({ g, y, dy }) => [() => g.mul(dy, y)],
  // y = ln x:  dx = dy / x
  Log: ({ g, inputs: [x], dy }) => [() => g.div(dy, x!)],
  // y = sqrt x:  dx = dy / (2 y)
  Sqrt: ({ g, y, dy }) => [() => g.div(g.mul(dy, 0.5), y)],
  // y = 1 / x:  dx = -dy y^2
  Reciprocal: ({ g, y, dy }) => [() => g.neg(g.mul(dy, g.mul(y, y)))],
  Sin: ({ g, inputs: [x], dy }) => [() => g.mul(dy, g.cos(x!))],
  Cos: ({ g, inputs: [x], dy }) => [() => g.neg(g.mul(dy, g.sin(x!)))],
  // y = erf x:  dx = dy 2/sqrt(pi) e^(-x^2)
  Erf: ({ g, inputs: [x], dy }) => [() => g.mul(dy, g.mul(g.exp(g.neg(g.mul(x!, x!))), TWO_BY_ROOT_PI))],
  // y = min(max(x, low), high):  dx = dy where y = x
  Clip: ({ g, inputs: [x], y, dy }) => [() => g.mul(dy, maskOf(g, g.equal(x!, y), dy)), null, null],
});

/** c a^(c-1), with the powers that occur most made simple. */
function powerSlope(g: GraphBuilder, a: Value, c: Value): Value {
  if (c.constant?.data.length !== 1) return g.mul(c, g.pow(a, g.sub(c, 1)));
  const exponent = Number(c.constant.data[0]);
  return g.mul(exponent === 2 ? a : g.pow(a, exponent - 1), exponent);
}
