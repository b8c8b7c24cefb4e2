/**
 * Shapley values as the mean gain of each player over random orders, each order and its reverse: always additive, and their spread is the standard error.
 * Sources: E. Strumbelj, I. Kononenko, "Explaining prediction models and individual predictions with feature contributions" (2014); R. Mitchell et al.,
 * "Sampling Permutations for Shapley Value Estimation" (2022) for the pairs.
 */
import { Random } from '../../tensor/random.ts';
import type { Method } from '../contract.ts';
import type { Coalition } from '../players.ts';
import { gameOf } from './game.ts';

/** Orders and their reverses: the passes are about twice their number times players times background rows. */
const DEFAULT_PAIRS = 5;

export const permutation: Method = {
  name: 'permutation',
  isAdditive: true,
  needs: 'background',
  refusal: () => undefined,
  passes: (_, { players, backgroundRows, samples = DEFAULT_PAIRS }) =>
    (2 * samples * Math.max(0, players - 1) + 2) * backgroundRows,
  async explain(subject, question) {
    const { seed, samples = DEFAULT_PAIRS } = question;
    const game = await gameOf(subject, question);
    const { players: n } = game;
    const [baseValue, output] = game.ends;
    const random = Random.fromSeed(seed);
    const orders = Array.from({ length: samples }, () => random.permutation(n)).flatMap((order) => [
      order,
      order.toReversed(),
    ]);
    const v = await game.worths(orders.flatMap((order) => prefixes(order)));
    const between = Math.max(0, n - 1);
    const gains = orders.map((order, k) =>
      gainsOf(order, [baseValue, ...v.subarray(k * between, (k + 1) * between), output]),
    );
    const pairs = Array.from({ length: samples }, (_, k) =>
      gains[2 * k]!.map((gain, p) => (gain + gains[2 * k + 1]![p]!) / 2),
    );
    const shares = new Float64Array(n).map((_, p) => meanAt(pairs, p));
    const errors = samples > 1 ? shares.map((mean, p) => errorAt(pairs, p, mean)) : undefined;
    return game.explanation(shares, errors);
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
