/** Solvers that pass over rows which memory does not hold end where they end on rows in memory; and a pass can be cut between any two runs of rows. */
import { describe, expect, it } from '@jest/globals';
import { sourceOfTable } from '../../../shared/data/table-source.ts';
import type { Table } from '../../../shared/data/table.ts';
import { findFamily } from '../../../shared/families/registry.ts';
import { decodeCheckpoint } from '../../../shared/runtime/checkpoint.ts';
import { loadPredictor } from '../../../shared/runtime/predictor.ts';
import type { ClusterPrediction } from '../../../shared/runtime/predictor.ts';
import { Random } from '../../../shared/tensor/random.ts';
import { train, trainInSegments } from './train.ts';
import type { Trained } from './train.ts';

const ROWS = 300;
/** Few enough that a window's 64 rows are a sample to begin with. */
const WIDTH = 2;
/** Less than the rows take, stored and encoded: a block is one row then. */
const MEMORY_BYTES = 40 * ROWS;

/** Numbers around three centres, sorted by centre, as the worst case is; one column is far from zero. */
function sortedGroups(): Table {
  const random = Random.fromSeed(7);
  const group = (row: number): number => Math.floor((3 * row) / ROWS);
  const centre = [0, 3, 1.5];
  return {
    rows: ROWS,
    columns: [
      ...Array.from({ length: WIDTH }, (_, j) => ({
        name: `x${j}`,
        type: 'number' as const,
        values: Float64Array.from(
          random.normal(ROWS),
          (noise, row) => centre[(group(row) * (j + 1)) % 3]! + noise + (j === 0 ? 1e4 : 0),
        ),
      })),
      { name: 'group', type: 'integer' as const, values: Float64Array.from({ length: ROWS }, (_, row) => group(row)) },
    ],
  };
}

const table = sortedGroups();
const inBlocks = { train: sourceOfTable(table), memoryBytes: MEMORY_BYTES };

function coefficients({ result, exported: { prepared } }: Trained): number[] {
  const learned = findFamily(prepared.family.name)!.learned(decodeCheckpoint(result.checkpoint).state, prepared.model);
  return Object.values(learned).flatMap(({ data }) => Array.from(data as Float64Array));
}

describe('logistic_regression in blocks', () => {
  const spec = {
    task: 'classification',
    family: 'logistic_regression',
    target: 'group',
    validation: { fraction: 0.1 },
  } as const;
  const binary: Table = {
    ...table,
    columns: table.columns.map((column) =>
      column.name === 'group'
        ? ({ ...column, values: (column.values as Float64Array).map((k) => Math.min(k, 1)) } as typeof column)
        : column,
    ),
  };

  it.each([
    ['l2', {}, table],
    ['l2 with balanced classes', { class_weight: 'balanced', C: 0.01 }, binary],
    ['l1', { penalty: 'l1', C: 0.1 }, binary],
    ['none', { penalty: 'none' }, binary],
    ['without intercept', { fit_intercept: false }, binary],
  ] as const)('finds the coefficients that it finds in memory: %s', async (_, params, rows) => {
    const small = await train({ spec: { ...spec, params }, train: rows });

    const large = await train({ spec: { ...spec, params }, train: sourceOfTable(rows), memoryBytes: MEMORY_BYTES });

    expect(large.exported.prepared.blockRows).toBe(1);
    const [got, expected] = [coefficients(large), coefficients(small)];
    const scale = Math.max(...expected.map(Math.abs));
    got.forEach((value, k) => expect(Math.abs(value - expected[k]!) / scale).toBeLessThan(1e-6));
    expect(got.map((value) => value === 0)).toEqual(expected.map((value) => value === 0));
    expect(large.exported.metrics.validation['loss']).toBeCloseTo(small.exported.metrics.validation['loss']!, 6);
  });

  it.each(['l2', 'l1'])('is cut within a pass, and ends with the same bytes: %s', async (penalty) => {
    const training = { spec: { ...spec, params: { penalty, C: 0.1 } }, ...inBlocks };

    const whole = await trainInSegments(training, []);
    const cut = await trainInSegments(training, [1, 1, 3, 2, 5, 20, 1, 40]);

    expect(Buffer.compare(cut.checkpoint, whole.checkpoint)).toBe(0);
  });
});

describe('kmeans in blocks', () => {
  const spec = { task: 'clustering', family: 'kmeans', features: ['x0', 'x1'], validation: { fraction: 0.1 } } as const;

  it.each([
    ['k-means++', {}],
    ['first centres at random', { init: 'random', tol: 0 }],
  ])('finds the centres that it finds in memory: %s', async (_, params) => {
    const training = { spec: { ...spec, params: { n_clusters: 3, ...params } }, train: table };

    const small = await train(training);
    const large = await train({ ...training, ...inBlocks });

    const inertia = ({ exported }: Trained): number => exported.metrics.train['inertia']!;
    expect(large.exported.prepared.blockRows).toBe(1);
    expect(inertia(large) / inertia(small)).toBeCloseTo(1, 6);
    expect(await countsOf(large)).toEqual(await countsOf(small));
  });

  it('is cut within a pass, and while its sample is drawn, and ends with the same bytes', async () => {
    const training = { spec: { ...spec, params: { n_clusters: 4, n_init: 3 } }, ...inBlocks };

    const whole = await trainInSegments(training, []);
    const cut = await trainInSegments(training, [1, 1, 3, 2, 12, 1, 2, 1, 1]);

    expect(Buffer.compare(cut.checkpoint, whole.checkpoint)).toBe(0);
  });

  it('says how many clusters rows that are held at once can begin with', async () => {
    const training = { spec: { ...spec, params: { n_clusters: 65 } }, ...inBlocks };

    await expect(train(training)).rejects.toMatchObject({
      code: 'invalid_request',
      param: '/params/n_clusters',
      message: 'n_clusters: expected at most the 64 rows that memory holds at once, got 65',
    });
  });
});

/** How many of the table's rows go to each cluster, the least first. */
async function countsOf({ exported }: Trained): Promise<number[]> {
  const predictor = await loadPredictor(exported.onnx, { threads: 1 });
  const [x0, x1] = table.columns.map(({ values }) => values as Float64Array);
  const predictions = await predictor.predict(Array.from({ length: ROWS }, (_, i) => ({ x0: x0![i]!, x1: x1![i]! })));
  await predictor.release();
  const groups = Map.groupBy(predictions as ClusterPrediction[], ({ cluster }) => cluster);
  return [...groups.values()].map(({ length }) => length).sort((a, b) => a - b);
}
