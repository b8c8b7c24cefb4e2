/**
 * The inference graph: decision values of every pair of classes, votes (the first of equals wins, as in LIBSVM), scores, and probabilities
 * by pairwise coupling. Coefficients are kept like LIBSVM's: of a support vector of class c one per other class.
 * Source of the coupling: T.-F. Wu, C.-J. Lin, R. C. Weng, "Probability estimates for multi-class classification by pairwise coupling"
 * (2004), second method, whose linear system is solved here exactly.
 */
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import { fromNumbers } from '../../tensor/tensor.ts';
import type { Outputs } from '../contract.ts';
import { emitKernel } from './kernel.ts';
import type { SvmParams } from './params.ts';

type Learned = Readonly<Record<string, Value>>;

/** Probabilities of a pair stay this far from 0 and 1. */
const SMALLEST_PAIR_PROBABILITY = 1e-7;

/** Pairs (a, b) of classes with a < b, in LIBSVM's order. */
export function classPairs(classes: number): readonly (readonly [number, number])[] {
  return Array.from({ length: classes }, (_, a) =>
    Array.from({ length: classes - a - 1 }, (__, k): [number, number] => [a, a + 1 + k]),
  ).flat();
}

/** The k-th coefficient of a support vector of class `own` is that of its problem against `other`. */
export const coefColumn = (own: number, other: number): number => (other < own ? other : other - 1);

export function inferRegression(g: GraphBuilder, x: Value, learned: Learned, kernel: SvmParams): Value {
  if (kernel.kernel === 'linear') return g.gemm(x, learned['coef']!, { c: learned['intercept']! });
  const values = emitKernel(g, x, learned['support_vectors']!, { ...kernel, gamma: learned['gamma']! });
  return g.gemm(values, learned['dual_coef/0']!, { c: learned['intercept']! });
}

export function inferClasses(
  g: GraphBuilder,
  x: Value,
  learned: Learned,
  { kernel, classes }: { kernel: SvmParams; classes: number },
): Outputs {
  const decisions = g.scope('decide', () => decide(g, x, learned, { kernel, classes }));
  if ('prob_a' in learned) {
    const probabilities = g.scope('couple', () => couple(g, decisions, learned, classes));
    return { label: g.argMax(probabilities, 1), probabilities };
  }
  return g.scope('vote', () => vote(g, decisions, classes));
}

/** Decision values [batch, pairs]: above 0 speaks for the first class of the pair. */
function decide(
  g: GraphBuilder,
  x: Value,
  learned: Learned,
  { kernel, classes }: { kernel: SvmParams; classes: number },
): Value {
  if (kernel.kernel === 'linear') return g.gemm(x, learned['coef']!, { c: learned['intercept']! });
  const coefs = Array.from({ length: classes }, (_, c) => learned[`dual_coef/${c}`]!);
  const values = emitKernel(g, x, learned['support_vectors']!, { ...kernel, gamma: learned['gamma']! });
  const byClass = g.split(
    values,
    coefs.map(({ shape }) => shape[0] as number),
    1,
  );
  const sums = g.concat(
    coefs.map((coef, c) => g.gemm(byClass[c]!, coef)),
    1,
  );
  const pick = (columnOf: (pair: readonly [number, number]) => number): Value =>
    g.gather(sums, g.ints(classPairs(classes).map(columnOf)), 1);
  const first = pick(([a, b]) => a * (classes - 1) + coefColumn(a, b));
  const second = pick(([a, b]) => b * (classes - 1) + coefColumn(b, a));
  return g.add(g.add(first, second), learned['intercept']!);
}

