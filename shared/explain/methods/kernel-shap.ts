/**
 * Kernel SHAP: the Shapley values as the solution of a weighted least squares problem over coalitions, whose sum is held to f(x) - base. With all
 * coalitions it is exact; with fewer the small and the large ones are taken whole, the others drawn in pairs of complements, and a jackknife over groups
 * of draws gives each value its standard error. Sources: S. Lundberg, S.-I. Lee (2017), theorem 2; I. Covert, S.-I. Lee, "Improving KernelSHAP" (2021).
 */
import { ServiceError } from '../../errors.ts';
import { solveCholesky } from '../../families/least-squares.ts';
import { Random } from '../../tensor/random.ts';
import type { Method } from '../contract.ts';
import type { Coalition } from '../players.ts';
import { gameOf } from './game.ts';

/** Coalitions besides two for each feature. */
const DEFAULT_EXTRA = 256;
const JACKKNIFE_GROUPS = 10;

interface Weighted {
  readonly coalition: Coalition;
  readonly weight: number;
  /** The jackknife group of a drawn coalition; undefined where its whole size is taken. */
  readonly group?: number;
}

export const kernelShap: Method = {
  name: 'kernel_shap',
  isAdditive: true,
  needs: 'background',
  refusal: () => undefined,
  passes: (_, { players: n, backgroundRows, samples = 2 * n + DEFAULT_EXTRA }) =>
    Math.min(2 ** n, samples + 2) * backgroundRows,
  async explain(subject, question) {
    const game = await gameOf(subject, question);
    const { players: n } = game;
    const [baseValue, output] = game.ends;
    const drawn = drawCoalitions(n, question.samples ?? 2 * n + DEFAULT_EXTRA, question.seed);
    const v = await game.worths(drawn.map(({ coalition }) => coalition));
    const problem = { drawn, gains: v.map((value) => value - baseValue), total: output - baseValue, n };
    return game.explanation(solve(problem), standardErrors(problem));
  },
};

/** Whole sizes s and n - s while they fit, from outside in; then pairs of complements, sizes by the kernel's weight. */
export function drawCoalitions(n: number, budget: number, seed: number): Weighted[] {
  const result: Weighted[] = [];
  let size = 1;
  for (; size <= n / 2; size++) {
    const both = size === n - size ? 1 : 2;
    const count = choose(n, size);
    if (result.length + both * count > budget) break;
    for (const coalition of coalitionsOf(n, size)) {
      const weight = kernelWeight(n, size) / count;
      result.push({ coalition, weight });
      if (both === 2) result.push({ coalition: complement(coalition), weight });
    }
  }
  if (size > n / 2) return result;
  const sizes = Array.from({ length: n - 2 * size + 1 }, (_, i) => size + i);
  const total = sizes.reduce((sum, s) => sum + kernelWeight(n, s), 0);
  const pairs = Math.max(JACKKNIFE_GROUPS, Math.floor((budget - result.length) / 2));
  const random = Random.fromSeed(seed);
  for (let pair = 0; pair < pairs; pair++) {
    let left = random.nextDouble() * total;
    const drawn = sizes.find((s) => (left -= kernelWeight(n, s)) < 0) ?? sizes.at(-1)!;
    const coalition = new Uint8Array(n);
    for (const player of random.permutation(n).subarray(0, drawn)) coalition[player] = 1;
    const shared = { weight: total / (2 * pairs), group: pair % JACKKNIFE_GROUPS };
    result.push({ coalition, ...shared }, { coalition: complement(coalition), ...shared });
  }
  return result;
}

/** The kernel's weight of all coalitions of a size together: (n - 1) / (s (n - s)). */
const kernelWeight = (n: number, s: number): number => (n - 1) / (s * (n - s));

const complement = (coalition: Coalition): Coalition => coalition.map((bit) => 1 - bit);

function choose(n: number, k: number): number {
  let result = 1;
  for (let i = 0; i < k; i++) result = (result * (n - i)) / (i + 1);
  return Math.round(result);
}

function* coalitionsOf(n: number, size: number, from = 0): Generator<Coalition> {
  if (size === 0) {
    yield new Uint8Array(n);
    return;
  }
  for (let p = from; p <= n - size; p++) {
    for (const rest of coalitionsOf(n, size - 1, p + 1)) {
      rest[p] = 1;
      yield rest;
    }
  }
}

interface Regression {
  readonly drawn: readonly Weighted[];
  /** v(S) - v(nothing). */
  readonly gains: Float64Array;
  /** What all values add up to. */
  readonly total: number;
  readonly n: number;
}

/**
 * minimise sum_S w_S (sum of phi over S - gain_S)^2 subject to sum phi = total: the last value is eliminated, the normal equations solved.
 * @throws internal where too few coalitions were drawn to tell the features apart
 */
function solve({ drawn, gains, total, n }: Regression, without?: number): Float64Array {
  if (n <= 1) return new Float64Array(n).fill(total);
  const m = n - 1;
  const gram = new Float64Array(m * m);
  const right = new Float64Array(m);
  for (const [i, { coalition, weight, group }] of drawn.entries()) {
    if (without !== undefined && group === without) continue;
    const scaled =
      weight * (without !== undefined && group !== undefined ? JACKKNIFE_GROUPS / (JACKKNIFE_GROUPS - 1) : 1);
    const last = coalition[m]!;
    const y = gains[i]! - last * total;
    for (let a = 0; a < m; a++) {
      const left = coalition[a]! - last;
      if (left === 0) continue;
      right[a]! += scaled * left * y;
      for (let b = 0; b < m; b++) gram[a * m + b]! += scaled * left * (coalition[b]! - last);
    }
  }
  const head = solveCholesky(gram, right);
  if (head === undefined)
    throw new ServiceError(
      'invalid_request',
      `samples: ${drawn.length} coalitions do not tell ${n} features apart: give more`,
      {
        param: '/samples',
      },
    );
  return Float64Array.of(...head, total - head.reduce((sum, value) => sum + value, 0));
}

/** sqrt((G - 1) / G sum_g (phi without group g - their mean)^2); zero where nothing was drawn. */
function standardErrors(problem: Regression): Float64Array {
  const errors = new Float64Array(problem.n);
  if (problem.drawn.every(({ group }) => group === undefined)) return errors;
  const left = Array.from({ length: JACKKNIFE_GROUPS }, (_, group) => solve(problem, group));
  return errors.map((_, p) => {
    const mean = left.reduce((sum, phi) => sum + phi[p]!, 0) / JACKKNIFE_GROUPS;
    const squares = left.reduce((sum, phi) => sum + (phi[p]! - mean) ** 2, 0);
    return Math.sqrt(((JACKKNIFE_GROUPS - 1) / JACKKNIFE_GROUPS) * squares);
  });
}
