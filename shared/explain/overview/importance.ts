/**
 * Permutation importance: how much worse the model gets when the values of one feature, or of a part of it that all rows have (a patch of an image, a number
 * of every step), are dealt out among the rows anew, with a 95 % interval over repeats.
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
import { dealtSteps, isOpen } from '../steps.ts';
import type { Feeds } from '../terms.ts';

export interface Importance {
  /** Its name; of a patch with its rows and columns from 0, as in image[4:8, 0:4], of a number of every step as in walk[:, 2:3]. */
  readonly feature: string;
  /** Mean loss of the measure; below 0 where the shuffled feature did better by chance. */
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** Numbers of a step that have an importance each, at most. */
const MAX_CHANNELS = 32;
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

/** As many features or parts of them as the time allows, the most important first, and those it did not come to. */
export async function permutationImportance(
  options: ImportanceOptions,
): Promise<{ importance: Importance[]; left: string[] }> {
  const { schema, feeds, rows, seed, score, isOver } = options;
  const whole = await score(feeds);
  const importance: Importance[] = [];
  const first = rowAt(feeds, 0);
  const parts = partsOf(schema, first).map((part) => ({ part, feature: nameOf(schema, first, part) }));
  for (const [index, { part, feature }] of parts.entries()) {
    const random = Random.fromSeed(seed + index);
    const losses: number[] = [];
    while (losses.length < REPEATS && !isOver())
      losses.push(whole - (await score(dealtOut(schema, feeds, part, random.permutation(rows)))));
    if (losses.length < REPEATS)
      return { importance: sorted(importance), left: parts.slice(index).map((other) => other.feature) };
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / REPEATS;
    const variance = losses.reduce((sum, loss) => sum + (loss - mean) ** 2, 0) / (REPEATS - 1);
    const half = T_95 * Math.sqrt(variance / REPEATS);
    importance.push({ feature, mean, low: mean - half, high: mean + half });
  }
  return { importance: sorted(importance), left: [] };
}

/** Texts and sequences of any length as a whole, and each number of such a sequence's steps; else what Shapley values have. */
function partsOf(schema: ModelSchema, row: Feeds): Player[] {
  const [only] = schema.features;
  if (only?.type === 'text') return [{ feature: only.name }];
  if (!isOpen(schema)) return playersOf(schema, row);
  const feature = only!.name;
  const shape = row[feature]!.shape.slice(1);
  const plane = planeOf(schema, shape);
  if (shape.length < 2 || plane.width === 1 || plane.width > MAX_CHANNELS) return [{ feature }];
  const elements = Int32Array.from({ length: sizeOf(shape) }, (_, at) => at);
  const channels = Map.groupBy(elements, (at) => plane.placeOf(at)[1]);
  return [{ feature }, ...channels.values().map((own) => ({ feature, elements: Int32Array.from(own) }))];
}

/** Every row with the part of another one. Where steps have labels, or a part of theirs is dealt out, their number stays. */
function dealtOut(schema: ModelSchema, feeds: Feeds, { feature, elements }: Player, order: Int32Array): Feeds {
  const value = feeds[feature]!;
  const keepsSteps = isOpen(schema) && (schema.steps !== undefined || elements !== undefined);
  const dealt = keepsSteps ? dealtSteps(schema, feeds, order) : pickRows({ [feature]: value }, order);
  if (elements === undefined) return { ...feeds, ...dealt };
  const source = dealt[feature]!.data as Float32Array;
  const data = (value.data as Float32Array).slice();
  const width = sizeOf(value.shape.slice(1));
  for (let begin = 0; begin < data.length; begin += width)
    for (const at of elements) data[begin + at] = source[begin + at]!;
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
  return `${feature}[${isOpen(schema) ? ':' : range(0)}, ${range(1)}]`;
}

const sorted = (importance: readonly Importance[]): Importance[] => importance.toSorted((a, b) => b.mean - a.mean);
