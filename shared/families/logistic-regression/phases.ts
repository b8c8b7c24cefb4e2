/**
 * What a fit on large data goes through before it ends on all rows in float64: cheaper looks at the same objective. Small data need none; rows that
 * memory does not hold take so long to read that they are not multiplied in float32 first.
 */
import type { FeatureDType } from '../../data/feature-matrix.ts';
import type { Target } from '../../data/target.ts';
import { takeRows } from '../../tensor/tensor.ts';
import { rowCount } from '../contract.ts';
import type { Problem, SampleBlocks, Samples } from '../contract.ts';
import { classesOf, columnsFor } from './objective.ts';
import type { Precision } from './objective.ts';
import type { LogisticParams } from './params.ts';

export type Phase = 'sample' | Precision;

/** Values from which the way to the optimum does not begin with all rows in float64: below, they cost nothing. */
const LARGE_VALUES = 1 << 20;
/** One row in so many is in the sample. */
const SAMPLE_STRIDE = 8;
/** A sample of fewer rows for each coefficient has an optimum of its own. */
const ROWS_PER_COEFFICIENT = 20;
/** The sample's gradient, by that of the start, at which the sample's optimum is nearer than that of all rows. */
const SAMPLE_SHARE = 5e-3;
/** Gradients that float32 still tells apart from its rounding: by slopes, or by values alone, as OWL-QN does. */
const SINGLE_TOL = { l2: 1e-6, none: 1e-6, l1: 1e-5 } as const;

export function phasesOf(train: Samples): readonly Phase[] {
  const { blocks, x } = train;
  const [rows = 0, width = 0] = x.shape;
  const sampled = blocks === undefined ? rows / SAMPLE_STRIDE : rowsIn(blocks, spreadBlocks(blocks));
  const isEnough = sampled >= ROWS_PER_COEFFICIENT * (width + 1) * columnsFor(classesOf(train));
  if (blocks !== undefined) return isEnough ? ['sample', 'float64'] : ['float64'];
  if (x.data.length < LARGE_VALUES) return ['float64'];
  return isEnough ? ['sample', 'float32', 'float64'] : ['float32', 'float64'];
}

/** As many blocks as memory holds, from all over the data. */
function spreadBlocks({ starts, perWindow }: SampleBlocks): number[] {
  const count = starts.length - 1;
  const taken = Math.min(perWindow, count);
  return Array.from({ length: taken }, (_, k) => Math.floor((k * count) / taken));
}

const rowsIn = ({ starts }: SampleBlocks, blocks: readonly number[]): number =>
  blocks.reduce((sum, block) => sum + starts[block + 1]! - starts[block]!, 0);

export const precisionOf = (phase: Phase): Precision => (phase === 'float64' ? 'float64' : 'float32');

/** The largest part of the gradient at which a phase ends; `first` is that of the start. */
export function goalOf(phase: Phase, { tol, penalty }: LogisticParams, first: number): number {
  if (phase === 'sample') return Math.max(tol, SAMPLE_SHARE * first);
  return phase === 'float32' ? Math.max(tol, SINGLE_TOL[penalty]) : tol;
}

/** The problem, or that of rows spread over it with the penalty that all rows have. */
export async function problemIn(phase: Phase, problem: Problem<LogisticParams>): Promise<Problem<LogisticParams>> {
  if (phase !== 'sample') return problem;
  const { params, train } = problem;
  const sample = await (train.blocks?.read(spreadBlocks(train.blocks)) ?? everyStride(train));
  return { ...problem, params: { ...params, C: (params.C * rowCount(train)) / rowCount(sample) }, train: sample };
}

function everyStride({ x, target }: Samples): Samples {
  const rows = Int32Array.from({ length: Math.floor(x.shape[0]! / SAMPLE_STRIDE) }, (_, k) => k * SAMPLE_STRIDE);
  const values = rows.map((row) => target.values[row]!);
  return { x: takeRows<FeatureDType>(x, rows), target: { ...target, values } as Target };
}
