/**
 * Shapley values by their definition, over all coalitions: phi_i = sum over S without i of |S|! (n - |S| - 1)! / n! (v(S + i) - v(S)).
 * Source: L. Shapley, "A Value for n-Person Games" (1953).
 */
import type { Method } from '../contract.ts';
import type { Coalition } from '../players.ts';
import { gameOf } from './game.ts';

export const MAX_EXACT_PLAYERS = 12;

export const exactShap: Method = {
  name: 'exact_shap',
  isAdditive: true,
  needs: 'background',
  refusal(_, players) {
    if (players <= MAX_EXACT_PLAYERS) return undefined;
    return `it goes over all coalitions of at most ${MAX_EXACT_PLAYERS} features, patches or tokens, here there are ${players}: use kernel_shap or permutation`;
  },
  passes: (_, { players, backgroundRows }) => 2 ** players * backgroundRows,
  async explain(subject, question) {
    const game = await gameOf(subject, question);
    const [baseValue, output] = game.ends;
    const between = await game.worths(allCoalitions(game.players).slice(1, -1));
    return game.explanation(shapleyValues(Float64Array.of(baseValue, ...between, output), game.players));
  },
};

/** Every coalition of n players; bit p of the index says whether p takes part. */
function allCoalitions(n: number): Coalition[] {
  return Array.from({ length: 2 ** n }, (_, mask) => Uint8Array.from({ length: n }, (__, p) => (mask >> p) & 1));
}

/** From v by the coalition's bits. */
export function shapleyValues(v: Float64Array, n: number): Float64Array {
  const weights = coalitionWeights(n);
  const phi = new Float64Array(n);
  for (let mask = 0; mask < v.length; mask++) {
    const size = bitCount(mask);
    for (let p = 0; p < n; p++) {
      if ((mask >> p) & 1) continue;
      phi[p]! += weights[size]! * (v[mask | (1 << p)]! - v[mask]!);
    }
  }
  return phi;
}

/** s! (n - s - 1)! / n! for each size s: 1 / (n C(n - 1, s)). */
function coalitionWeights(n: number): number[] {
  const weights: number[] = [];
  for (let s = 0, choices = 1; s < n; choices = (choices * (n - 1 - s)) / (s + 1), s++) weights.push(1 / (n * choices));
  return weights;
}

function bitCount(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++;
  return count;
}
