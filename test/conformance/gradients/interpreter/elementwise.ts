/** Elementwise ops in float64. Source: the ONNX operator documentation. */
import { at, broadcast, generate, nd, numberOf } from './nd.ts';
import type { AttributeValue, Op, Ops } from './nd.ts';

const map =
  (f: (x: number, attributes: Readonly<Record<string, AttributeValue>>) => number): Op =>
  ([x], attributes) => [
    nd(
      x!.shape,
      x!.data.map((value) => f(value, attributes)),
    ),
  ];

const combine =
  (f: (...values: number[]) => number): Op =>
  (inputs) => [generate(broadcast(inputs.map((x) => x.shape)), (index) => f(...inputs.map((x) => at(x, index))))];

/** 2/sqrt(pi) e^(-x^2) sum of 2^n x^(2n+1) / (2n+1)!!: terms of one sign, so that no digit cancels. */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let sum = x;
  for (let n = 1, term = x; n < 200; n++) sum += term *= (2 * x * x) / (2 * n + 1);
  return ((2 * Math.exp(-x * x)) / Math.sqrt(Math.PI)) * sum;
}

const tanhGelu = (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const roundHalfEven = (x: number): number => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));

export const elementwise: Ops = {
  Add: combine((a, b) => a + b),
  Sub: combine((a, b) => a - b),
  Mul: combine((a, b) => a * b),
  Div: combine((a, b) => a / b),
  Pow: combine((a, b) => a ** b),
  Mod: combine((a, b) => a % b),
  Max: combine(Math.max),
  Min: combine(Math.min),
  Sum: combine((...values) => values.reduce((a, b) => a + b, 0)),
  Equal: combine((a, b) => Number(a === b)),
  Greater: combine((a, b) => Number(a > b)),
  GreaterOrEqual: combine((a, b) => Number(a >= b)),
  Less: combine((a, b) => Number(a < b)),
  LessOrEqual: combine((a, b) => Number(a <= b)),
  And: combine((a, b) => Number(a !== 0 && b !== 0)),
  Or: combine((a, b) => Number(a !== 0 || b !== 0)),
  Where: combine((condition, a, b) => (condition !== 0 ? a : b)),
  Neg: map((x) => -x),
  Not: map((x) => Number(x === 0)),
  Abs: map(Math.abs),
  Exp: map(Math.exp),
  Log: map(Math.log),
  Sqrt: map(Math.sqrt),
  Reciprocal: map((x) => 1 / x),
  Sin: map(Math.sin),
  Cos: map(Math.cos),
  Erf: map(erf),
  Sign: map(Math.sign),
  Floor: map(Math.floor),
  Ceil: map(Math.ceil),
  Round: map(roundHalfEven),
  Identity: map((x) => x),
  Relu: map((x) => Math.max(x, 0)),
  LeakyRelu: map((x, { alpha }) => (x > 0 ? x : numberOf(alpha, 0.01) * x)),
  Elu: map((x, { alpha }) => (x > 0 ? x : numberOf(alpha, 1) * Math.expm1(x))),
  Sigmoid: map((x) => 1 / (1 + Math.exp(-x))),
  Tanh: map(Math.tanh),
  Softplus: map(softplus),
  Softsign: map((x) => x / (1 + Math.abs(x))),
  HardSigmoid: map((x, { alpha, beta }) => Math.min(Math.max(numberOf(alpha, 0.2) * x + numberOf(beta, 0.5), 0), 1)),
  Gelu: map((x, { approximate }) => (approximate === 'tanh' ? tanhGelu(x) : 0.5 * x * (1 + erf(x / Math.SQRT2)))),
  // FLOAT is 1 and DOUBLE 11 and stay doubles; BOOL is 9; the rest are integers.
  Cast: map((x, { to }) => (to === 1 || to === 11 ? x : to === 9 ? Number(x !== 0) : Math.trunc(x))),
  Clip: ([x, low, high]) => [
    nd(
      x!.shape,
      x!.data.map((value) => Math.min(Math.max(value, low?.data[0] ?? -Infinity), high?.data[0] ?? Infinity)),
    ),
  ],
};
