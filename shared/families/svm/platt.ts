/**
 * Platt's sigmoid P(first class | f) = 1 / (1 + exp(A f + B)), fitted to decision values by Newton's method with backtracking.
 * Source: H.-T. Lin, C.-J. Lin, R. C. Weng, "A note on Platt's probabilistic outputs for support vector machines" (2007), algorithm 1.
 */

export interface Sigmoid {
  readonly a: number;
  readonly b: number;
}

const MAX_ITERATIONS = 100;
const SMALLEST_STEP = 1e-10;
const RIDGE = 1e-12;
const TOLERANCE = 1e-5;

/** `isFirst[i]` is 1 where row i is of the first class. */
export function fitSigmoid(decisions: Float64Array, isFirst: Uint8Array): Sigmoid {
  const first = isFirst.reduce((sum, flag) => sum + flag, 0);
  const second = isFirst.length - first;
  const targets = Float64Array.from(isFirst, (flag) => (flag === 1 ? (first + 1) / (first + 2) : 1 / (second + 2)));
  let at: Sigmoid = { a: 0, b: Math.log((second + 1) / (first + 1)) };
  let value = lossOf(decisions, targets, at);
  for (let iteration = 0; iteration < MAX_ITERATIONS; iteration++) {
    const { gradient, hessian } = derivatives(decisions, targets, at);
    if (Math.abs(gradient.a) < TOLERANCE && Math.abs(gradient.b) < TOLERANCE) break;
    const determinant = hessian.aa * hessian.bb - hessian.ab * hessian.ab;
    const a = -(hessian.bb * gradient.a - hessian.ab * gradient.b) / determinant;
    const b = -(hessian.aa * gradient.b - hessian.ab * gradient.a) / determinant;
    const slope = gradient.a * a + gradient.b * b;
    const next = backtrack(at, { a, b }, (point, step) => {
      const loss = lossOf(decisions, targets, point);
      return loss < value + 1e-4 * step * slope ? loss : undefined;
    });
    if (next === undefined) break;
    at = next.point;
    value = next.value;
  }
  return at;
}

function backtrack(
  from: Sigmoid,
  direction: Sigmoid,
  accept: (point: Sigmoid, step: number) => number | undefined,
): { point: Sigmoid; value: number } | undefined {
  for (let step = 1; step >= SMALLEST_STEP; step /= 2) {
    const point = { a: from.a + step * direction.a, b: from.b + step * direction.b };
    const value = accept(point, step);
    if (value !== undefined) return { point, value };
  }
  return undefined;
}

/** Cross-entropy, written so that no exponential overflows. */
function lossOf(decisions: Float64Array, targets: Float64Array, { a, b }: Sigmoid): number {
  let loss = 0;
  for (let i = 0; i < decisions.length; i++) {
    const z = a * decisions[i]! + b;
    loss += z >= 0 ? targets[i]! * z + Math.log1p(Math.exp(-z)) : (targets[i]! - 1) * z + Math.log1p(Math.exp(z));
  }
  return loss;
}

function derivatives(
  decisions: Float64Array,
  targets: Float64Array,
  { a, b }: Sigmoid,
): { gradient: Sigmoid; hessian: { aa: number; ab: number; bb: number } } {
  const gradient = { a: 0, b: 0 };
  const hessian = { aa: RIDGE, ab: 0, bb: RIDGE };
  for (let i = 0; i < decisions.length; i++) {
    const f = decisions[i]!;
    const z = a * f + b;
    const p = z >= 0 ? Math.exp(-z) / (1 + Math.exp(-z)) : 1 / (1 + Math.exp(z));
    const weight = p * (1 - p);
    hessian.aa += f * f * weight;
    hessian.bb += weight;
    hessian.ab += f * weight;
    gradient.a += f * (targets[i]! - p);
    gradient.b += targets[i]! - p;
  }
  return { gradient, hessian };
}
