/** Where integrated gradients begin: chosen by the kind of feature, named in the answer, or given. */
import { ServiceError } from '../errors.ts';
import type { ModelSchema } from '../runtime/model-schema.ts';
import { sizeOf } from '../tensor/shape.ts';
import { fromNumbers, tensor, toNumbers } from '../tensor/tensor.ts';
import type { HostTensor } from '../tensor/tensor.ts';
import type { Background, StoredBackground } from './background.ts';
import type { Baseline } from './contract.ts';
import { rowsAt } from './instances.ts';
import { joinRows, mapFeeds } from './rows.ts';
import { isOpen, stretchedTo } from './steps.ts';
import type { Subject } from './subject.ts';
import type { Feeds } from './terms.ts';

interface Known {
  readonly background: Background | undefined;
  readonly stored: StoredBackground | undefined;
}

/** The baseline of a row. */
export type BaselineOf = (row: Feeds) => Baseline;

/**
 * `zeros` of images (black), `mean` of the background of columns and series where there is one, `padding` of texts.
 * @throws invalid_request pointing to /baseline
 */
export function baselineFor(subject: Subject, baseline: unknown, known: Known): BaselineOf {
  const asked = baseline ?? defaultOf(subject.schema, known);
  const named = typeof asked === 'string' ? NAMED[asked] : undefined;
  if (named !== undefined) return named(subject, known);
  return givenAs('given', subject, rowsAt('/baseline', subject, [asked])[0]!, known);
}

type BaselineName = 'zeros' | 'mean' | 'padding';

function defaultOf(schema: ModelSchema, { background }: Known): BaselineName {
  const [first] = schema.features;
  if (first?.type === 'text') return 'padding';
  const isImage = first?.type === 'tensor' && (first.shape?.length ?? 0) >= 2 && !isOpen(schema);
  return isImage || background === undefined ? 'zeros' : 'mean';
}

const NAMED: Readonly<Record<string, (subject: Subject, known: Known) => BaselineOf>> = {
  zeros(subject) {
    refuseUnless(!isText(subject), 'zeros', 'of numbers');
    return (row) => ({ name: 'zeros', row: zerosLike(row) });
  },
  mean(subject, { background }) {
    refuseUnless(!isText(subject), 'mean', 'of numbers');
    refuseUnless(background !== undefined, 'mean', 'that of a background, and the model has none: give "background"');
    return (row) => {
      const others = background!.rows.map((other) => stretchedTo(subject.schema, other, row));
      return { name: 'mean', row: meanOf(joinRows(others)) };
    };
  },
  padding(subject, known) {
    refuseUnless(isText(subject), 'padding', 'of texts');
    return givenAs('padding', subject, rowsAt('/baseline', subject, [''])[0]!, known);
  },
};

const isText = ({ schema }: Subject): boolean => schema.features[0]?.type === 'text';

function givenAs(name: string, { schema }: Subject, start: Feeds, { stored }: Known): BaselineOf {
  const filled = fillMissing(start, stored, '/baseline');
  return (row) => ({ name, row: stretchedTo(schema, filled, row) });
}

/** @throws invalid_request where the name does not fit the model */
function refuseUnless(isSo: boolean, name: BaselineName, what: string): void {
  if (isSo) return;
  throw new ServiceError('invalid_request', `baseline: "${name}" is ${what}`, { param: '/baseline' });
}
const zerosLike = (row: Feeds): Feeds =>
  mapFeeds(row, ({ dtype, shape }) =>
    dtype === 'string' ? tensor('string', shape, ['']) : fromNumbers(dtype, new Float64Array(sizeOf(shape)), shape),
  );

/** The mean of numbers that are there, the most frequent of categories. */
function meanOf(feeds: Feeds): Feeds {
  return mapFeeds(feeds, (value) => {
    const shape = [1, ...value.shape.slice(1)];
    if (value.dtype === 'string') return tensor('string', shape, [mostFrequent(value.data)]);
    const width = sizeOf(shape);
    const [sums, counts] = [new Float64Array(width), new Float64Array(width)];
    for (const [at, number] of toNumbers(value).entries()) {
      if (Number.isNaN(number)) continue;
      sums[at % width]! += number;
      counts[at % width]!++;
    }
    const means = sums.map((sum, j) => (counts[j] === 0 ? 0 : sum / counts[j]!));
    const isWhole = value.dtype === 'int32' || value.dtype === 'int64';
    return fromNumbers(value.dtype, isWhole ? means.map(Math.round) : means, shape);
  });
}

function mostFrequent(values: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].reduce((best, entry) => (entry[1] > best[1] ? entry : best))[0];
}

/** Missing numbers become what training took for them: a line to a missing number has no points. @throws invalid_request where that is not known */
export function fillMissing(row: Feeds, stored: StoredBackground | undefined, param = '/instances'): Feeds {
  return mapFeeds(row, (value, name): HostTensor => {
    if (value.dtype !== 'float64' || !value.data.some((number) => Number.isNaN(number))) return value;
    const fill = stored?.features.find((feature) => feature.name === name)?.fill;
    if (typeof fill === 'number')
      return tensor(
        'float64',
        value.shape,
        value.data.map((number) => (Number.isNaN(number) ? fill : number)),
      );
    const message = `feature "${name}": integrated_gradients needs a number, and what a missing one stands for is not known`;
    throw new ServiceError('invalid_request', message, { param });
  });
}
