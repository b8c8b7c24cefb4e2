/** Logistic regression against the exact optimum of iris (Newton to a gradient of 4e-14) and scikit-learn's error counts. */
import { describe, expect, test } from '@jest/globals';
import type { Table } from '../../../shared/data/table.ts';
import { breastCancer, digits, iris, strideSplit, wine } from '../../fixtures/data-sets.ts';
import { learnedOf, train } from './train.ts';
import type { Trained } from './train.ts';

const spec = { task: 'classification', family: 'logistic_regression', validation: { fraction: 0 } } as const;
const raw = { standardize: false, missing: 'mean', categories: 'one_hot' } as const;

/** Coefficients of the raw columns, [features][classes], from the scaled ones that the checkpoint holds. */
function coefOf(trained: Trained, classes: number): { coef: number[][]; intercept: number[] } {
  const { point, scale, center } = learnedOf(trained) as { point: number[]; scale: number[]; center: number[] };
  const coef = scale.map((factor, j) => Array.from({ length: classes }, (_, k) => point[j * classes + k]! * factor));
  const intercept = point
    .slice(scale.length * classes)
    .map((b, k) => b - coef.reduce((sum, row, j) => sum + row[k]! * center[j]!, 0));
  return { coef, intercept };
}

async function errorsOn(table: Table, target: string): Promise<number> {
  const { train: training, test: held } = strideSplit(table);
  const { exported } = await train({ spec: { ...spec, target }, train: training, validation: held });
  return Math.round((1 - exported.metrics.validation['accuracy']!) * held.rows);
}

describe('logistic regression', () => {
  test('reaches the exact optimum of raw iris at C = 1', async () => {
    const trained = await train({ spec: { ...spec, target: 'species', preprocessing: raw }, train: iris() });

    const expected = [
      [-0.4235099, 0.9673506, -2.5171524, -1.0793366],
      [0.5344615, -0.3215879, -0.2063921, -0.9442985],
      [-0.1109516, -0.6457627, 2.7235444, 2.0236351],
    ];
    const { coef, intercept } = coefOf(trained, 3);
    expect(trained.result.metrics.train['loss']).toBeCloseTo(0.119636677988, 8);
    expect(trained.result.metrics.train['accuracy']).toBeCloseTo(0.973333, 6);
    expected.forEach((row, k) => row.forEach((value, j) => expect(coef[j]![k]).toBeCloseTo(value, 4)));
    const mean = intercept.reduce((sum, value) => sum + value, 0) / 3;
    [9.8495681, 2.2372056, -12.0867737].forEach((value, k) => expect(intercept[k]! - mean).toBeCloseTo(value, 4));
  });

  test.each([
    ['iris', async () => iris(), 'species', 2],
    ['wine', wine, 'class', 1],
    ['breast cancer', breastCancer, 'diagnosis', 0],
    ['digits', digits, 'column_65', 13],
  ])('errs on the stride split of %s as often as scikit-learn', async (_, load, target, errors) => {
    expect(await errorsOn(await load(), target)).toBe(errors);
  });

  test('weighs classes: balanced weights move the boundary of two unequal classes to their middle', async () => {
    const x = Float64Array.from(
      [...Array<number>(90).fill(-1), ...Array<number>(10).fill(1)],
      (center, i) => center + ((i * 7) % 11) / 4 - 1.25,
    );
    const y = Uint8Array.from({ length: 100 }, (_, i) => (i < 90 ? 0 : 1));
    const table: Table = {
      rows: 100,
      columns: [
        { name: 'x', type: 'number', values: x },
        { name: 'y', type: 'boolean', values: y },
      ],
    };
    const boundary = async (weight: unknown): Promise<number> => {
      const trained = await train({ spec: { ...spec, target: 'y', params: { class_weight: weight } }, train: table });
      const { point, scale, center } = learnedOf(trained) as { point: number[]; scale: number[]; center: number[] };
      return center[0]! - point[1]! / (point[0]! * scale[0]!);
    };

    // By standardised x, whose middle between the classes is (0 - mean) / deviation.
    const mean = x.reduce((sum, value) => sum + value, 0) / 100;
    const deviation = Math.sqrt(x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 100);
    const plain = (await boundary(null)) * deviation + mean;
    const balanced = (await boundary('balanced')) * deviation + mean;

    expect(Math.abs(balanced)).toBeLessThan(0.25);
    expect(plain).toBeGreaterThan(balanced + 0.3);
  });

  test('refuses l1 by name and tells classes that are no classes', async () => {
    const table = iris();

    await expect(
      train({ spec: { ...spec, target: 'species', params: { penalty: 'l1' } }, train: table }),
    ).rejects.toMatchObject({ param: '/params/penalty' });
    await expect(train({ spec: { ...spec, target: 'petal_length' }, train: table })).rejects.toMatchObject({
      param: '/target',
      message: expect.stringContaining('regression'),
    });
  });
});
