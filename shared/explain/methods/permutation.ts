/**
 * Shapley values as the mean gain of each player over random orders, each order and its reverse: always additive, and their spread is the standard error.
 * Sources: E. Strumbelj, I. Kononenko, "Explaining prediction models and individual predictions with feature contributions" (2014); R. Mitchell et al.,
 * "Sampling Permutations for Shapley Value Estimation" (2022) for the pairs.
 */
import { Random } from '../../tensor/random.ts';
import { completenessOf } from '../completeness.ts';
import type { Explanation, Method } from '../contract.ts';
import { attributionsOf, playersOf } from '../players.ts';
import type { Coalition } from '../players.ts';
import { rowAt } from '../rows.ts';
import { worths } from './game.ts';

/** Orders and their reverses: the passes are about twice their number times players times background rows. */
const DEFAULT_PAIRS = 5;

export const permutation: Method = {
  name: 'permutation',
  isAdditive: true,
  needs: 'background',
  refusal: () => undefined,
  passes: ({ schema }, { backgroundRows, samples = DEFAULT_PAIRS }) =>
    (2 * samples * (playersOf(schema.features).length - 1) + 2) * backgroundRows,
  async explain(subject, { feeds, rows, selectors, background, seed, samples = DEFAULT_PAIRS, deadlineMs }) {
    const players = playersOf(subject.schema.features);
    const n = players.length;
    const random = Random.fromSeed(seed);
    const orders = Array.from({ length: samples }, () => random.permutation(n)).flatMap((order) => [
      order,
      order.toReversed(),
    ]);
    const chains = orders.flatMap((order) => prefixes(order));
    const ends = [new Uint8Array(n), new Uint8Array(n).fill(1)];
    const explanations: Explanation[] = [];
    for (let i = 0; i < rows; i++) {
      const row = rowAt(feeds, i);
      const game = { subject, players, row, background: background!, selector: selectors[i]!, deadlineMs };
      const v = await worths(game, [...ends, ...chains]);
      const [baseValue, output] = [v[0]!, v[1]!];
      const gains = orders.map((order, k) =>
        gainsOf(order, [baseValue, ...v.subarray(2 + k * (n - 1), 2 + (k + 1) * (n - 1)), output]),
      );
      const pairs = Array.from({ length: samples }, (_, k) =>
        gains[2 * k]!.map((gain, p) => (gain + gains[2 * k + 1]![p]!) / 2),
      );
      const phi = new Float64Array(n).map((_, p) => meanAt(pairs, p));
      const attributions = attributionsOf(row, players, phi);
      explanations.push({
        attributions,
        output,
        baseValue,
        ...(samples > 1
          ? {
              standardErrors: attributionsOf(
                row,
                players,
                phi.map((mean, p) => errorAt(pairs, p, mean)),
              ),
            }
          : {}),
        completeness: completenessOf(attributions, { output, baseValue }),
      });
    }
    return explanations;
  },
};

/** The coalitions between nobody and everybody as players join in order. */
function prefixes(order: Int32Array): Coalition[] {
  const coalition = new Uint8Array(order.length);
  return Array.from(order.subarray(0, -1), (player) => {
    coalition[player] = 1;
    return coalition.slice();
  });
}

/** What each player adds when it joins, by player. */
function gainsOf(order: Int32Array, chain: readonly number[]): Float64Array {
  const gains = new Float64Array(order.length);
  for (const [place, player] of order.entries()) gains[player] = chain[place + 1]! - chain[place]!;
  return gains;
}

const meanAt = (pairs: readonly Float64Array[], p: number): number =>
  pairs.reduce((sum, gains) => sum + gains[p]!, 0) / pairs.length;

const errorAt = (pairs: readonly Float64Array[], p: number, mean: number): number =>
  Math.sqrt(pairs.reduce((sum, gains) => sum + (gains[p]! - mean) ** 2, 0) / (pairs.length * (pairs.length - 1)));
