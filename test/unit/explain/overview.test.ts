/** Views of a model over its rows and fairness figures, on models whose right answers are known. */
import { describe, expect, test } from '@jest/globals';
import { readRows } from '../../../shared/data/jsonl.ts';
import type { Column, Table } from '../../../shared/data/table.ts';
import { labelMeasures, predictionMeasures } from '../../../shared/explain/overview/fairness.ts';
import { fairnessOf } from '../../../shared/explain/overview/facet.ts';
import { overviewOf } from '../../../shared/explain/overview/overview.ts';
import { Random } from '../../../shared/tensor/random.ts';
import { createEngine } from '../../../shared/runtime/session.ts';
import { train } from '../../conformance/families/train.ts';

const ROWS = 200;
const number = (name: string, value: (i: number) => number): Column => ({
  name,
  type: 'number',
  values: Float64Array.from({ length: ROWS }, (_, i) => value(i)),
});
/** Granted above an income of 50; age and noise do not matter. */
const income = (i: number): number => (i * 37) % 100;
const ages = Random.fromSeed(2).uniform(ROWS, 0, 50);
const loans: Table = {
  rows: ROWS,
  columns: [
    number('income', income),
    number('age', (i) => 20 + ages[i]!),
    {
      name: 'sex',
      type: 'category',
      categories: ['f', 'm'],
      values: Int32Array.from({ length: ROWS }, (_, i) => Number(i % 4 !== 0)),
    },
    {
      name: 'granted',
      type: 'category',
      categories: ['no', 'yes'],
      values: Int32Array.from({ length: ROWS }, (_, i) => Number(income(i) > 50)),
    },
  ],
};
const spec = {
  task: 'classification',
  family: 'logistic_regression',
  target: 'granted',
  params: { C: 1000 },
  validation: { fraction: 0.3 },
} as const;
const engine = createEngine({ threads: 1 });

describe('the overview of a model', () => {
  test('finds the feature that it lives on, how the answer moves with it, and what it confuses', async () => {
    const { exported } = await train({ spec, train: loans });

    const overview = await overviewOf(exported.onnx, exported.prepared, { engine });

    expect(overview).toMatchObject({ rows: { from: 'validation', count: 60 }, measure: 'accuracy', left_out: [] });
    const [first, ...others] = overview.importance!;
    expect(first!.feature).toBe('income');
    expect(first!.low).toBeGreaterThan(0.3);
    for (const { low, high } of others) expect([low <= 0.02, high < 0.1]).toEqual([true, true]);
    const dependence = overview.partial_dependence!.find(({ feature }) => feature === 'income')!;
    const shares = dependence.outputs.map(([, yes]) => yes!);
    expect(shares[0]).toBeLessThan(0.1);
    expect(shares.at(-1)).toBeGreaterThan(0.9);
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    expect(overview.confusion!.counts.flat().reduce((sum, count) => sum + count, 0)).toBe(60);
    expect(overview.worst_rows!.filter(({ label }) => label === 'yes')).toHaveLength(3);
    for (const { row, label } of overview.worst_rows!) expect(label).toBe(income(row - 1) > 50 ? 'yes' : 'no');
  });

  test('keeps to its time and names what did not fit', async () => {
    const { exported } = await train({ spec, train: loans });

    const overview = await overviewOf(exported.onnx, exported.prepared, { engine, seconds: 0 });

    expect(overview.left_out).toEqual(['importance of income', 'importance of age', 'importance of sex']);
    expect(overview.confusion).toBeDefined();
  });

  test('of images finds the patches that they are told apart by', async () => {
    // The upper left quarter is bright or dark; the rest is the same of all kinds.
    const rows = Array.from({ length: 120 }, (_, i) => ({
      image: Array.from({ length: 14 }, (__, y) =>
        Array.from({ length: 14 }, (___, x) => (x < 4 && y < 4 && i % 2 === 0 ? 200 : 40) + ((i * 7 + x * y) % 9)),
      ),
      kind: i % 2,
    }));
    const layers = [
      { conv2d: { filters: 4, kernel_size: [3, 3], activation: 'relu' } },
      'flatten',
      { dense: { units: 2, activation: 'softmax' } },
    ];
    const images = { task: 'classification', family: 'cnn', target: 'kind', params: { layers, epochs: 3 } } as const;
    const { exported } = await train({ spec: images, train: readRows(rows) });

    const overview = await overviewOf(exported.onnx, exported.prepared, { engine });

    expect(overview.importance).toHaveLength(49);
    const found = overview.importance!.filter(({ low }) => low > 0).map(({ feature }) => feature);
    expect(found.length).toBeGreaterThan(0);
    for (const name of found)
      expect(['image[0:2, 0:2]', 'image[0:2, 2:4]', 'image[2:4, 0:2]', 'image[2:4, 2:4]']).toContain(name);
    expect(overview).toMatchObject({ measure: 'accuracy', left_out: [] });
  });
});

