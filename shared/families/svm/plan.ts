/**
 * A training as a list of support vector problems: one for a regression, one per pair of classes for a classification, and where
 * probabilities are wanted five before each, which learn without a fifth of the pair's rows and decide on that fifth.
 * Rows are ordered by class; `members` are positions in that order.
 */
import { Random } from '../../tensor/random.ts';
import type { Problem } from '../contract.ts';
import { classPairs } from './infer.ts';
import { factorsOf, kernelOf } from './kernel.ts';
import type { Kernel, KernelFactors } from './kernel.ts';
import type { SvmParams } from './params.ts';
import type { SmoProblem } from './smo.ts';

export const FOLDS = 5;

export interface SvmPlan {
  readonly kernel: Kernel;
  readonly factors: KernelFactors;
  /** Training rows by class. */
  readonly order: Int32Array;
  /** Where each class begins in `order`, and the end. A regression is one class. */
  readonly starts: readonly number[];
  readonly pairs: readonly (readonly [number, number])[];
  /** Coefficients of one support vector. */
  readonly columns: number;
  /** Folds of a pair's rows before the pair itself; 0 without probabilities. */
  readonly folds: number;
  readonly tasks: number;
}

export interface SvmTask {
  readonly pair: number;
  /** Which fifth of the rows is held out; undefined learns from all. */
  readonly fold: number | undefined;
}

export function planOf(problem: Problem<SvmParams>): SvmPlan {
  const { train, params } = problem;
  const { target } = train;
  const rows = train.x.shape[0]!;
  const classes = target.kind === 'classes' ? target.labels.length : 1;
  const classOf = (row: number): number => (target.kind === 'classes' ? target.values[row]! : 0);
  const starts = new Array<number>(classes + 1).fill(0);
  for (let row = 0; row < rows; row++) for (let c = classOf(row) + 1; c <= classes; c++) starts[c]!++;
  const order = new Int32Array(rows);
  const next = starts.slice();
  for (let row = 0; row < rows; row++) order[next[classOf(row)]!++] = row;
  const pairs = classes === 1 ? [[0, 0] as const] : classPairs(classes);
  const folds = params.probability ? FOLDS : 0;
  const kernel = kernelOf(params, train.x);
  return {
    kernel,
    factors: factorsOf(train.x, order, kernel),
    order,
    starts,
    pairs,
    columns: Math.max(1, classes - 1),
    folds,
    tasks: pairs.length * (folds + 1),
  };
}

export function taskAt({ folds }: SvmPlan, index: number): SvmTask {
  const fold = index % (folds + 1);
  return { pair: Math.floor(index / (folds + 1)), fold: fold === folds ? undefined : fold };
}

/** Positions of a pair's rows, the first class's first. */
export function membersOf({ starts, pairs }: SvmPlan, pair: number): Int32Array {
  const [a, b] = pairs[pair]!;
  const first = starts[a + 1]! - starts[a]!;
  const members = new Int32Array(a === b ? first : first + starts[b + 1]! - starts[b]!);
  for (let t = 0; t < members.length; t++) members[t] = t < first ? starts[a]! + t : starts[b]! + t - first;
  return members;
}

/** Which of a pair's rows are in a fold: drawn by seed, anew for every pair. */
export function heldOut(rows: number, { pair, fold }: SvmTask, seed: number): Uint8Array {
  const held = new Uint8Array(rows);
  if (fold === undefined) return held;
  const order = Random.fromSeed(seed + (pair + 1) * 2 ** 33).permutation(rows);
  for (const t of order.subarray(Math.floor((fold * rows) / FOLDS), Math.floor(((fold + 1) * rows) / FOLDS)))
    held[t] = 1;
  return held;
}

export function problemOf(plan: SvmPlan, { train, params, seed }: Problem<SvmParams>, task: SvmTask): SmoProblem {
  const members = membersOf(plan, task.pair);
  if (train.target.kind !== 'classes') {
    const linear = Float64Array.from(members, (member) => train.target.values[plan.order[member]!]!);
    const upper = new Float64Array(members.length).fill(params.C);
    return { linear, lower: upper.map((cost) => -cost), upper, epsilon: params.epsilon };
  }
  const [a, b] = plan.pairs[task.pair]!;
  const size = plan.starts[a + 1]! - plan.starts[a]!;
  const costs = [a, b].map((c) => params.C * weightOf(plan, { train, params }, c));
  const n = members.length;
  const problem = { linear: new Float64Array(n), lower: new Float64Array(n), upper: new Float64Array(n), epsilon: 0 };
  problem.linear.fill(1, 0, size).fill(-1, size);
  problem.upper.fill(costs[0]!, 0, size);
  problem.lower.fill(-costs[1]!, size);
  // A row that is held out keeps a coefficient of zero; what is decided on it comes out of f.
  heldOut(n, task, seed).forEach((flag, t) => {
    if (flag === 1) problem.lower[t] = problem.upper[t] = 0;
  });
  return problem;
}

function weightOf(
  { starts, order }: SvmPlan,
  { train, params }: Pick<Problem<SvmParams>, 'train' | 'params'>,
  c: number,
): number {
  const { target } = train;
  if (params.class_weight === null || target.kind !== 'classes') return 1;
  if (params.class_weight !== 'balanced') return params.class_weight[String(target.labels[c])] ?? 1;
  const size = starts[c + 1]! - starts[c]!;
  return size === 0 ? 1 : order.length / (target.labels.length * size);
}
