/**
 * The rows that a counterfactual may be: what each feature that may change can become, and how far away that is. Numbers stay within the range of the sample; the
 * size of a change is the sum over features of its share of that range, and one for another category. Source: the distance is J. Gower's (1971).
 */
import type { FeatureSchema, ModelSchema } from '../../runtime/model-schema.ts';
import { tensor } from '../../tensor/tensor.ts';
import type { Background } from '../background.ts';
import type { Feeds } from '../terms.ts';
import { dateFormOf } from './date-form.ts';

export type CellValue = number | string;

/** A feature that may change. */
export interface Axis {
  readonly name: string;
  readonly kind: 'number' | 'choice';
  /** What whole numbers and dates are multiples of. */
  readonly unit?: number;
  /** NaN where it is missing. */
  readonly from: CellValue;
  /** Of numbers: what the sample holds, at least and at most, in whole units. */
  readonly low: number;
  readonly high: number;
  /** What the sample holds, or every category; without where it is now. */
  readonly values: readonly CellValue[];
  readonly type: FeatureSchema['type'];
}

export interface Change {
  readonly axis: Axis;
  readonly value: CellValue;
}

export interface SpaceOptions {
  /** One row. */
  readonly row: Feeds;
  readonly background: Background;
  readonly immovable: ReadonlySet<string>;
  /** The row's values by feature, as they were sent. */
  readonly sent: Readonly<Record<string, unknown>>;
}

export class Space {
  readonly row: Feeds;
  readonly axes: readonly Axis[];

  constructor({ features }: ModelSchema, { row, background, immovable, sent }: SpaceOptions) {
    this.row = row;
    this.axes = features
      .filter(({ name }) => !immovable.has(name))
      .map((feature) => axisOf(feature, { row, background, sent }));
  }

  /** The row with other values. */
  apply(changes: readonly Change[], row: Feeds = this.row): Feeds {
    const cells = changes.map(({ axis, value }) => [
      axis.name,
      typeof value === 'string' ? tensor('string', [1, 1], [value]) : tensor('float64', [1, 1], Float64Array.of(value)),
    ]);
    return { ...row, ...(Object.fromEntries(cells) as Feeds) };
  }

  /** The parts of a row's distance, by feature; those that did not move are left out. */
  stepsTo(row: Feeds): Record<string, number> {
    const steps = this.axes.map((axis) => [axis.name, stepOf({ axis, value: valueAt(row, axis.name) })] as const);
    return Object.fromEntries(steps.filter(([, step]) => step > 0));
  }

  distanceTo(row: Feeds): number {
    return Object.values(this.stepsTo(row)).reduce((sum, step) => sum + step, 0);
  }
}

/** How far a change goes. */
export function stepOf({ axis: { from, low, high }, value }: Change): number {
  if (Object.is(from, value)) return 0;
  if (typeof from !== 'number' || typeof value !== 'number' || Number.isNaN(value - from)) return 1;
  return Math.abs(value - from) / (high - low || 1);
}

export const valueAt = (row: Feeds, name: string): CellValue => row[name]!.data[0] as CellValue;

/** A number as the feature can have it. */
export const inUnits = ({ unit }: Pick<Axis, 'unit'>, value: number, round: (number: number) => number): number =>
  unit === undefined ? value : round(value / unit) * unit;

/** The sample's value of a feature; the day of a moment, where days are told apart. */
export function sampledAt(axis: Pick<Axis, 'unit'>, row: Feeds, name: string): CellValue {
  const value = valueAt(row, name);
  return typeof value === 'string' ? value : inUnits(axis, value, Math.floor);
}

function axisOf(
  { name, type, categories = [] }: FeatureSchema,
  { row, background, sent }: Pick<SpaceOptions, 'row' | 'background' | 'sent'>,
): Axis {
  const from = valueAt(row, name);
  const others = (values: readonly CellValue[]): CellValue[] => [...new Set(values)].filter((value) => value !== from);
  if (type === 'category') return { name, type, kind: 'choice', from, low: 0, high: 1, values: others(categories) };
  if (type === 'boolean') return { name, type, kind: 'choice', from, low: 0, high: 1, values: others([0, 1]) };
  const units =
    type === 'integer' ? { unit: 1 } : type === 'datetime' ? { unit: dateFormOf(sent[name]).unitS } : ({} as const);
  const known = background.rows
    .map((other) => sampledAt(units, other, name) as number)
    .filter((value) => !Number.isNaN(value));
  const [low, high] = known.length === 0 ? [0, 0] : [Math.min(...known), Math.max(...known)];
  return { name, type, kind: 'number', ...units, from, low, high, values: others(known) };
}
