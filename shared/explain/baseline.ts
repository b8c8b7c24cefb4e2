/** Where integrated gradients begin: chosen by the kind of feature, named in the answer, or given. */
import { ServiceError } from '../errors.ts';
import type { FeatureSchema, ModelSchema } from '../runtime/model-schema.ts';
import { sizeOf } from '../tensor/shape.ts';
import { tensor } from '../tensor/tensor.ts';
import type { HostTensor } from '../tensor/tensor.ts';
import type { Background, StoredBackground } from './background.ts';
import type { Baseline } from './contract.ts';
import type { Feeds } from './terms.ts';
import { feedsAt } from './instances-at.ts';
import { mapFeeds } from './rows.ts';

interface Known {
  readonly background: Background | undefined;
  readonly stored: StoredBackground | undefined;
}

/** `zeros` for images (black), `mean` of the background for columns and series where there is one. @throws invalid_request */
export function baselineOf(schema: ModelSchema, { baseline }: { readonly baseline?: unknown }, known: Known): Baseline {
  const [first] = schema.features;
  const isImage = first?.type === 'tensor' && (first.shape?.length ?? 0) >= 2;
  const asked = baseline ?? (isImage || known.background === undefined ? 'zeros' : 'mean');
  if (first?.type === 'text' && (baseline === undefined || asked === 'zeros'))
    return { name: 'empty', feeds: feedsAt('/baseline', schema, [{ [first.name]: '' }]) };
  if (asked === 'zeros') return { name: 'zeros', feeds: zerosOf(schema.features) };
  if (asked === 'mean') {
    if (known.background === undefined)
      throw new ServiceError(
        'invalid_request',
        'baseline: "mean" is that of a background, and the model has none: give "background"',
        {
          param: '/baseline',
        },
      );
    return { name: 'mean', feeds: meanOf(known.background.feeds) };
  }
  return { name: 'given', feeds: fillMissing(feedsAt('/baseline', schema, [asked]), known.stored) };
}

function zerosOf(features: readonly FeatureSchema[]): Feeds {
  return Object.fromEntries(
    features.map(({ name, type, shape = [1] }): [string, HostTensor] => {
      if (type === 'category') return [name, tensor('string', [1, 1], [''])];
      if (type === 'tensor') return [name, tensor('float32', [1, ...shape], new Float32Array(sizeOf(shape)))];
      return [name, tensor('float64', [1, 1], new Float64Array(1))];
    }),
  );
}

/** The mean of numbers that are there, the most frequent of categories. */
function meanOf(feeds: Feeds): Feeds {
  return mapFeeds(feeds, (value) => {
    const shape = [1, ...value.shape.slice(1)];
    if (value.dtype === 'string') return tensor('string', shape, [mostFrequent(value.data)]);
    const width = sizeOf(value.shape.slice(1));
    const [sums, counts] = [new Float64Array(width), new Float64Array(width)];
    for (const [at, number] of (value.data as Float64Array).entries()) {
      if (Number.isNaN(number)) continue;
      sums[at % width]! += number;
      counts[at % width]!++;
    }
    const means = sums.map((sum, j) => (counts[j] === 0 ? 0 : sum / counts[j]!));
    return value.dtype === 'float32'
      ? tensor('float32', shape, Float32Array.from(means))
      : tensor('float64', shape, means);
  });
}

function mostFrequent(values: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].reduce((best, entry) => (entry[1] > best[1] ? entry : best))[0];
}

/** Missing numbers become what training took for them: a line to a missing number has no points. @throws invalid_request where that is not known */
export function fillMissing(feeds: Feeds, stored: StoredBackground | undefined): Feeds {
  return mapFeeds(feeds, (value, name) => {
    if (value.dtype !== 'float64' || !value.data.some((number) => Number.isNaN(number))) return value;
    const fill = stored?.features.find((feature) => feature.name === name)?.fill;
    if (typeof fill !== 'number')
      throw new ServiceError(
        'invalid_request',
        `feature "${name}": integrated_gradients needs a number, and what a missing one stands for is not known`,
        {
          param: '/instances',
        },
      );
    return tensor(
      'float64',
      value.shape,
      value.data.map((number) => (Number.isNaN(number) ? fill : number)),
    );
  });
}
