/** Logistic regression against the exact optimum of iris (Newton to a gradient of 4e-14) and scikit-learn's error counts. */
import { describe, expect, test } from '@jest/globals';
import type { Table } from '../../../shared/data/table.ts';
import { Random } from '../../../shared/tensor/random.ts';
import { breastCancer, digits, iris, strideSplit, takeRows, wine } from '../../fixtures/data-sets.ts';
import { learnedOf, train, trainInSegments } from './train.ts';
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

  test('takes the weight of a class for as many copies of its rows', async () => {
    const table = iris();
    const labels = table.columns.find(({ name }) => name === 'species')!;
    if (labels.type !== 'category') throw new Error('the species are categories');
    const rows = Array.from({ length: table.rows }, (_, row) => row);
    const tripled = takeRows(
      table,
      rows.flatMap((row) => (labels.values[row] === 1 ? [row, row, row] : [row])),
    );
    const fitted = async (data: Table, weight: unknown): Promise<number[]> => {
      const params = { class_weight: weight };
      const trained = await train({ spec: { ...spec, target: 'species', params, preprocessing: raw }, train: data });
      return coefOf(trained, 3).coef.flat();
    };

    const weighted = await fitted(table, { [labels.categories[1]!]: 3 });
    const copied = await fitted(tripled, null);

    weighted.forEach((value, i) => expect(value).toBeCloseTo(copied[i]!, 5));
    await expect(fitted(table, { rose: 2 })).rejects.toMatchObject({
      param: '/params/class_weight/rose',
      message: expect.stringContaining(labels.categories.join(', ')),
    });
  });

  test('tells classes that are no classes', async () => {
    await expect(train({ spec: { ...spec, target: 'petal_length' }, train: iris() })).rejects.toMatchObject({
      param: '/target',
      message: expect.stringContaining('regression'),
    });
  });
});

/** Gradients of C sum_i loss_i by every coefficient and intercept, from the rows: columns [features][classes]. */
function lossGradients(table: Table, target: string, fitted: { coef: number[][]; intercept: number[] }, C: number) {
  const features = table.columns.filter(({ name }) => name !== target).map(({ values }) => values as Float64Array);
  const labels = table.columns.find(({ name }) => name === target)!.values as Int32Array;
  const columns = fitted.intercept.length;
  const byCoef = features.map(() => Array<number>(columns).fill(0));
  const byIntercept = Array<number>(columns).fill(0);
  for (let row = 0; row < table.rows; row++) {
    const own = fitted.intercept.map((b, k) => features.reduce((sum, x, j) => sum + x[row]! * fitted.coef[j]![k]!, b));
    const z = columns === 1 ? [0, ...own] : own;
    const total = z.reduce((sum, value) => sum + Math.exp(value), 0);
    for (let k = 0; k < columns; k++) {
      const c = columns === 1 ? 1 : k;
      const error = C * (Math.exp(z[c]!) / total - (labels[row] === c ? 1 : 0));
      byIntercept[k]! += error;
      features.forEach((x, j) => (byCoef[j]![k]! += error * x[row]!));
    }
  }
  return { byCoef, byIntercept };
}

describe('logistic regression on large data', () => {
  test('goes by a sample and float32 to where the gradient over all rows is zero, cut anywhere', async () => {
    const [rows, width] = [20_000, 53];
    const random = Random.fromSeed(4);
    const columns = Array.from({ length: width }, (_, j) => ({
      name: `x${j}`,
      type: 'number' as const,
      values: Float64Array.from(random.normal(rows), (value) => j + value),
    }));
    const [first, second] = columns.map(({ values }) => values);
    const values = Uint8Array.from(random.normal(rows), (noise, row) =>
      Number(first![row]! - second![row]! + (row > 15_000 ? 3 : 1) + noise > 0),
    );
    const table: Table = { rows, columns: [...columns, { name: 'y', type: 'boolean', values }] };
    const training = { spec: { ...spec, target: 'y', preprocessing: raw }, train: table };

    const trained = await train(training);
    const cut = await trainInSegments(training, [3, 4, 8]);

    expect(Buffer.compare(cut.checkpoint, trained.result.checkpoint)).toBe(0);
    const fitted = coefOf(trained, 1);
    const { byCoef, byIntercept } = lossGradients(table, 'y', fitted, 1);
    // `tol` is for centred columns of deviation 1: column j has mean j, and so j times the intercept's gradient more.
    byCoef.forEach(([slope], j) =>
      expect(Math.abs(slope! + fitted.coef[j]![0]!) / rows).toBeLessThan(1.1e-9 * (1 + j)),
    );
    expect(Math.abs(byIntercept[0]!) / rows).toBeLessThan(1.1e-9);
  });
});

describe('logistic regression under l1', () => {
  test.each([
    ['iris', async () => iris(), 'species', 3, 1],
    ['iris', async () => iris(), 'species', 3, 0.05],
    ['breast cancer', breastCancer, 'diagnosis', 1, 0.1],
  ])('of raw %s (%#) meets the KKT conditions', async (_, load, target, columns, C) => {
    const table = await load();

    const trained = await train({
      spec: { ...spec, target, params: { penalty: 'l1', C, max_iter: 5000 }, preprocessing: raw },
      train: table,
    });

    const fitted = coefOf(trained, columns);
    const { byCoef, byIntercept } = lossGradients(table, target, fitted, C);
    const scale = learnedOf(trained)['scale']!;
    // Gradients in the units that the solver stops by: times the spread of the column, over the rows.
    fitted.coef.forEach((row, j) =>
      row.forEach((w, k) => {
        const unit = scale[j]! / (C * table.rows);
        const slope = byCoef[j]![k]!;
        if (w === 0) expect(Math.abs(slope)).toBeLessThanOrEqual(1 + 1e-6 / unit);
        else expect(Math.abs(slope + Math.sign(w)) * unit).toBeLessThan(1e-6);
      }),
    );
    byIntercept.forEach((slope) => expect(Math.abs(slope) / (C * table.rows)).toBeLessThan(1e-6));
    const zeros = fitted.coef.flat().filter((w) => w === 0).length;
    expect(zeros).toBeGreaterThan(0);
    expect(zeros).toBeLessThan(fitted.coef.length * columns);
  });

  test('is all zeros where C is below what the strongest feature can repay, and not above', async () => {
    const table = iris();
    // At W = 0 the intercepts give every class its share, a third each: |C X'(1/3 - Y)| <= 1 keeps all coefficients at zero.
    const start = { coef: Array.from({ length: 4 }, () => [0, 0, 0]), intercept: [0, 0, 0] };
    const steepest = Math.max(...lossGradients(table, 'species', start, 1).byCoef.flat().map(Math.abs));
    const nonzero = async (C: number): Promise<number> => {
      const params = { penalty: 'l1', C };
      const trained = await train({ spec: { ...spec, target: 'species', params, preprocessing: raw }, train: table });
      return coefOf(trained, 3)
        .coef.flat()
        .filter((w) => w !== 0).length;
    };

    expect(await nonzero(0.999 / steepest)).toBe(0);
    expect(await nonzero(1.05 / steepest)).toBeGreaterThan(0);
  });
});
