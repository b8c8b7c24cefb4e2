/** Instances of a prediction request -> the feeds of the model's graph, with errors that name instance, feature, expected and got. */
import { parseDatetime, quoteCell } from '../data/cells.ts';
import { textFeed } from '../data/text.ts';
import { flattenInto, shapeOfNested } from '../data/nested-array.ts';
import { ServiceError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import { formatShape, sizeOf } from '../tensor/shape.ts';
import { tensor } from '../tensor/tensor.ts';
import type { HostTensor } from '../tensor/tensor.ts';
import type { FeatureSchema } from './model-schema.ts';

interface Place {
  readonly feature: FeatureSchema;
  readonly instance: number;
}

/** @throws invalid_request, unknown_field or shape_mismatch, pointing to e.g. /instances/3/image. */
export function feedsOf(features: readonly FeatureSchema[], instances: readonly unknown[]): Record<string, HostTensor> {
  const rows = instances.map((instance, i) => fieldsOf(features, instance, i));
  return Object.fromEntries(
    features.map((feature, column) => [
      feature.name,
      feedOf(
        feature,
        rows.map((row) => row[column]),
      ),
    ]),
  );
}

/** The one text of each instance. */
export function textsOf(features: readonly FeatureSchema[], instances: readonly unknown[]): string[] {
  const [feature] = features as [FeatureSchema];
  return instances.map((instance, i) => category(fieldsOf(features, instance, i)[0], { feature, instance: i }));
}

/** The values of one instance, in the order of the features. */
function fieldsOf(features: readonly FeatureSchema[], instance: unknown, index: number): unknown[] {
  if (!isObject(instance)) {
    const [only, ...others] = features;
    if (only !== undefined && others.length === 0) return [instance];
    const names = features.map(({ name }) => name).join(', ');
    throw invalid(
      `/instances/${index}`,
      `instance ${index}: expected an object with the features ${names}, got ${quoteCell(instance)}`,
    );
  }
  if (!features.every(({ name }) => Object.hasOwn(instance, name))) {
    const missing = features.filter(({ name }) => !Object.hasOwn(instance, name)).map(({ name }) => `"${name}"`);
    throw invalid(
      `/instances/${index}`,
      `instance ${index}: the features ${missing.join(', ')} are missing; send null for a value that is not known`,
    );
  }
  if (Object.keys(instance).length > features.length) {
    const unknown = Object.keys(instance).find((key) => features.every(({ name }) => name !== key))!;
    const names = features.map(({ name }) => name).join(', ');
    throw invalid(
      `/instances/${index}/${escape(unknown)}`,
      `instance ${index}: the model has no feature "${unknown}", its features are ${names}`,
      'unknown_field',
    );
  }
  return features.map(({ name }) => instance[name]);
}

function feedOf(feature: FeatureSchema, values: readonly unknown[]): HostTensor {
  const n = values.length;
  switch (feature.type) {
    case 'category':
      return tensor(
        'string',
        [n, 1],
        values.map((value, instance) => category(value, { feature, instance })),
      );
    case 'text': {
      const { tokens = 'word', length = 1 } = feature;
      const texts = values.map((value, instance) => category(value, { feature, instance }));
      return textFeed(texts, { tokens, length });
    }
    case 'tensor':
      return tensorFeed(feature, values);
    default:
      return numberFeed(feature, values);
  }
}

function numberFeed(feature: FeatureSchema, values: readonly unknown[]): HostTensor {
  const data = new Float64Array(values.length);
  // A plain loop over what are mostly numbers: this is in the way of every prediction.
  for (let instance = 0; instance < values.length; instance++) {
    const value = values[instance];
    data[instance] = Number.isFinite(value) ? (value as number) : number(value, { feature, instance });
  }
  return tensor('float64', [values.length, 1], data);
}

/** Tensors row by row; sequences of any length are filled up with NaN to the longest of the request. */
function tensorFeed(feature: FeatureSchema, values: readonly unknown[]): HostTensor {
  const wanted = feature.shape ?? [];
  const isOpen = wanted[0] === -1;
  const lengthOf = (value: unknown): number => (Array.isArray(value) ? Math.max(1, value.length) : 1);
  const shape = isOpen ? wanted.with(0, Math.max(...values.map(lengthOf))) : wanted;
  const width = sizeOf(shape);
  const data = new Float32Array(values.length * width).fill(isOpen ? Number.NaN : 0);
  values.forEach((value, instance) => {
    const own = isOpen ? shape.with(0, lengthOf(value)) : shape;
    const problem = flattenInto(value, own, data, instance * width);
    if (problem !== undefined) throw wrongTensor(value, problem, { feature, instance });
  });
  return tensor('float32', [values.length, ...shape], data);
}

const EXPECTED: Readonly<Record<string, string>> = {
  boolean: 'true or false',
  datetime: 'an ISO 8601 date or seconds since the epoch',
};

function number(value: unknown, place: Place): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (value === null && !place.feature.required) return Number.NaN;
  const { type } = place.feature;
  if (type === 'boolean' && typeof value === 'boolean') return Number(value);
  const seconds = type === 'datetime' && typeof value === 'string' ? parseDatetime(value.trim()) : undefined;
  if (seconds !== undefined) return seconds;
  throw wrongType(value, place, EXPECTED[type] ?? 'a number');
}

function category(value: unknown, place: Place): string {
  if (typeof value === 'string') return value;
  if (value === null && !place.feature.required) return '';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw wrongType(value, place, 'a text');
}

function wrongType(value: unknown, { feature, instance }: Place, expected: string): ServiceError {
  const got = value === null ? 'null (missing values were not allowed in training)' : quoteCell(value);
  return invalid(
    pointerOf(instance, feature),
    `instance ${instance}, feature "${feature.name}": expected ${expected}, got ${got}`,
  );
}

function wrongTensor(value: unknown, problem: string, { feature, instance }: Place): ServiceError {
  const expected = formatShape((feature.shape ?? []).map((size) => (size === -1 ? 'time' : size)));
  const got = formatShape(shapeOfNested(value));
  const difference = !Array.isArray(value)
    ? `, got ${quoteCell(value)}`
    : got === expected
      ? `: ${problem}`
      : `, got shape ${got}`;
  const message = `instance ${instance}, feature "${feature.name}": expected numbers of shape ${expected}${difference}`;
  return invalid(pointerOf(instance, feature), message, 'shape_mismatch');
}

function pointerOf(instance: number, feature: FeatureSchema): string {
  return `/instances/${instance}/${escape(feature.name)}`;
}

function escape(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(pointer: string, message: string, code: ErrorCode = 'invalid_request'): ServiceError {
  return new ServiceError(code, message, { param: pointer, details: [{ pointer, message }] });
}
