/**
 * OWL-QN: L-BFGS for a smooth convex function plus sum_i weight_i |x_i| (Andrew and Gao 2007, "Scalable training of L1-regularized
 * log-linear models"), one iteration at a time. Within an orthant the penalty is linear: a step is projected onto the orthant of its
 * start, which is what makes coordinates exactly zero. The quasi-Newton direction is taken among the coordinates that are free (not
 * held at zero by the penalty), so that it is plain L-BFGS once the zeros have been found.
 */
import { MEMORY, directionOf, dot } from './lbfgs.ts';
import type { Asking, Evaluation, LbfgsState } from './lbfgs.ts';

const SUFFICIENT_DECREASE = 1e-4;
const MAX_TRIALS = 50;

/** The subgradient of least norm of the penalised function: all zeros at the optimum alone. */
export function pseudoGradient({ point, evaluation }: LbfgsState, weights: Float64Array): Float64Array {
  return evaluation.gradient.map((slope, i) => {
    const weight = weights[i]!;
    if (point[i] !== 0) return slope + weight * Math.sign(point[i]!);
    return Math.sign(slope) * Math.max(0, Math.abs(slope) - weight);
  });
}

/** The next state, or undefined when no step lowers the function: the optimum as far as float64 goes. */
export function* owlqnStep(state: LbfgsState, weights: Float64Array): Asking<LbfgsState | undefined> {
  const slopes = pseudoGradient(state, weights);
  const value = penalised(state.point, state.evaluation, weights);
  for (const direction of directionsOf(state, slopes, weights)) {
    let step = state.pairs.length > 0 ? 1 : Math.min(1, 1 / Math.sqrt(dot(slopes, slopes)));
    for (let trial = 0; trial < MAX_TRIALS; trial++, step /= 2) {
      const point = projected(state.point, { move: direction.map((d) => step * d), slopes, weights });
      const moved = point.map((x, i) => x - state.point[i]!);
      const decrease = dot(slopes, moved);
      if (!(decrease < 0)) break;
      const evaluation = yield point;
      if (!(penalised(point, evaluation, weights) <= value + SUFFICIENT_DECREASE * decrease)) continue;
      const bend = evaluation.gradient.map((slope, i) => slope - state.evaluation.gradient[i]!);
      const pairs = dot(moved, bend) > 0 ? [...state.pairs, { s: moved, y: bend }].slice(-MEMORY) : state.pairs;
      return { point, evaluation, pairs };
    }
  }
  return undefined;
}

/** First the quasi-Newton direction among the free coordinates; steepest descent where that leads nowhere. */
function* directionsOf(
  { point, pairs }: LbfgsState,
  slopes: Float64Array,
  weights: Float64Array,
): Generator<Float64Array> {
  const isFree = (i: number): boolean => point[i] !== 0 || slopes[i] !== 0;
  const mask = (values: Float64Array): Float64Array => values.map((value, i) => (isFree(i) ? value : 0));
  const seen = pairs.map(({ s, y }) => ({ s: mask(s), y: mask(y) })).filter(({ s, y }) => dot(s, y) > 0);
  const newton = directionOf(slopes, seen);
  // A penalised coordinate at zero can leave it only downhill.
  yield newton.map((d, i) => (point[i] === 0 && weights[i]! > 0 && d * slopes[i]! >= 0 ? 0 : d));
  yield slopes.map((slope) => -slope);
}

/** The point after a move, penalised coordinates kept within their orthant. */
function projected(
  point: Float64Array,
  { move, slopes, weights }: Readonly<Record<'move' | 'slopes' | 'weights', Float64Array>>,
): Float64Array {
  return point.map((x, i) => {
    const next = x + move[i]!;
    const sign = x === 0 ? -Math.sign(slopes[i]!) : Math.sign(x);
    return weights[i] === 0 || next * sign > 0 ? next : 0;
  });
}

function penalised(point: Float64Array, { value }: Evaluation, weights: Float64Array): number {
  return point.reduce((sum, x, i) => sum + weights[i]! * Math.abs(x), value);
}
