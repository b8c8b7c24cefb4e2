/** Reductions, softmaxes, normalisations and matrix products in float64. */
import { at, broadcast, generate, nd, numberOf } from './nd.ts';
import type { AttributeValue, Nd, Op, Ops } from './nd.ts';

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** The elements of x that share the index on all axes but the given ones. */
function group(x: Nd, axes: readonly number[], index: readonly number[]): number[] {
  const inner = axes.map((axis) => x.shape[axis]!);
  return [
    ...generate(inner, (position) =>
      at(
        x,
        index.map((k, axis) => (axes.includes(axis) ? position[axes.indexOf(axis)]! : k)),
      ),
    ).data,
  ];
}

const reduce =
  (f: (values: number[]) => number): Op =>
  ([x, axes], { keepdims }) => {
    const rank = x!.shape.length;
    const over = axes ? [...axes.data].map((axis) => (axis + rank) % rank) : [...x!.shape.keys()];
    const kept = generate(
      x!.shape.map((dim, i) => (over.includes(i) ? 1 : dim)),
      (index) => f(group(x!, over, index)),
    );
    return [
      keepdims === 0
        ? nd(
            kept.shape.filter((_, i) => !over.includes(i)),
            kept.data,
          )
        : kept,
    ];
  };

const extremePosition =
  (better: (a: number, b: number) => boolean): Op =>
  ([x], { axis, keepdims }) => {
    const k = (numberOf(axis, 0) + x!.shape.length) % x!.shape.length;
    const kept = generate(x!.shape.with(k, 1), (index) =>
      group(x!, [k], index).reduce((best, value, i, all) => (better(value, all[best]!) ? i : best), 0),
    );
    return [keepdims === 0 ? nd(kept.shape.toSpliced(k, 1), kept.data) : kept];
  };

const logSumExp = (values: readonly number[]): number => {
  const max = Math.max(...values);
  return max + Math.log(sum(values.map((value) => Math.exp(value - max))));
};

const softmaxed =
  (f: (x: number, logSum: number) => number): Op =>
  ([x], { axis }) => {
    const k = (numberOf(axis, -1) + x!.shape.length) % x!.shape.length;
    return [generate(x!.shape, (index) => f(at(x!, index), logSumExp(group(x!, [k], index))))];
  };

function cumSum([x, axis]: readonly Nd[], { exclusive, reverse }: Readonly<Record<string, AttributeValue>>): Nd[] {
  const k = axis!.data[0]!;
  const counts = (i: number, j: number): boolean => (reverse === 1 ? j > i : j < i) || (exclusive !== 1 && i === j);
  return [generate(x!.shape, (index) => sum(group(x!, [k], index).filter((_, j) => counts(index[k]!, j))))];
}

const flip = (x: Nd, isFlipped: boolean): Nd =>
  isFlipped
    ? generate([...x.shape.slice(0, -2), x.shape.at(-1)!, x.shape.at(-2)!], (index) =>
        at(x, [...index.slice(0, -2), index.at(-1)!, index.at(-2)!]),
      )
    : x;

function matMul(a: Nd, b: Nd): Nd {
  const left = a.shape.length === 1 ? nd([1, ...a.shape], a.data) : a;
  const right = b.shape.length === 1 ? nd([...b.shape, 1], b.data) : b;
  const [n, inner, m] = [left.shape.at(-2)!, left.shape.at(-1)!, right.shape.at(-1)!];
  const leading = broadcast([left.shape.slice(0, -2), right.shape.slice(0, -2), []]);
  const full = generate([...leading, n, m], (index) => {
    const [i, j] = [index.at(-2)!, index.at(-1)!];
    let total = 0;
    for (let k = 0; k < inner; k++)
      total += at(left, [...index.slice(0, -2), i, k]) * at(right, [...index.slice(0, -2), k, j]);
    return total;
  });
  const shape = [...leading, ...(a.shape.length === 1 ? [] : [n]), ...(b.shape.length === 1 ? [] : [m])];
  return nd(shape, full.data);
}

const product: Op = ([a, b, c], { alpha, beta, transA, transB }) => {
  const y = matMul(flip(a!, transA === 1), flip(b!, transB === 1));
  return [generate(y.shape, (index) => numberOf(alpha, 1) * at(y, index) + (c ? numberOf(beta, 1) * at(c, index) : 0))];
};

function layerNormalization(
  [x, scale, bias]: readonly Nd[],
  { axis, epsilon }: Readonly<Record<string, AttributeValue>>,
): Nd[] {
  const first = (numberOf(axis, -1) + x!.shape.length) % x!.shape.length;
  const axes = [...x!.shape.keys()].slice(first);
  const kept = x!.shape.map((dim, i) => (i < first ? dim : 1));
  const mean = generate(kept, (index) => sum(group(x!, axes, index)) / group(x!, axes, index).length);
  const inverse = generate(kept, (index) => {
    const deviations = group(x!, axes, index).map((value) => (value - at(mean, index)) ** 2);
    return 1 / Math.sqrt(sum(deviations) / deviations.length + numberOf(epsilon, 1e-5));
  });
  const y = generate(
    x!.shape,
    (index) =>
      (at(x!, index) - at(mean, index)) * at(inverse, index) * at(scale!, index) + (bias ? at(bias, index) : 0),
  );
  return [y, mean, inverse];
}

function batchNormalization(
  [x, scale, bias, mean, variance]: readonly Nd[],
  { epsilon }: Readonly<Record<string, AttributeValue>>,
): Nd[] {
  return [
    generate(x!.shape, (index) => {
      const c = index[1]!;
      return (
        ((at(x!, index) - mean!.data[c]!) / Math.sqrt(variance!.data[c]! + numberOf(epsilon, 1e-5))) * scale!.data[c]! +
        bias!.data[c]!
      );
    }),
  ];
}

export const reductions: Ops = {
  ReduceSum: reduce(sum),
  ReduceMean: reduce((values) => sum(values) / values.length),
  ReduceMax: reduce((values) => Math.max(...values)),
  ReduceMin: reduce((values) => Math.min(...values)),
  ReduceL1: reduce((values) => sum(values.map(Math.abs))),
  ReduceL2: reduce((values) => Math.hypot(...values)),
  ReduceSumSquare: reduce((values) => sum(values.map((value) => value * value))),
  ReduceLogSumExp: reduce(logSumExp),
  CumSum: cumSum,
  ArgMax: extremePosition((a, b) => a > b),
  ArgMin: extremePosition((a, b) => a < b),
  Softmax: softmaxed((x, logSum) => Math.exp(x - logSum)),
  LogSoftmax: softmaxed((x, logSum) => x - logSum),
  MatMul: ([a, b]) => [matMul(a!, b!)],
  Gemm: product,
  FusedMatMul: product,
  LayerNormalization: layerNormalization,
  BatchNormalization: batchNormalization,
};
