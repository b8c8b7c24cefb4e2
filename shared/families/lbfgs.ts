/**
 * L-BFGS, one iteration at a time. An iteration asks for the function at one point after the other, and is told: a fit can be cut between any two, and
 * goes on by telling again what was told before. Direction by the two-loop recursion (Nocedal and Wright,
 * "Numerical Optimization", algorithm 7.4), step by bisection to the weak Wolfe conditions (Lewis and Overton, "Nonsmooth optimization via
 * quasi-Newton methods", algorithm 2.6), which a smooth convex function always meets. Where values differ by no more than rounding, the
 * decrease is read from the slopes (Hager and Zhang, "A new conjugate gradient method with guaranteed descent", 2005, section 4).
 */

export interface Evaluation {
  readonly value: number;
  readonly gradient: Float64Array;
}

export interface LbfgsState {
  readonly point: Float64Array;
  readonly evaluation: Evaluation;
  /** The last steps s and differences of gradients y, oldest first. */
  readonly pairs: readonly { readonly s: Float64Array; readonly y: Float64Array }[];
}

export const MEMORY = 10;
const SUFFICIENT_DECREASE = 1e-4;
/** Differences of values, by the value, that may be rounding of float32 products: then the slopes decide alone. */
const ROUNDING = 1e-8;
const CURVATURE = 0.9;
const MAX_TRIALS = 40;

/** Whether a value is below another by more than that. */
export const isGain = (from: Evaluation, to: Evaluation): boolean =>
  from.value - to.value > ROUNDING * Math.abs(from.value);

/** An iteration on its way: yields the points at which the function is asked for. */
export type Asking<T> = Generator<Float64Array, T, Evaluation>;

/** The next state, or undefined when no step lowers the function: the optimum as far as float64 goes. */
export function* lbfgsStep(state: LbfgsState): Asking<LbfgsState | undefined> {
  const { value, gradient } = state.evaluation;
  const direction = directionOf(gradient, state.pairs);
  const slope = dot(gradient, direction);
  if (!(slope < 0)) return undefined;
  // Without curvature known, the first trial moves by about one unit.
  let step = state.pairs.length > 0 ? 1 : Math.min(1, 1 / norm(gradient));
  let [low, high] = [0, Infinity];
  for (let trial = 0; trial < MAX_TRIALS; trial++) {
    const length = step;
    const point = state.point.map((x, i) => x + length * direction[i]!);
    const next = yield point;
    const slopeThere = dot(next.gradient, direction);
    const isLower = next.value <= value + SUFFICIENT_DECREASE * step * slope;
    const isLevel =
      next.value <= value + ROUNDING * Math.abs(value) && slopeThere <= (2 * SUFFICIENT_DECREASE - 1) * slope;
    if (!isLower && !isLevel) high = step;
    else if (slopeThere < CURVATURE * slope) low = step;
    else return { point, evaluation: next, pairs: remember(state, point, next) };
    step = high === Infinity ? 2 * low : (low + high) / 2;
  }
  return undefined;
}

function remember(state: LbfgsState, point: Float64Array, next: Evaluation): LbfgsState['pairs'] {
  const s = point.map((x, i) => x - state.point[i]!);
  const y = next.gradient.map((g, i) => g - state.evaluation.gradient[i]!);
  return dot(s, y) > 0 ? [...state.pairs, { s, y }].slice(-MEMORY) : state.pairs;
}

/** Minus the inverse Hessian, as the pairs know it, times the gradient. */
export function directionOf(gradient: Float64Array, pairs: LbfgsState['pairs']): Float64Array {
  const q = gradient.slice();
  const alphas: number[] = [];
  for (const { s, y } of pairs.toReversed()) {
    const alpha = dot(s, q) / dot(s, y);
    alphas.unshift(alpha);
    addScaled(q, y, -alpha);
  }
  const last = pairs.at(-1);
  const gamma = last === undefined ? 1 : dot(last.s, last.y) / dot(last.y, last.y);
  for (let i = 0; i < q.length; i++) q[i]! *= gamma;
  pairs.forEach(({ s, y }, k) => addScaled(q, s, alphas[k]! - dot(y, q) / dot(s, y)));
  return q.map((x) => -x);
}

function addScaled(target: Float64Array, x: Float64Array, factor: number): void {
  for (let i = 0; i < x.length; i++) target[i]! += factor * x[i]!;
}

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function norm(a: Float64Array): number {
  return Math.sqrt(dot(a, a));
}
