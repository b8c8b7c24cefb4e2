/** A training that came to no numbers: that it is noticed, and which column is likeliest to be why. */
import { ServiceError } from '../errors.ts';
import type { Metrics } from '../families/contract.ts';
import type { Preparation } from './preparation.ts';

/** Values beyond it are likely to be why: products of a few of them are no float32. */
const LARGE = 1e12;

/** @throws {ServiceError} training_diverged where the learned model's loss is no number */
export function requireFigures(
  metrics: Readonly<Record<'train' | 'validation', Metrics>>,
  { model }: Preparation,
): void {
  for (const part of ['train', 'validation'] as const) {
    const { loss = 0 } = metrics[part];
    // Where every step of the rows is masked, none counts.
    if (Number.isFinite(loss) || (Number.isNaN(loss) && model.steps !== undefined)) continue;
    const rows = part === 'train' ? 'training' : part;
    const message = `the loss of the ${rows} rows is no number: their values, or what was learned, are too large`;
    throw new ServiceError('training_diverged', message);
  }
}

/** The error, with the column of the largest values where they are large. */
export function withColumn(error: unknown, { trainRows: { table, rows }, features, target }: Preparation): unknown {
  if (!(error instanceof ServiceError) || error.code !== 'training_diverged' || error.details.length > 0) return error;
  const used = table.columns.filter(
    ({ name, type }) => isNumeric(type) && (features.includes(name) || name === target),
  );
  const largest = used.map((column) => ({ column, value: largestOf(column.values as ArrayLike<number>, rows) }));
  const [worst] = largest.toSorted((a, b) => b.value - a.value);
  if (worst === undefined || worst.value < LARGE) return error;
  const { name } = worst.column;
  const message = `"${name}" has values as large as ${worst.value.toPrecision(3)}`;
  const details = [{ column: name, message, hint: `scale "${name}" down, or leave it out` }];
  const { lastMetrics } = error;
  return new ServiceError(error.code, `${error.message}; ${message}`, { details, lastMetrics, cause: error });
}

const isNumeric = (type: string): boolean => type === 'number' || type === 'integer';

function largestOf(values: ArrayLike<number>, rows: Int32Array): number {
  // NaN, a missing value, is larger than nothing.
  return rows.reduce((most, row) => (Math.abs(values[row]!) > most ? Math.abs(values[row]!) : most), 0);
}
