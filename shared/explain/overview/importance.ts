/**
 * Permutation importance: how much worse the model gets when the values of one feature, or of one patch of an image, are dealt out among the rows anew, with a
 * 95 % interval over repeats.
 * Source: L. Breiman, "Random Forests" (2001); A. Fisher, C. Rudin, F. Dominici (2019).
 */
import type { ModelSchema } from '../../runtime/model-schema.ts';
import { Random } from '../../tensor/random.ts';
import { sizeOf } from '../../tensor/shape.ts';
import { tensor } from '../../tensor/tensor.ts';
import { planeOf } from '../plane.ts';
import { playersOf } from '../players.ts';
import type { Player } from '../players.ts';
import { pickRows, rowAt } from '../rows.ts';
import type { Feeds } from '../terms.ts';

export interface Importance {
  /** Its name; of a patch with its rows and columns from 0, as in image[4:8, 0:4]. */
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
  readonly schema: ModelSchema;
  readonly feeds: Feeds;
  readonly rows: number;
  readonly seed: number;
  /** The measure of some rows, higher is better. */
  readonly score: (feeds: Feeds) => Promise<number>;
  readonly isOver: () => boolean;
}

/** As many features or patches as the time allows, the most important first, and those it did not come to. */
export async function permutationImportance(
  options: ImportanceOptions,
): Promise<{ importance: Importance[]; left: string[] }> {
  const { schema, feeds, rows, seed, score, isOver } = options;
  const whole = await score(feeds);
  const importance: Importance[] = [];
  const first = rowAt(feeds, 0);
  const parts = playersOf(schema, first).map((part) => ({ part, feature: nameOf(schema, first, part) }));
  for (const [index, { part, feature }] of parts.entries()) {
    if (isOver()) return { importance: sorted(importance), left: parts.slice(index).map((other) => other.feature) };
    const random = Random.fromSeed(seed + index);
    const losses: number[] = [];
    for (let repeat = 0; repeat < REPEATS; repeat++)
      losses.push(whole - (await score(dealtOut(feeds, part, random.permutation(rows)))));
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / REPEATS;
    const variance = losses.reduce((sum, loss) => sum + (loss - mean) ** 2, 0) / (REPEATS - 1);
    const half = T_95 * Math.sqrt(variance / REPEATS);
    importance.push({ feature, mean, low: mean - half, high: mean + half });
  }
  return { importance: sorted(importance), left: [] };
}

/** Every row with the part of another one. */
function dealtOut(feeds: Feeds, { feature, elements }: Player, order: Int32Array): Feeds {
  const value = feeds[feature]!;
  if (elements === undefined) return { ...feeds, ...pickRows({ [feature]: value }, order) };
  const source = value.data as Float32Array;
  const data = source.slice();
  const width = sizeOf(value.shape.slice(1));
  for (const [row, other] of order.entries())
    for (const at of elements) data[row * width + at] = source[other * width + at]!;
  return { ...feeds, [feature]: tensor('float32', value.shape, data) };
}

function nameOf(schema: ModelSchema, row: Feeds, { feature, elements }: Player): string {
  if (elements === undefined) return feature;
  const plane = planeOf(schema, row[feature]!.shape.slice(1));
  const places = Array.from(elements, (at) => plane.placeOf(at));
  const range = (axis: 0 | 1): string => {
    const along = places.map((place) => place[axis]);
    return `${Math.min(...along)}:${Math.max(...along) + 1}`;
  };
  return `${feature}[${range(0)}, ${range(1)}]`;
}

const sorted = (importance: readonly Importance[]): Importance[] => importance.toSorted((a, b) => b.mean - a.mean);
