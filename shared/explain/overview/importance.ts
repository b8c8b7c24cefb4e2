/**
 * Permutation importance: how much worse the model gets when one feature's values are dealt out among the rows anew, with a 95 % interval over repeats.
 * Source: L. Breiman, "Random Forests" (2001); A. Fisher, C. Rudin, F. Dominici (2019).
 */
import { Random } from '../../tensor/random.ts';
import type { Feeds } from '../terms.ts';
import { pickRows } from '../rows.ts';

export interface Importance {
  readonly feature: string;
  /** Mean loss of the measure; below 0 where the shuffled feature did better by chance. */
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

const REPEATS = 5;
/** Student's t for 95 % with four degrees of freedom. */
const T_95 = 2.7764451;

interface ImportanceOptions {
  readonly feeds: Feeds;
  readonly rows: number;
  readonly seed: number;
  /** The measure of some rows, higher is better. */
  readonly score: (feeds: Feeds) => Promise<number>;
  readonly isOver: () => boolean;
}

/** As many features as the time allows, the most important first, and those it did not come to. */
export async function permutationImportance(
  options: ImportanceOptions,
): Promise<{ importance: Importance[]; left: string[] }> {
  const { feeds, rows, seed, score, isOver } = options;
  const whole = await score(feeds);
  const importance: Importance[] = [];
  const names = Object.keys(feeds);
  for (const [index, feature] of names.entries()) {
    if (isOver()) return { importance: sorted(importance), left: names.slice(index) };
    const random = Random.fromSeed(seed + index);
    const losses: number[] = [];
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      const shuffled = pickRows({ [feature]: feeds[feature]! }, random.permutation(rows));
      losses.push(whole - (await score({ ...feeds, ...shuffled })));
    }
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / REPEATS;
    const variance = losses.reduce((sum, loss) => sum + (loss - mean) ** 2, 0) / (REPEATS - 1);
    const half = T_95 * Math.sqrt(variance / REPEATS);
    importance.push({ feature, mean, low: mean - half, high: mean + half });
  }
  return { importance: sorted(importance), left: [] };
}

const sorted = (importance: readonly Importance[]): Importance[] => importance.toSorted((a, b) => b.mean - a.mean);