describe('fairness figures', () => {
  // 6 rows of a: labels 1 1 1 0 0 0, predictions 1 1 0 1 0 0; 4 rows of d: labels 1 0 0 0, predictions 0 0 0 1.
  const rows = {
    isFacet: Uint8Array.of(0, 0, 0, 0, 0, 0, 1, 1, 1, 1),
    observed: Uint8Array.of(1, 1, 1, 0, 0, 0, 1, 0, 0, 0),
    predicted: Uint8Array.of(1, 1, 0, 1, 0, 0, 0, 0, 0, 1),
  };

  test('before training are those of the definitions, worked out by hand', () => {
    const got = labelMeasures(rows);
    const [a, d] = [0.5, 0.25];

    expect(got['CI']).toBeCloseTo(0.2, 12);
    expect(got['DPL']).toBeCloseTo(0.25, 12);
    expect(got['KL']).toBeCloseTo(a * Math.log(a / d) + (1 - a) * Math.log((1 - a) / (1 - d)), 12);
    expect(got['JS']).toBeCloseTo(0.033822075568605, 12);
    expect(got['LP']).toBeCloseTo(Math.sqrt(0.125), 12);
    expect([got['TVD'], got['KS']]).toEqual([0.25, 0.25]);
  });

  test('after training are those of the definitions, worked out by hand', () => {
    expect(predictionMeasures(rows)).toEqual({
      DPPL: 3 / 6 - 1 / 4,
      DI: 1 / 4 / (3 / 6),
      DCAcc: 3 / 3 - 1 / 1,
      DCR: expect.closeTo(3 / 3 - 3 / 3, 12),
      SD: expect.closeTo(2 / 3 - 2 / 3, 12),
      RD: expect.closeTo(2 / 3, 12),
      DAR: expect.closeTo(2 / 3, 12),
      DRR: expect.closeTo(2 / 3 - 2 / 3, 12),
      AD: expect.closeTo(4 / 6 - 2 / 4, 12),
      TE: expect.closeTo(1 - 1, 12),
      // Benefits 1 1 0 2 1 1 0 1 1 2, of mean 1: half the mean of b^2 - 1.
      GE: expect.closeTo((14 / 10 - 1) / 2, 12),
    });
  });

  test('within groups are the mean of their disparities, worked out by hand', () => {
    const group = ['x', 'x', 'x', 'x', 'y', 'y', 'x', 'x', 'y', 'y'];
    // x: accepted 0 1 2 6, of the facet 1 in 4; rejected 3 7, 1 in 2. y: nobody accepted; rejected 4 5 8 9, 2 in 4.
    const disparity = (6 * (1 / 2 - 1 / 4) + 4 * (2 / 4 - 0)) / 10;
    // x: predicted 0 1 3, none of the facet; not 2 6 7, 2 in 3. y: predicted 9, 1 in 1; not 4 5 8, 1 in 3.
    const predicted = (6 * (2 / 3 - 0) + 4 * (1 / 3 - 1)) / 10;

    expect(labelMeasures({ ...rows, group })['CDDL']).toBeCloseTo(disparity, 12);
    expect(predictionMeasures({ ...rows, group })['CDDPL']).toBeCloseTo(predicted, 12);
    expect(labelMeasures({ ...rows, observed: new Uint8Array(10), group })['CDDL']).toBeNull();
  });

  test('flip rows of the facet by those beside it that are most like them', () => {
    // One feature that is compared and one that is not; six rows beside the facet: the nearest one decides.
    const values = [0, 9, 1, 9, 2, 9, 3, 9, 4, 9, 5, 9, 0.1, 0, 1.1, 0, 3.1, 0, 4.1, 0];
    const neighbours = { data: values, width: 2, compared: [0] };

    // Neighbours 0 1 3 4 are predicted 1 1 1 0, the rows themselves 0 0 0 1: three flips down, one up.
    expect(predictionMeasures({ ...rows, neighbours })['FT']).toBeCloseTo((1 - 3) / 4, 12);
    const alone = { ...rows, isFacet: new Uint8Array(10).fill(1), neighbours };
    expect(predictionMeasures(alone)).toMatchObject({ FT: null, DPPL: null });
  });

  test('are taken of the column that the job names, before and after', async () => {
    const { exported } = await train({ spec, train: loans });
    const question = { column: 'sex', facet: 'f', favorable: 'yes', group: 'sex' };

    const fairness = await fairnessOf(exported.onnx, question, {
      prepared: exported.prepared,
      sensitive: { train: loans, heldOut: loans },
      engine,
    });
    const data = { prepared: exported.prepared, sensitive: { train: loans, heldOut: loans }, engine };
    const absent = await fairnessOf(exported.onnx, { ...question, facet: 'x' }, data);
    const unwished = await fairnessOf(exported.onnx, { ...question, favorable: 'maybe' }, data);

    if (typeof fairness === 'string') throw new Error(fairness);
    expect(fairness.before_training['CI']).toBeGreaterThan(0.4);
    expect(fairness.after_training).toMatchObject({
      from: 'validation',
      rows: 60,
      DI: expect.any(Number),
      AD: expect.any(Number),
      FT: expect.any(Number),
      // Within a group of one facet the shares are the same.
      CDDPL: expect.any(Number),
    });
    expect(absent).toBe('fairness: no row that was learned from has sex = "x"');
    expect(unwished).toBe('fairness: no row that was learned from has the label "maybe"');
  });
});
