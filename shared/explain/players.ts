/**
 * The players of a Shapley game: the features of a row, or where a model has one tensor feature its elements, or patches of an image of many.
 * A coalition's row has the explained row's values where a player takes part, and a background row's elsewhere.
 */
import type { FeatureSchema } from '../runtime/model-schema.ts';
import { sizeOf } from '../tensor/shape.ts';
import { tensor } from '../tensor/tensor.ts';
import type { HostTensor } from '../tensor/tensor.ts';
import type { Attributions, Feeds } from './terms.ts';

export interface Player {
  readonly name: string;
  readonly feature: string;
  /** Positions within one row of the feature; all of them where it is left out. */
  readonly elements?: Int32Array;
}

/** A tensor of at most this many elements has one player for each. */
const MAX_ELEMENTS = 32;
/** Patches along each side of an image. */
const PATCHES = 7;

export function playersOf(features: readonly FeatureSchema[]): Player[] {
  const [only, ...others] = features;
  if (only?.type !== 'tensor' || others.length > 0) return features.map(({ name }) => ({ name, feature: name }));
  const shape = only.shape ?? [];
  const elements = Int32Array.from({ length: sizeOf(shape) }, (_, i) => i);
  if (elements.length <= MAX_ELEMENTS)
    return Array.from(elements, (at) => ({
      name: `${only.name}[${at}]`,
      feature: only.name,
      elements: Int32Array.of(at),
    }));
  const groups = new Map<string, number[]>();
  for (const at of elements) {
    const key = patchOf(at, shape);
    groups.set(key, [...(groups.get(key) ?? []), at]);
  }
  return [...groups].map(([key, own]) => ({
    name: `${only.name}[${key}]`,
    feature: only.name,
    elements: Int32Array.from(own),
  }));
}

/** The patch of an element: its place along the first two axes, in sevenths. */
function patchOf(at: number, [height = 1, width = 1, ...rest]: readonly number[]): string {
  const depth = sizeOf(rest);
  const [row, column] = [Math.floor(at / (width * depth)), Math.floor(at / depth) % width];
  const part = (place: number, size: number): number =>
    size <= PATCHES ? place : Math.floor((place * PATCHES) / size);
  return `${part(row, height)},${part(column, width)}`;
}

/** Which players take part: one byte each. */
export type Coalition = Uint8Array;

/** One row for each coalition and background row, the background's fastest. */
export function coalitionRows(
  players: readonly Player[],
  coalitions: readonly Coalition[],
  { row, background }: { readonly row: Feeds; readonly background: Feeds },
): Feeds {
  return Object.fromEntries(
    Object.entries(row).map(([name, own]) => [
      name,
      mixed(name, { own, other: background[name]!, players, coalitions }),
    ]),
  );
}

interface Mixing {
  readonly own: HostTensor;
  readonly other: HostTensor;
  readonly players: readonly Player[];
  readonly coalitions: readonly Coalition[];
}

function mixed(name: string, { own, other, players, coalitions }: Mixing): HostTensor {
  const width = sizeOf(own.shape.slice(1));
  const count = other.shape[0]!;
  const rows = coalitions.length * count;
  const present = players.flatMap((player, p) => (player.feature === name ? [{ ...player, p }] : []));
  const shape = [rows, ...own.shape.slice(1)];
  const source = own.data as ArrayLike<unknown>;
  const data: { [at: number]: unknown } =
    own.dtype === 'string'
      ? Array.from({ length: rows }, (_, i) => other.data[i % count])
      : repeated(other.data as Float64Array, coalitions.length);
  for (const [c, coalition] of coalitions.entries()) {
    for (const { p, elements } of present) {
      if (coalition[p] !== 1) continue;
      for (let r = 0; r < count; r++) {
        const at = (c * count + r) * width;
        if (elements === undefined) for (let i = 0; i < width; i++) data[at + i] = source[i];
        else for (const i of elements) data[at + i] = source[i];
      }
    }
  }
  return tensor(own.dtype, shape, data as Float64Array);
}

function repeated(data: Float64Array, times: number): Float64Array {
  const result = new (data.constructor as Float64ArrayConstructor)(data.length * times);
  for (let k = 0; k < times; k++) result.set(data, k * data.length);
  return result;
}

/** The players' values as attributions: a patch's is shared out evenly among its elements. */
export function attributionsOf(row: Feeds, players: readonly Player[], values: Float64Array): Attributions {
  const result = Object.fromEntries(
    Object.entries(row).map(([name, { shape }]) => [name, new Float64Array(sizeOf(shape.slice(1)))]),
  );
  for (const [p, { feature, elements }] of players.entries()) {
    const own = result[feature]!;
    if (elements === undefined) own.fill(values[p]! / own.length);
    else for (const at of elements) own[at] = values[p]! / elements.length;
  }
  return result;
}
