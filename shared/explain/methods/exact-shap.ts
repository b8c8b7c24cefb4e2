/**
 * Shapley values by their definition, over all coalitions: phi_i = sum over S without i of |S|! (n - |S| - 1)! / n! (v(S + i) - v(S)).
 * Source: L. Shapley, "A Value for n-Person Games" (1953).
 */
import { completenessOf } from '../completeness.ts';
import type { Explanation, Method } from '../contract.ts';
import { attributionsOf, playersOf } from '../players.ts';
import { rowAt } from '../rows.ts';
import { allCoalitions, worths } from './game.ts';

export const MAX_EXACT_PLAYERS = 12;

export const exactShap: Method = {
  name: 'exact_shap',
  isAdditive: true,
  needs: 'background',
  refusal({ schema }) {
    const count = playersOf(schema.features).length;
    if (count <= MAX_EXACT_PLAYERS) return undefined;
    return `it goes over all coalitions of at most ${MAX_EXACT_PLAYERS} features, the model has ${count}: use kernel_shap or permutation`;
  },
  passes: ({ schema }, { backgroundRows }) => 2 ** playersOf(schema.features).length * backgroundRows,
  async explain(subject, { feeds, rows, selectors, background, deadlineMs }) {
    const players = playersOf(subject.schema.features);
    const coalitions = allCoalitions(players.length);
    const explanations: Explanation[] = [];
    for (let i = 0; i < rows; i++) {
      const row = rowAt(feeds, i);
      const v = await worths(
        { subject, players, row, background: background!, selector: selectors[i]!, deadlineMs },
        coalitions,
      );
      const attributions = attributionsOf(row, players, shapleyValues(v, players.length));
      const [baseValue, output] = [v[0]!, v.at(-1)!];
      explanations.push({
        attributions,
        output,
        baseValue,
        completeness: completenessOf(attributions, { output, baseValue }),
      });
    }
    return explanations;
  },
};

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
