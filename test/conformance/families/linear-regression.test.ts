/** Linear regression against reference numbers (scikit-learn 1.2.1 on its diabetes data), and where the normal equations fail. */
import { describe, expect, test } from '@jest/globals';
import type { Column, Table } from '../../../shared/data/table.ts';
import { Random } from '../../../shared/tensor/random.ts';
import { diabetes, takeRows } from '../../fixtures/data-sets.ts';
import { shuffled } from '../../fixtures/shuffled.ts';
import { learnedOf, train, trainInSegments } from './train.ts';

const spec = {
  task: 'regression',
  family: 'linear_regression',
  target: 'progression',
  validation: { fraction: 0 },
} as const;

describe('linear regression', () => {
  test('gives the least squares coefficients of diabetes', async () => {
    const trained = await train({ spec, train: await diabetes() });

    const { coef, intercept } = learnedOf(trained);
    const expected = [
      -10.0099, -239.8156, 519.8459, 324.3846, -792.1756, 476.739, 101.0433, 177.0632, 751.2737, 67.6267,
    ];
    expected.forEach((value, i) => expect(coef![i]).toBeCloseTo(value, 3));
    expect(intercept![0]).toBeCloseTo(152.1334841629, 9);
    expect(trained.result.metrics.train['r2']).toBeCloseTo(0.5177484222, 9);
  });

  test('gives the published BMI regression: the last 20 rows test', async () => {
    const table = await diabetes();
    const part = (begin: number, end: number): Table => ({
      rows: end - begin,
      columns: table.columns.map((column) => ({ ...column, values: column.values.slice(begin, end) }) as Column),
    });

    const trained = await train({
      spec: { ...spec, features: ['bmi'] },
      train: part(0, 422),
      validation: part(422, 442),
    });

    expect(learnedOf(trained)['coef']![0]).toBeCloseTo(938.23786125, 7);
    expect(trained.exported.metrics.validation['loss']).toBeCloseTo(2548.07239873, 7);
    expect(trained.exported.metrics.validation['r2']).toBeCloseTo(0.472575, 6);
  });

  test('errs on the shuffled split of diabetes as much as scikit-learn', async () => {
    const table = await diabetes();
    const order = shuffled(442, 42);

    const { exported } = await train({
      spec,
      train: takeRows(table, order.slice(89)),
      validation: takeRows(table, order.slice(0, 89)),
    });

    expect(order.slice(0, 4)).toEqual([287, 211, 72, 321]);
    expect(exported.metrics.validation['r2']).toBeCloseTo(0.452602763, 8);
    expect(exported.metrics.validation['loss']).toBeCloseTo(2900.193628, 5);
  });

  test('sums columns far from zero, sorted ones too, as well as centred ones', async () => {
    const rows = 3000;
    const noise = Random.fromSeed(4).normal(rows);
    const climbing = Float64Array.from({ length: rows }, (_, i) => (i < 2990 ? 0 : 1) * 1e6 + Math.sin(i));
    const far = Float64Array.from(noise, (value) => 1e7 + value);
    const columns: Column[] = [
      { name: 'climbing', type: 'number', values: climbing },
      { name: 'far', type: 'number', values: far },
      { name: 'progression', type: 'number', values: far.map((value, i) => 2 * climbing[i]! - 3 * (value - 1e7) + 5) },
    ];

    const trained = await train({ spec, train: { rows, columns } });

    const { coef } = learnedOf(trained);
    expect(coef![0]).toBeCloseTo(2, 9);
    expect(coef![1]).toBeCloseTo(-3, 6);
  });

  test('solves ridge: the gradient of its loss is zero at the solution', async () => {
    const table = await diabetes();
    const alpha = 0.5;

    const trained = await train({ spec: { ...spec, params: { alpha } }, train: table });

    const { coef, intercept } = learnedOf(trained);
    const features = table.columns.slice(0, 10).map((column) => column.values as Float64Array);
    const y = table.columns[10]!.values as Float64Array;
    const residual = y.map(
      (value, row) => features.reduce((sum, x, j) => sum + x[row]! * coef![j]!, intercept![0]!) - value,
    );
    features.forEach((x, j) => {
      const gradient = x.reduce((sum, value, row) => sum + value * residual[row]!, alpha * coef![j]!);
      expect(Math.abs(gradient)).toBeLessThan(1e-9);
    });
  });

  test('takes the solution of least norm where columns are constant or repeated', async () => {
    const random = Random.fromSeed(3);
    const a = Float64Array.from(random.normal(200));
    const columns: Column[] = [
      { name: 'a', type: 'number', values: a },
      { name: 'twin', type: 'number', values: a.slice() },
      { name: 'constant', type: 'number', values: new Float64Array(200).fill(4) },
      { name: 'y', type: 'number', values: a.map((value) => 3 * value + 1) },
    ];

    const trained = await train({ spec: { ...spec, target: 'y' }, train: { rows: 200, columns } });

    const { coef, intercept } = learnedOf(trained);
    [1.5, 1.5, 0].forEach((value, i) => expect(coef![i]).toBeCloseTo(value, 10));
    expect(intercept![0]).toBeCloseTo(1, 10);
  });

  test('keeps eight digits where columns are nearly the same (condition 1e7), which the normal equations would lose', async () => {
    const random = Random.fromSeed(4);
    const a = Float64Array.from(random.normal(3000));
    const noise = Float64Array.from(random.normal(3000));
    const b = a.map((value, i) => value + 1e-7 * noise[i]!);
    const columns: Column[] = [
      { name: 'a', type: 'number', values: a },
      { name: 'b', type: 'number', values: b },
      { name: 'y', type: 'number', values: a.map((value, i) => 2 * value - b[i]!) },
    ];

    const trained = await train({ spec: { ...spec, target: 'y' }, train: { rows: 3000, columns } });

    const { coef } = learnedOf(trained);
    expect(coef![0]).toBeCloseTo(2, 7);
    expect(coef![1]).toBeCloseTo(-1, 7);
    const cut = await trainInSegments({ spec: { ...spec, target: 'y' }, train: { rows: 3000, columns } }, [1, 2, 3]);
    expect(Buffer.compare(cut.checkpoint, trained.result.checkpoint)).toBe(0);
  });

  test('refuses numbers too large to square, and a ratio that is none', async () => {
    const y = Float64Array.of(1, 2, 3);
    const columns = (x: Float64Array): Column[] => [
      { name: 'x', type: 'number', values: x },
      { name: 'y', type: 'number', values: y },
    ];
    const run = (x: Float64Array, params = {}) =>
      train({ spec: { ...spec, target: 'y', params }, train: { rows: 3, columns: columns(x) } });

    await expect(run(Float64Array.of(1, 2, 4), { l1_ratio: 1.5 })).rejects.toMatchObject({
      code: 'invalid_request',
      details: [{ pointer: '/params/l1_ratio' }],
    });
    for (const params of [{}, { alpha: 1, l1_ratio: 1 }]) {
      await expect(run(Float64Array.of(1e200, 2, 4), params)).rejects.toMatchObject({ code: 'training_diverged' });
    }
  });
});
