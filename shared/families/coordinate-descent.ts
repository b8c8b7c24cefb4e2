/**
 * Lasso and elastic net on the Gram matrix: minimise 0.5 |y - X w|^2 + l1 |w|_1 + 0.5 l2 |w|^2 by cyclic coordinate descent (Friedman,
 * Hastie and Tibshirani 2010, "Regularization paths for generalized linear models", 2.1-2.2), which needs only G = X'X, q = X'y and y'y.
 * The duality gap says how far the objective is from its least value (Kim et al. 2007, "An interior-point method for l1-regularized
 * least squares", section III), the squared penalty being sqrt(l2) I below X.
 */

export interface ElasticNet {
  /** X'X, row-major [width, width]. */
  readonly gram: Float64Array;
  /** X'y. */
  readonly correlation: Float64Array;
  /** y'y. */
  readonly square: number;
  readonly l1: number;
  readonly l2: number;
}

/** Runs up to `sweeps` sweeps from `start`; ends early when the gap is at most `gap`, or no coefficient moves any more. */
export function descend(
  net: ElasticNet,
  start: Float64Array,
  until: { readonly sweeps: number; readonly gap: number },
): { coef: Float64Array; gap: number; sweeps: number; isDone: boolean } {
  const coef = start.slice();
  // X'(y - X w), from scratch at every start, so that rounding does not add up and a cut changes nothing.
  const slack = residualCorrelation(net, coef);
  let gap = dualityGap(net, coef, slack);
  let isDone = gap <= until.gap;
  let sweeps = 0;
  while (sweeps < until.sweeps && !isDone) {
    const hasMoved = sweep(net, coef, slack);
    sweeps++;
    gap = dualityGap(net, coef, slack);
    isDone = gap <= until.gap || !hasMoved;
  }
  return { coef, gap, sweeps, isDone };
}

/** Every coefficient once to its own optimum, S(slack_j + G_jj w_j, l1) / (G_jj + l2); whether one moved by more than rounding. */
function sweep({ gram, l1, l2 }: ElasticNet, coef: Float64Array, slack: Float64Array): boolean {
  const width = coef.length;
  let hasMoved = false;
  for (let j = 0; j < width; j++) {
    const own = gram[j * width + j]!;
    if (own === 0) continue;
    const before = coef[j]!;
    const after = softThreshold(slack[j]! + own * before, l1) / (own + l2);
    const step = after - before;
    if (step === 0) continue;
    hasMoved ||= Math.abs(step) > 4 * Number.EPSILON * Math.abs(after);
    coef[j] = after;
    for (let i = 0, at = j * width; i < width; i++, at++) slack[i]! -= gram[at]! * step;
  }
  return hasMoved;
}

/** S(z, t) = sign(z) max(|z| - t, 0). */
function softThreshold(z: number, threshold: number): number {
  if (z > threshold) return z - threshold;
  return z < -threshold ? z + threshold : 0;
}

function residualCorrelation({ gram, correlation }: ElasticNet, coef: Float64Array): Float64Array {
  const width = coef.length;
  return correlation.map((value, i) => {
    let sum = value;
    for (let j = 0; j < width; j++) sum -= gram[i * width + j]! * coef[j]!;
    return sum;
  });
}

/**
 * Primal minus dual at the residual r, shrunk by c until it is feasible: with r~ = [y - X w; -sqrt(l2) w] and
 * c = min(1, l1 / max |X~' r~|), gap = 0.5 (1 + c^2) |r~|^2 + l1 |w|_1 - c y'(y - X w).
 */
function dualityGap({ correlation, square, l1, l2 }: ElasticNet, coef: Float64Array, slack: Float64Array): number {
  let [explained, fitted, absolute, squares, largest] = [0, 0, 0, 0, 0];
  coef.forEach((w, j) => {
    explained += w * correlation[j]!;
    fitted += w * slack[j]!;
    absolute += Math.abs(w);
    squares += w * w;
    largest = Math.max(largest, Math.abs(slack[j]! - l2 * w));
  });
  // y'r = y'y - w'X'y, and r'r = y'r - w'X'r.
  const alongTarget = square - explained;
  const residual = Math.max(0, alongTarget - fitted) + l2 * squares;
  const shrink = largest > l1 ? l1 / largest : 1;
  return 0.5 * (1 + shrink * shrink) * residual + l1 * absolute - shrink * alongTarget;
}
