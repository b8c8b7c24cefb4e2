/** Arithmetic, activations and choices. */
import type { Value } from '../../../../shared/onnx/graph.ts';
import type { GraphBuilder } from '../../../../shared/onnx/graph-builder.ts';
import { fromNumbers } from '../../../../shared/tensor/tensor.ts';
import { casesOf } from '../gradient-case.ts';
import type { GradientCase } from '../gradient-case.ts';

const POSITIVE = [0.3, 2.5] as const;

const binary = (
  op: string,
  build: (g: GraphBuilder, a: Value, b: Value) => Value,
  range?: readonly [number, number],
): GradientCase[] =>
  casesOf(
    op,
    {
      'equal shapes': [
        [
          [2, 3],
          [2, 3],
        ],
        build,
      ],
      'a row broadcasts': [[[4, 3], [3]], build],
      'a column broadcasts': [
        [
          [4, 1],
          [4, 3],
        ],
        build,
      ],
      'both broadcast': [
        [
          [2, 1, 3],
          [4, 1],
        ],
        build,
      ],
      'a scalar broadcasts': [[[], [2, 3]], build],
      'leading ones stay': [
        [
          [1, 1, 3],
          [2, 4, 3],
        ],
        build,
      ],
    },
    range,
  );

const unary = (
  op: string,
  build: (g: GraphBuilder, x: Value) => Value,
  range?: readonly [number, number],
): GradientCase[] =>
  casesOf(op, { vector: [[[7]], build], 'rank 4': [[[2, 3, 2, 2]], build], scalar: [[[]], build] }, range);

const condition = (g: GraphBuilder): Value => g.constant(fromNumbers('bool', [1, 0, 1, 1, 0, 0], [2, 3]));

export const elementwiseCases: readonly GradientCase[] = [
  ...binary('Add', (g, a, b) => g.add(a, b)),
  ...binary('Sub', (g, a, b) => g.sub(a, b)),
  ...binary('Mul', (g, a, b) => g.mul(a, b)),
  ...binary('Div', (g, a, b) => g.div(a, b), POSITIVE),
  ...binary('Pow', (g, a, b) => g.pow(a, b), POSITIVE),
  ...binary('Max', (g, a, b) => g.max(a, b)),
  ...binary('Min', (g, a, b) => g.min(a, b)),
  ...binary('Sum', (g, a, b) => g.sum(a, b)),
  ...binary('Mod', (g, a, b) => g.mod(a, b), POSITIVE),
  ...casesOf('Pow', {
    square: [[[5]], (g, x) => g.pow(x, 2)],
    'cube of negatives': [[[6]], (g, x) => g.pow(x, 3)],
    'exponents by element': [
      [[2, 2]],
      (g, x) => g.pow(x, g.constant(fromNumbers(x.dtype as 'float32', [1, 2, 3, 4], [2, 2]))),
    ],
  }),
  ...casesOf(
    'Pow',
    { 'of a constant base': [[[2, 3]], (g, x) => g.pow(1.7, x)], 'negative power': [[[4]], (g, x) => g.pow(x, -1.5)] },
    POSITIVE,
  ),
  ...casesOf('Max', {
    'of three': [[[2, 3], [3], [2, 1]], (g, a, b, c) => g.max(a, b, c)],
    'with a number': [[[6]], (g, x) => g.max(x, 0.1)],
  }),
  ...casesOf('Sum', { 'of three': [[[2, 3], [3], [2, 1]], (g, a, b, c) => g.sum(a, b, c)] }),
  ...casesOf('Mul', { 'of a value with itself': [[[5]], (g, x) => g.mul(x, x)] }),

  ...unary('Neg', (g, x) => g.neg(x)),
  ...unary('Abs', (g, x) => g.abs(x)),
  ...unary('Exp', (g, x) => g.exp(x)),
  ...unary('Log', (g, x) => g.log(x), POSITIVE),
  ...unary('Sqrt', (g, x) => g.sqrt(x), POSITIVE),
  ...unary('Reciprocal', (g, x) => g.reciprocal(x), POSITIVE),
  ...unary('Sin', (g, x) => g.sin(x)),
  ...unary('Cos', (g, x) => g.cos(x)),
  ...unary('Erf', (g, x) => g.erf(x)),
  ...unary('Clip', (g, x) => g.clip(x, -0.5, 0.8)),
  ...unary('Clip', (g, x) => g.clip(x, -0.5)),
  ...unary('Identity', (g, x) => g.identity(x)),

  ...unary('Relu', (g, x) => g.relu(x)),
  ...unary('LeakyRelu', (g, x) => g.leakyRelu(x, 0.2)),
  ...unary('Elu', (g, x) => g.elu(x, 1.3)),
  ...unary('Sigmoid', (g, x) => g.sigmoid(x)),
  ...unary('Tanh', (g, x) => g.tanh(x)),
  ...unary('Softplus', (g, x) => g.softplus(x)),
  ...unary('Softsign', (g, x) => g.softsign(x)),
  ...unary('HardSigmoid', (g, x) => g.hardSigmoid(x, 0.3, 0.5)),
  ...unary('Gelu', (g, x) => g.gelu(x)),
  ...unary('Gelu', (g, x) => g.gelu(x, 'tanh')),
  ...casesOf('Softmax', {
    'last axis': [[[3, 5]], (g, x) => g.softmax(x)],
    'first axis': [[[3, 5]], (g, x) => g.softmax(x, 0)],
    'middle axis': [[[2, 4, 3]], (g, x) => g.softmax(x, 1)],
  }),
  ...casesOf('LogSoftmax', {
    'last axis': [[[3, 5]], (g, x) => g.logSoftmax(x)],
    'first axis': [[[3, 5]], (g, x) => g.logSoftmax(x, 0)],
    'middle axis': [[[2, 4, 3]], (g, x) => g.logSoftmax(x, -2)],
  }),
  ...casesOf('Where', {
    'equal shapes': [
      [
        [2, 3],
        [2, 3],
      ],
      (g, a, b) => g.where(condition(g), a, b),
    ],
    'branches broadcast': [[[3], [2, 1]], (g, a, b) => g.where(condition(g), a, b)],
    'condition broadcasts': [
      [
        [4, 2, 3],
        [4, 2, 3],
      ],
      (g, a, b) => g.where(condition(g), a, b),
    ],
  }),
  ...casesOf('Cast', { 'between floats': [[[2, 3]], (g, x) => g.cast(g.cast(x, 'float64'), 'float32')] }),
];
