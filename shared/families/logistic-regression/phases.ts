/** What a fit on large data goes through before it ends on all rows in float64: cheaper looks at the same objective. Small data need none. */
import { ARRAYS } from '../../tensor/dtype.ts';
import { tensor } from '../../tensor/tensor.ts';
import type { Problem, Samples } from '../contract.ts';
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
  const [rows = 0, width = 0] = train.x.shape;
  if (train.x.data.length < LARGE_VALUES) return ['float64'];
  const coefficients = (width + 1) * columnsFor(classesOf(train));
  const isEnough = rows / SAMPLE_STRIDE >= ROWS_PER_COEFFICIENT * coefficients;
  return isEnough ? ['sample', 'float32', 'float64'] : ['float32', 'float64'];
}

export const precisionOf = (phase: Phase): Precision => (phase === 'float64' ? 'float64' : 'float32');

/** The largest part of the gradient at which a phase ends; `first` is that of the start. */
export function goalOf(phase: Phase, { tol, penalty }: LogisticParams, first: number): number {
  if (phase === 'sample') return Math.max(tol, SAMPLE_SHARE * first);
  return phase === 'float32' ? Math.max(tol, SINGLE_TOL[penalty]) : tol;
}

/** The problem, or that of rows spread over it with the penalty that all rows have. */
export function problemIn(phase: Phase, problem: Problem<LogisticParams>): Problem<LogisticParams> {
  if (phase !== 'sample') return problem;
  const { params, train } = problem;
  const [rows = 0, width = 0] = train.x.shape;
  const sampled = Math.floor(rows / SAMPLE_STRIDE);
  const x = new ARRAYS[train.x.dtype](sampled * width);
  const values = new Int32Array(sampled);
  for (let row = 0; row < sampled; row++) {
    const from = row * SAMPLE_STRIDE;
    x.set(train.x.data.subarray(from * width, (from + 1) * width), row * width);
    values[row] = train.target.values[from]!;
  }
  return {
    ...problem,
    params: { ...params, C: (params.C * rows) / sampled },
    train: {
      x: tensor(train.x.dtype, [sampled, width], x),
      target: { ...train.target, values } as Samples['target'],
    },
  };
}
