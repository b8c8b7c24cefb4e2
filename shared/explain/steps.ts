/** Sequences of any length: NaN fills up the shorter ones of a batch (data/tensor-builder.ts), and a row alone has none of it. */
import type { ModelSchema } from '../runtime/model-schema.ts';
import { sizeOf } from '../tensor/shape.ts';
import { rowsOf, tensor } from '../tensor/tensor.ts';
import type { HostTensor } from '../tensor/tensor.ts';
import { FOREIGN_FAMILY } from './foreign.ts';
import { joinRows, mapFeeds, rowAt } from './rows.ts';
import type { Feeds } from './terms.ts';

/** Names of the features whose rows are of any length. */
function openFeatures({ family, features }: ModelSchema): ReadonlySet<string> {
  // Rows of an uploaded model have shapes of their own, and nothing fills them up.
  if (family === FOREIGN_FAMILY) return new Set();
  return new Set(features.flatMap(({ name, shape }) => (shape?.[0] === -1 ? [name] : [])));
}

export const isOpen = (schema: ModelSchema): boolean => openFeatures(schema).size > 0;

/** One row without the filling at its end. */
export function trimmed(schema: ModelSchema, row: Feeds): Feeds {
  return mapOpen(schema, row, (value) => withSteps(value, stepsOf(value), (t) => t));
}

/** One row with NaN up to the next power of two steps, so that few lengths are met. */
export function filledUp(schema: ModelSchema, row: Feeds): Feeds {
  return mapOpen(schema, row, (value) => withSteps(value, 2 ** Math.ceil(Math.log2(value.shape[1]!)), (t) => t));
}

/** One row with the steps of another, each the step at the same part of its way. */
export function stretchedTo(schema: ModelSchema, row: Feeds, like: Feeds): Feeds {
  return mapOpen(schema, row, (value, name) => {
    const [own, wanted] = [stepsOf(value), like[name]!.shape[1]!];
    return withSteps(value, wanted, (t) => Math.floor(((t + 0.5) * own) / wanted));
  });
}

/** Every row with the steps of another one, as many as it has itself: each the step at the same part of the way. */
export function dealtSteps(schema: ModelSchema, feeds: Feeds, order: Int32Array): Feeds {
  const rows = Array.from(order, (other, row) => {
    const own = stretchedTo(schema, rowAt(feeds, other), trimmed(schema, rowAt(feeds, row)));
    return mapOpen(schema, own, (value, name) => withSteps(value, feeds[name]!.shape[1]!, (t) => t));
  });
  return joinRows(rows);
}

function mapOpen(schema: ModelSchema, row: Feeds, change: (value: HostTensor, name: string) => HostTensor): Feeds {
  const open = openFeatures(schema);
  return open.size === 0 ? row : mapFeeds(row, (value, name) => (open.has(name) ? change(value, name) : value));
}

/** Steps of a row that are no filling. */
function stepsOf({ shape, data }: HostTensor): number {
  const width = sizeOf(shape.slice(2));
  const last = (data as Float32Array).findLastIndex((value) => !Number.isNaN(value));
  return Math.max(1, Math.floor(last / width) + 1);
}

/** A row of other steps, each taken from one of its own; NaN where there is none. */
function withSteps(value: HostTensor, steps: number, sourceOf: (step: number) => number): HostTensor {
  const [, own = 1, ...rest] = value.shape;
  const width = sizeOf(rest);
  const from = rowsOf(value, 0, 1).data as Float32Array;
  const data = new Float32Array(steps * width).fill(Number.NaN);
  for (let t = 0; t < steps; t++) {
    const source = sourceOf(t);
    if (source < own) data.set(from.subarray(source * width, (source + 1) * width), t * width);
  }
  return tensor('float32', [1, steps, ...rest], data);
}
