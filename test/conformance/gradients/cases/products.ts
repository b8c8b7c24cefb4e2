/** Matrix products, reductions and normalisations. */
import type { Value } from '../../../../shared/onnx/graph.ts';
import type { GraphBuilder } from '../../../../shared/onnx/graph-builder.ts';
import type { ReduceOptions } from '../../../../shared/onnx/ops/reduction.ts';
import { casesOf } from '../gradient-case.ts';
import type { Build, GradientCase } from '../gradient-case.ts';

const matMul: Build = (g, a, b) => g.matMul(a, b);

const reduction = (op: string, build: (g: GraphBuilder, x: Value, options?: ReduceOptions) => Value): GradientCase[] =>
  casesOf(op, {
    'all axes': [[[2, 3]], (g, x) => build(g, x)],
    'all axes kept': [[[2, 3]], (g, x) => build(g, x, { keepdims: true })],
    'first axis': [[[3, 4]], (g, x) => build(g, x, { axes: [0] })],
    'last axis kept': [[[3, 4]], (g, x) => build(g, x, { axes: [-1], keepdims: true })],
    'two of three axes': [[[2, 3, 4]], (g, x) => build(g, x, { axes: [0, 2] })],
    'two of three axes kept': [[[2, 3, 4]], (g, x) => build(g, x, { axes: [1, 2], keepdims: true })],
    'no axis': [[[2, 3]], (g, x) => build(g, x, { axes: [] })],
  });

/** The last state of h = tanh(cell(x_t, h)) over x [time, batch, features]. */
function unrolled(
  g: GraphBuilder,
  { x, h, b }: { x: Value; h: Value; b: Value },
  cell: (step: Value, state: Value) => Value,
): Value {
  const steps = [0, 1, 2].map((t) => g.squeeze(g.slice(x, { axis: 0, start: t, end: t + 1 }), [0]));
  return g.add(
    steps.reduce((state, step) => g.tanh(cell(step, state)), h),
    b,
  );
}

const flags = [false, true].flatMap((transA) => [false, true].map((transB) => ({ transA, transB })));

