/** k-means against the best inertias that scikit-learn finds in 50 starts, and where clusters run empty, rows repeat or rows tie. */
import { describe, expect, test } from '@jest/globals';
import type { Column, Table } from '../../../shared/data/table.ts';
import { startKmeans } from '../../../shared/families/kmeans/fit.ts';
import { Lloyd } from '../../../shared/families/kmeans/lloyd.ts';
import { kmeansParams } from '../../../shared/families/kmeans/params.ts';
import { Points } from '../../../shared/families/kmeans/points.ts';
import { loadPredictor } from '../../../shared/runtime/predictor.ts';
import type { ClusterPrediction } from '../../../shared/runtime/predictor.ts';
import { createEngine } from '../../../shared/runtime/session.ts';
import { Random } from '../../../shared/tensor/random.ts';
import { fromNumbers } from '../../../shared/tensor/tensor.ts';
import { digits, iris, wine } from '../../fixtures/data-sets.ts';
import { train, trainInSegments } from './train.ts';

const spec = { task: 'clustering', family: 'kmeans', validation: { fraction: 0 } } as const;
const raw = { standardize: false, missing: 'mean', categories: 'one_hot' } as const;
const auto = { ...raw, standardize: 'auto' } as const;

const withoutTarget = ({ rows, columns }: Table): Table => ({
  rows,
  columns: columns.filter(({ name }) => !['species', 'class', 'column_65'].includes(name)),
});

const numbers = (rows: readonly (readonly number[])[]): Table => ({
  rows: rows.length,
  columns: rows[0]!.map((_, j): Column => ({
    name: `x${j}`,
    type: 'number',
    values: Float64Array.from(rows, (row) => row[j]!),
  })),
});

describe('k-means', () => {
  test.each([
    ['iris', async () => iris(), 3, raw, 78.8514],
    ['iris', async () => iris(), 3, auto, 139.8205],
    ['wine', wine, 3, raw, 2370689.6868],
    ['wine', wine, 3, auto, 1277.9285],
    ['digits', digits, 10, raw, 1165175.14],
    ['digits', digits, 10, auto, 69437.3],
  ] as const)('finds the best known clusters of %s', async (_, load, clusters, preprocessing, inertia) => {
    const table = withoutTarget(await load());

    const { exported } = await train({
      spec: { ...spec, preprocessing, params: { n_clusters: clusters, n_init: 20 } },
      train: table,
    });

    expect(exported.metrics.train['inertia']! / inertia).toBeGreaterThan(0.99999);
    expect(exported.metrics.train['inertia']! / inertia).toBeLessThan(1.001);
  });

  test('predicts the nearest centre and the distance to it', async () => {
    const table = numbers([
      [0, 0],
      [0, 2],
      [10, 0],
      [10, 2],
    ]);
    const { exported } = await train({
      spec: { ...spec, preprocessing: raw, params: { n_clusters: 2 } },
      train: table,
    });
    const predictor = await loadPredictor(exported.onnx, { threads: 1 });

    const predictions = (await predictor.predict([
      { x0: 0, x1: 1 },
      { x0: 1, x1: 1 },
      { x0: 10, x1: 4 },
    ])) as ClusterPrediction[];
    await predictor.release();

    expect(exported.metrics.train['inertia']).toBeCloseTo(4, 9);
    expect(predictions.map(({ distance }) => distance)).toEqual([0, 1, 3].map((d) => expect.closeTo(d, 6)));
    expect(predictions[0]!.cluster).toBe(predictions[1]!.cluster);
    expect(predictions[0]!.cluster).not.toBe(predictions[2]!.cluster);
  });

  test('divides rows of which many are the same, into more clusters than there are different rows', async () => {
    const table = numbers(Array.from({ length: 60 }, (_, i) => [i % 3, 0]));

    for (const init of ['k-means++', 'random']) {
      const { exported } = await train({
        spec: { ...spec, preprocessing: raw, params: { n_clusters: 5, init } },
        train: table,
      });

      expect(exported.metrics.train['inertia']).toBeCloseTo(0, 9);
    }
  });

  test('counts a row that is as near to one centre as to another once', async () => {
    const points = new Points(fromNumbers('float64', [-1, 0, 1, 0, 0, 0, 0, 1], [4, 2]));
    const lloyd = await Lloyd.open(createEngine({ threads: 1 }), 2, points);

    const { sums } = await lloyd.assign(Float64Array.of(-1, -0.25, 1, -0.25));
    await lloyd.release();

    expect(sums[2]! + sums[5]!).toBe(4);
    expect(sums[2]).toBe(3);
  });

  test('gives an empty cluster the row that is farthest from its centre', async () => {
    const points = new Points(fromNumbers('float64', [-5, 1, 2, 2], [4, 1]));
    const lloyd = await Lloyd.open(createEngine({ threads: 1 }), 2, points);
    const from = Float64Array.of(0, 100);

    const centers = await lloyd.centersOf(await lloyd.assign(from), from);
    await lloyd.release();

    expect(Array.from(centers)).toEqual([expect.closeTo(5 / 3, 6), expect.closeTo(-5, 6)]);
  });

  test('gives the same bytes however it is cut, also among the first centres', async () => {
    const random = Random.fromSeed(1);
    const table = numbers(Array.from({ length: 20_000 }, () => Array.from(random.normal(20))));
    const training = { spec: { ...spec, params: { n_clusters: 60, n_init: 1, max_iter: 6 } }, train: table };

    const whole = await trainInSegments(training, []);

    for (const cuts of [[1], [2, 1], [1, 1, 2]]) {
      const cut = await trainInSegments(training, cuts);
      expect(Buffer.compare(cut.checkpoint, whole.checkpoint)).toBe(0);
    }
  });

  test('names the parameter that is wrong', async () => {
    const run = (params: Record<string, unknown>) => train({ spec: { ...spec, params }, train: numbers([[1], [2]]) });

    await expect(run({ n_clusters: 0 })).rejects.toMatchObject({ param: '/params/n_clusters' });
    await expect(run({ init: 'best' })).rejects.toMatchObject({ param: '/params/init' });
    await expect(run({ clusters: 3 })).rejects.toMatchObject({ code: 'unknown_field', param: '/params/clusters' });
    await expect(run({ n_clusters: 3 })).rejects.toMatchObject({
      param: '/params/n_clusters',
      message: 'n_clusters: expected at most the 2 training rows, got 3',
    });
  });

  test('starts from what it was given: a seed decides everything', () => {
    const x = fromNumbers('float64', [1, 2, 3, 4], [4, 1]) as never;
    const problem = {
      task: 'clustering',
      params: kmeansParams.parse({ n_clusters: 2 }),
      train: { x, target: { kind: 'none', values: new Float64Array(0) } },
    } as const;

    expect(startKmeans({ ...problem, seed: 1 })).toEqual(startKmeans({ ...problem, seed: 1 }));
    expect(startKmeans({ ...problem, seed: 1 }).position).not.toEqual(startKmeans({ ...problem, seed: 2 }).position);
  });
});
