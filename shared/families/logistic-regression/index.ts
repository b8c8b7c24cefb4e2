/**
 * Logistic regression: minimise 0.5 |W|^2 + C sum_i w_i loss_i (l2) or |W|_1 + C sum_i w_i loss_i (l1), where loss_i = log sum_k exp(z_ik) - z_iy,
 * z = X W + b and b is free (with two classes W is one vector and z = [0, x W + b], as in scikit-learn). The solver works on coefficients
 * of the centred and scaled columns, where the problem is well conditioned, and so reaches the optimum of raw data too.
 */
import { emitMatrix } from '../../data/encoding-graph.ts';
import { tensor } from '../../tensor/tensor.ts';
import type { HostTensor } from '../../tensor/tensor.ts';
import { checkWeights, labelsOf } from '../class-weight.ts';
import { defineFamily } from '../contract.ts';
import type { FitState, ModelShape, Problem } from '../contract.ts';
import { fit } from './fit.ts';
import { classesOf, columnsFor, logits, unscale } from './objective.ts';
import { logisticParams } from './params.ts';
import type { LogisticParams } from './params.ts';

export const logisticRegression = defineFamily<LogisticParams>({
  name: 'logistic_regression',
  tasks: ['classification'],
  params: logisticParams,
  featureTypes: ['number', 'integer', 'boolean', 'category', 'datetime'],
  standardize: true,
  readsBlocks: true,
  check: (params, { labels }) => checkWeights(params, labels),
  emitFeatures: emitMatrix,
  start,
  fit,
  learned,
  infer: (g, x, { coef, intercept }, { outputs }) =>
    g.softmax(logits(g, g.gemm(x, coef!, { c: intercept! }), outputs), 1),
});

/** Rows that means and scales are taken from: they make the problem well conditioned, and need not be exact. */
const SAMPLE_ROWS = 1024;

/** The point of zeros; means and scales of the columns. */
function start({ train, params }: Problem<LogisticParams>): FitState {
  checkWeights(params, labelsOf(train.target));
  const { fit_intercept: fitIntercept } = params;
  const [rows = 0, width = 0] = train.x.shape;
  const { data } = train.x;
  const sample = Math.min(rows, SAMPLE_ROWS);
  const center = new Float64Array(width);
  const scale = new Float64Array(width);
  const addUp = (sums: Float64Array, term: (value: number, j: number) => number): void => {
    for (let i = 0; i < sample; i++) {
      const at = Math.floor((i * rows) / sample) * width;
      for (let j = 0; j < width; j++) sums[j]! += term(data[at + j]!, j) / sample;
    }
  };
  if (fitIntercept) addUp(center, (value) => value);
  addUp(scale, (value, j) => (value - center[j]!) ** 2);
  const size = (width + 1) * columnsFor(classesOf(train));
  return {
    position: { iteration: 0, row: 0, pairs: 0, value: null, first: null, fraction: 0, is_done: false },
    tensors: {
      center: tensor('float64', [width], center),
      scale: tensor(
        'float64',
        [width],
        scale.map((variance, j) => scaleOf(Math.sqrt(variance), center[j]!)),
      ),
      point: tensor('float64', [size], new Float64Array(size)),
      gradient: tensor('float64', [size], new Float64Array(size)),
    },
  };
}

/** One over the deviation, or one for a column that is constant but for rounding. */
function scaleOf(deviation: number, mean: number): number {
  return deviation > 1e-10 * Math.abs(mean) ? 1 / deviation : 1;
}

/** The coefficients of the columns as they come: W = scale v, b = b' - center W. */
function learned({ tensors }: FitState, { outputs }: ModelShape<LogisticParams>): Record<string, HostTensor> {
  const columns = columnsFor(outputs);
  const { coef, intercept } = unscale(tensors['point']!.data as Float64Array, tensors, columns);
  return {
    coef: tensor('float64', [coef.length / columns, columns], coef),
    intercept: tensor('float64', [1, columns], intercept),
  };
}
