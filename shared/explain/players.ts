/**
 * The players of a Shapley game: the features of a row; where a model has one tensor feature its elements, or patches of many; of a text its tokens.
 * A coalition's rows have the explained row's values where a player takes part, and a background row's elsewhere; a text has the tokens that take part.
 */
import type { ModelSchema } from '../runtime/model-schema.ts';
import { sizeOf } from '../tensor/shape.ts';
import { tensor } from '../tensor/tensor.ts';
import type { HostTensor } from '../tensor/tensor.ts';
import { planeOf } from './plane.ts';
import type { Plane } from './plane.ts';
import { mapFeeds } from './rows.ts';
import type { Attributions, Feeds } from './terms.ts';

export interface Player {
  readonly feature: string;
  /** Positions within one row of the feature; all of them where it is left out. */
  readonly elements?: Int32Array;
}

/** A tensor of at most this many elements has one player for each. */
const MAX_ELEMENTS = 32;
/** Patches along each side of an image, or along the steps and the features of a sequence. */
const PATCHES = 7;

/** How many they are. */
export function playerCount(schema: ModelSchema, row: Feeds): number {
  const [only, ...others] = schema.features;
  if (only?.type !== 'tensor' || others.length > 0) return playersOf(schema, row).length;
  const shape = row[only.name]!.shape.slice(1);
  const count = sizeOf(shape);
  if (count <= MAX_ELEMENTS) return count;
  const { height, width } = planeOf(schema, shape);
  return Math.min(PATCHES, height) * Math.min(PATCHES, width);
}

export function playersOf(schema: ModelSchema, row: Feeds): Player[] {
  const { features } = schema;
  const [only, ...others] = features;
  if (only === undefined || others.length > 0 || (only.type !== 'tensor' && only.type !== 'text'))
    return features.map(({ name }) => ({ feature: name }));
  const feature = only.name;
  const value = row[feature]!;
  const shape = value.shape.slice(1);
  const count = only.type === 'text' ? tokensIn(value).length : sizeOf(shape);
  const elements = Int32Array.from({ length: count }, (_, at) => at);
  if (only.type === 'text' || count <= MAX_ELEMENTS)
    return Array.from(elements, (at) => ({ feature, elements: Int32Array.of(at) }));
  const plane = planeOf(schema, shape);
  const patches = Map.groupBy(elements, (at) => patchOf(at, plane));
  return Array.from(patches.values(), (own) => ({ feature, elements: Int32Array.from(own) }));
}

/** The patch of an element: its place in the plane, in sevenths. */
function patchOf(at: number, plane: Plane): number {
  const [row, column] = plane.placeOf(at);
  const part = (place: number, size: number): number =>
    size <= PATCHES ? place : Math.floor((place * PATCHES) / size);
  return part(row, plane.height) * PATCHES + part(column, plane.width);
}

/** Which players take part: one byte each. */
export type Coalition = Uint8Array;

export interface Sides {
  /** The explained row. */
  readonly row: Feeds;
  /** Rows of the same shape; none of a text. */
  readonly background: Feeds | undefined;
}

/** One row for each coalition and background row, the background's fastest. */
export function coalitionRows(players: readonly Player[], coalitions: readonly Coalition[], sides: Sides): Feeds {
  const { row, background } = sides;
  if (background === undefined) return mapFeeds(row, (value) => textsOf(value, coalitions));
  return mapFeeds(row, (own, name) => {
    const playing = players.flatMap((player, p) => (player.feature === name ? [{ ...player, p }] : []));
    return mixed(own, background[name]!, { playing, coalitions });
  });
}

interface Mixing {
  readonly playing: readonly (Player & { readonly p: number })[];
  readonly coalitions: readonly Coalition[];
}

function mixed(own: HostTensor, other: HostTensor, { playing, coalitions }: Mixing): HostTensor {
  const width = sizeOf(own.shape.slice(1));
  const count = other.shape[0]!;
  const rows = coalitions.length * count;
  const source = own.data as ArrayLike<unknown>;
  const data: { [at: number]: unknown } =
    own.dtype === 'string'
      ? Array.from({ length: rows }, (_, i) => other.data[i % count])
      : repeated(other.data as Float64Array, coalitions.length);
  for (const [c, coalition] of coalitions.entries()) {
    for (const { p, elements } of playing) {
      if (coalition[p] !== 1) continue;
      for (let r = 0; r < count; r++) {
        const at = (c * count + r) * width;
        if (elements === undefined) for (let i = 0; i < width; i++) data[at + i] = source[i];
        else for (const i of elements) data[at + i] = source[i];
      }
    }
  }
  return tensor(own.dtype, [rows, ...own.shape.slice(1)], data as Float64Array);
}

function repeated(data: Float64Array, times: number): Float64Array {
  const result = new (data.constructor as Float64ArrayConstructor)(data.length * times);
  for (let k = 0; k < times; k++) result.set(data, k * data.length);
  return result;
}

/** The tokens of a text as it is fed (data/text.ts): words in one string, or code points up to the first 0. */
function tokensIn(value: HostTensor): readonly (string | bigint)[] {
  if (value.dtype === 'string') return value.data[0] === '' ? [] : value.data[0]!.split(' ');
  const points = Array.from(value.data as BigInt64Array);
  const end = points.indexOf(0n);
  return end < 0 ? points : points.slice(0, end);
}

/** The text without the tokens that take no part, one for each coalition. */
function textsOf(value: HostTensor, coalitions: readonly Coalition[]): HostTensor {
  const tokens = tokensIn(value);
  const kept = coalitions.map((coalition) => tokens.filter((_, p) => coalition[p] === 1));
  if (value.dtype === 'string')
    return tensor(
      'string',
      [kept.length, 1],
      kept.map((words) => words.join(' ')),
    );
  const time = Math.max(1, tokens.length);
  const points = new BigInt64Array(kept.length * time);
  for (const [i, own] of kept.entries()) points.set(own as bigint[], i * time);
  return tensor('int64', [kept.length, time], points);
}

/** The players' values as attributions: a patch's is shared out evenly among its elements. */
export function attributionsOf(row: Feeds, players: readonly Player[], values: Float64Array): Attributions {
  const result: Record<string, Float64Array> = {};
  for (const [feature, { shape }] of Object.entries(row)) {
    const playing = players.flatMap((player, p) =>
      player.feature === feature ? [{ ...player, value: values[p]! }] : [],
    );
    const [first] = playing;
    const isWhole = first !== undefined && first.elements === undefined;
    const size = isWhole ? sizeOf(shape.slice(1)) : playing.reduce((sum, { elements }) => sum + elements!.length, 0);
    const own = new Float64Array(size);
    for (const { elements, value } of playing) {
      if (elements === undefined) own.fill(value / size);
      else for (const at of elements) own[at] = value / elements.length;
    }
    result[feature] = own;
  }
  return result;
}