export const productCases: readonly GradientCase[] = [
  ...casesOf('MatMul', {
    matrices: [
      [
        [2, 3],
        [3, 4],
      ],
      matMul,
    ],
    batches: [
      [
        [2, 3, 4],
        [2, 4, 5],
      ],
      matMul,
    ],
    'batches of rank 4': [
      [
        [2, 3, 2, 4],
        [2, 3, 4, 2],
      ],
      matMul,
    ],
    'a batch and a shared matrix': [
      [
        [2, 3, 4],
        [4, 5],
      ],
      matMul,
    ],
    'a shared matrix and a batch': [
      [
        [3, 4],
        [2, 4, 5],
      ],
      matMul,
    ],
    'leading axes broadcast': [
      [
        [2, 1, 3, 4],
        [5, 4, 2],
      ],
      matMul,
    ],
    'vector and vector': [[[4], [4]], matMul],
    'matrix and vector': [[[3, 4], [4]], matMul],
    'vector and matrix': [[[3], [3, 4]], matMul],
    'batch and vector': [[[2, 3, 4], [4]], matMul],
    'vector and batch': [[[3], [2, 3, 4]], matMul],
  }),
  ...flags.flatMap((trans) =>
    casesOf('Gemm', {
      [`${JSON.stringify(trans)}, scaled, C a row`]: [
        [trans.transA ? [3, 2] : [2, 3], trans.transB ? [4, 3] : [3, 4], [4]],
        (g, a, b, c) => g.gemm(a, b, { ...trans, c: c, alpha: 0.7, beta: 1.3 }),
      ],
    }),
  ),
  ...casesOf('Gemm', {
    'no C': [
      [
        [2, 3],
        [3, 4],
      ],
      (g, a, b) => g.gemm(a, b),
    ],
    "C of the result's shape": [
      [
        [2, 3],
        [3, 4],
        [2, 4],
      ],
      (g, a, b, c) => g.gemm(a, b, { c: c }),
    ],
    'C a column': [
      [
        [2, 3],
        [3, 4],
        [2, 1],
      ],
      (g, a, b, c) => g.gemm(a, b, { c: c }),
    ],
    'C a scalar': [[[2, 3], [3, 4], []], (g, a, b, c) => g.gemm(a, b, { c: c })],
    'a recurrent cell, its weights used at every step': [
      [[3, 2, 4], [2, 3], [4, 3], [3, 3], [3]],
      (g, ...[x, h, w, u, b]) =>
        unrolled(g, { x: x!, h: h!, b: b! }, (step, state) => g.add(g.matMul(step, w!), g.gemm(state, u!, { c: b! }))),
    ],
    'a recurrent cell with a transposed, scaled product': [
      [[3, 2, 4], [2, 3], [3, 4], [3, 3], [3]],
      (g, ...[x, h, w, u, b]) =>
        unrolled(g, { x: x!, h: h!, b: b! }, (step, state) => {
          const input = g.gemm(step, w!, { transB: true, alpha: 0.7, c: b!, beta: 0.5 });
          return g.gemm(state, u!, { c: input, alpha: 0.9 });
        }),
    ],
  }),
  ...flags.flatMap((trans) =>
    casesOf('com.microsoft:FusedMatMul', {
      [`${JSON.stringify(trans)}, scaled`]: [
        [trans.transA ? [2, 4, 3] : [2, 3, 4], trans.transB ? [2, 5, 4] : [2, 4, 5]],
        (g, a, b) => g.fusedMatMul(a, b, { ...trans, alpha: 0.6 }),
      ],
    }),
  ),
  ...reduction('ReduceSum', (g, x, options) => g.reduceSum(x, options)),
  ...reduction('ReduceMean', (g, x, options) => g.reduceMean(x, options)),
  ...reduction('ReduceMax', (g, x, options) => g.reduceMax(x, options)),
  ...reduction('ReduceMin', (g, x, options) => g.reduceMin(x, options)),
  ...reduction('ReduceL1', (g, x, options) => g.reduceL1(x, options)),
  ...reduction('ReduceL2', (g, x, options) => g.reduceL2(x, options)),
  ...reduction('ReduceSumSquare', (g, x, options) => g.reduceSumSquare(x, options)),
  ...reduction('ReduceLogSumExp', (g, x, options) => g.reduceLogSumExp(x, options)),
  ...[{}, { exclusive: true }, { reverse: true }, { exclusive: true, reverse: true }].flatMap((options) =>
    casesOf('CumSum', {
      [`along axis 1 ${JSON.stringify(options)}`]: [[[2, 4, 2]], (g, x) => g.cumSum(x, 1, options)],
    }),
  ),
  ...casesOf('LayerNormalization', {
    'last axis': [[[3, 5], [5], [5]], (g, x, scale, bias) => g.layerNormalization(x, { scale: scale, bias: bias })[0]],
    'last two axes': [
      [
        [2, 3, 4],
        [3, 4],
        [3, 4],
      ],
      (g, x, scale, bias) => g.layerNormalization(x, { scale: scale, bias: bias, axis: 1, epsilon: 0.1 })[0],
    ],
    'no bias': [[[2, 3, 4], [4]], (g, x, scale) => g.layerNormalization(x, { scale: scale })[0]],
  }),
  ...casesOf(
    'BatchNormalization',
    {
      images: [
        [[2, 3, 2, 2], [3], [3], [3], [3]],
        (g, x, scale, bias, mean, variance) =>
          g.batchNormalization(x, { scale: scale, bias: bias, mean: mean, variance: variance }),
      ],
      rows: [
        [[4, 3], [3], [3], [3], [3]],
        (g, x, scale, bias, mean, variance) =>
          g.batchNormalization(x, { scale: scale, bias: bias, mean: mean, variance: variance, epsilon: 0.1 }),
      ],
    },
    [0.3, 2.5],
  ),
];