/** Labels by votes; scores as scikit-learn's decision_function: votes, and within one vote the sum of decision values. */
function vote(g: GraphBuilder, decisions: Value, classes: number): Outputs {
  const pairs = classPairs(classes);
  const gain = g.constant(
    fromNumbers(
      'float64',
      pairs.flatMap(([a, b]) => Array.from({ length: classes }, (_, c) => (c === a ? 1 : c === b ? -1 : 0))),
      [pairs.length, classes],
    ),
  );
  const lost = Array.from({ length: classes }, (_, c) => pairs.filter(([, b]) => b === c).length);
  const isFirst = g.cast(g.greater(decisions, 0), 'float64');
  const votes = g.gemm(isFirst, gain, { c: g.constant(fromNumbers('float64', lost, [1, classes])) });
  const label = g.argMax(votes, 1);
  const sums = g.gemm(decisions, gain);
  if (classes === 2) return { label, scores: sums };
  return { label, scores: g.add(votes, g.div(sums, g.mul(g.add(g.abs(sums), 1), 3))) };
}

function couple(g: GraphBuilder, decisions: Value, learned: Learned, classes: number): Value {
  const exponents = g.add(g.mul(decisions, learned['prob_a']!), learned['prob_b']!);
  const raw = g.reciprocal(g.add(g.exp(exponents), 1));
  const first = g.clip(raw, SMALLEST_PAIR_PROBABILITY, 1 - SMALLEST_PAIR_PROBABILITY);
  const second = g.sub(1, first);
  if (classes === 2) return g.concat([first, second], 1);
  const system = couplingSystem(g, first, second, classes);
  const solution = solveBatched(g, system, classes);
  return g.div(solution, g.reduceSum(solution, { axes: [1], keepdims: true }));
}

/** Q + 11' of minimise sum_ij (r_ji p_i - r_ij p_j)^2, with r_ij the probability of i among i and j: [batch, classes, classes]. */
function couplingSystem(g: GraphBuilder, first: Value, second: Value, classes: number): Value {
  const pairs = classPairs(classes);
  const numberOf = new Map(pairs.map(([a, b], p) => [a * classes + b, p]));
  const nothing = g.mul(g.slice(first, { axis: 1, start: 0, end: 1 }), 0);
  const all = g.concat([first, second, nothing], 1);
  const places = Array.from({ length: classes * classes }, (_, at) => {
    const [i, j] = [Math.floor(at / classes), at % classes];
    if (i === j) return 2 * pairs.length;
    return i < j ? numberOf.get(i * classes + j)! : pairs.length + numberOf.get(j * classes + i)!;
  });
  const r = g.reshape(g.gather(all, g.ints(places), 1), ['batch', classes, classes]);
  const identity = fromNumbers(
    'float64',
    places.map((_, at) => (Math.floor(at / classes) === at % classes ? 1 : 0)),
    [1, classes, classes],
  );
  const diagonal = g.mul(g.reduceSum(g.mul(r, r), { axes: [1], keepdims: true }), g.constant(identity));
  const others = g.mul(r, g.transpose(r, [0, 2, 1]));
  return g.add(g.sub(diagonal, others), 1);
}

/** Solves M z = 1 for positive definite M [batch, n, n] by Gauss and Jordan's elimination: [batch, n]. */
function solveBatched(g: GraphBuilder, matrix: Value, n: number): Value {
  const ones = g.add(g.mul(g.slice(matrix, { axis: 2, start: 0, end: 1 }), 0), 1);
  let rows = g.concat([matrix, ones], 2);
  for (let t = 0; t < n; t++) {
    const row = g.slice(rows, { axis: 1, start: t, end: t + 1 });
    const column = g.slice(rows, { axis: 2, start: t, end: t + 1 });
    const pivot = g.slice(row, { axis: 2, start: t, end: t + 1 });
    const unit = fromNumbers(
      'float64',
      Array.from({ length: n }, (_, k) => (k === t ? 1 : 0)),
      [1, n, 1],
    );
    rows = g.sub(rows, g.mul(g.sub(column, g.constant(unit)), g.div(row, pivot)));
  }
  return g.reshape(g.slice(rows, { axis: 2, start: n, end: n + 1 }), ['batch', n]);
}
