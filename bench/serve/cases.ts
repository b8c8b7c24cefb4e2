/** The models that are served: a logistic regression of ten features and the reference CNN, and what they are asked. */
import { cellValue } from '../../shared/data/columns.ts';
import type { Table } from '../../shared/data/table.ts';
import { Random } from '../../shared/tensor/random.ts';
import { mnist, takeRows } from '../../test/fixtures/data-sets.ts';

const conv = (filters: number) => ({ conv2d: { filters, kernel_size: [3, 3], activation: 'relu' } });
const pool = { max_pooling2d: { pool_size: [2, 2] } };
const dense = (units: number, activation: string) => ({ dense: { units, activation } });
const layers = [conv(32), pool, conv(64), pool, 'flatten', dense(64, 'relu'), dense(10, 'softmax')];

export interface ServeCase {
  readonly name: string;
  readonly family: string;
  readonly target: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** The module that a Python peer serves the same kind of model with. */
  readonly peer: 'sklearn' | 'torch';
  readonly table: () => Table;
}

export const CASES: readonly ServeCase[] = [
  { name: 'logistic', family: 'logistic_regression', target: 'y', params: {}, peer: 'sklearn', table: tenFeatures },
  { name: 'cnn', family: 'cnn', target: 'label', params: { layers, epochs: 1 }, peer: 'torch', table: images },
];

function tenFeatures(): Table {
  const random = Random.fromSeed(1);
  const features = Array.from({ length: 10 }, (_, i) => ({
    name: `x${i}`,
    type: 'number' as const,
    values: Float64Array.from(random.uniform(400)),
  }));
  const y = Float64Array.from(features[0]!.values, (value, row) => Number(value + features[1]!.values[row]! > 1));
  return { rows: 400, columns: [...features, { name: 'y', type: 'integer', values: y }] };
}

function images(): Table {
  return takeRows(
    mnist().train,
    Array.from({ length: 320 }, (_, i) => i * 25),
  );
}

/** The table's rows as JSON has them. */
export function rowsOf({ rows, columns }: Table): Record<string, unknown>[] {
  return Array.from({ length: rows }, (_, row) =>
    Object.fromEntries(columns.map((column) => [column.name, cellValue(column, row)])),
  );
}

/** The first rows without the target. */
export function instancesOf(table: Table, target: string, count: number): unknown[] {
  return rowsOf(table)
    .slice(0, count)
    .map(({ [target]: _, ...instance }) => instance);
}
