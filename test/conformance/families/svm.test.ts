/**
 * Support vector machines against LIBSVM: numbers measured with scikit-learn 1.2.1 at tol 1e-8 to 1e-12, and the conditions that hold at
 * any solution (Karush, Kuhn, Tucker), worked out here from the kernel's formula.
 */
import { describe, expect, test } from '@jest/globals';
import { cellValue, columnOf } from '../../../shared/data/columns.ts';
import type { Column, Table } from '../../../shared/data/table.ts';
import { decodeCheckpoint } from '../../../shared/runtime/checkpoint.ts';
import { loadPredictor } from '../../../shared/runtime/predictor.ts';
import type { ClassPrediction } from '../../../shared/runtime/predictor.ts';
import { breastCancer, diabetes, digits, iris, strideSplit, takeRows, wine } from '../../fixtures/data-sets.ts';
import { shuffled } from '../../fixtures/shuffled.ts';
import { learnedOf, train, trainInSegments } from './train.ts';
import type { Trained } from './train.ts';

const raw = { standardize: false, missing: 'mean', categories: 'one_hot' } as const;
const all = { fraction: 0 } as const;
const classification = { task: 'classification', family: 'svm', validation: all } as const;
const regression = { task: 'regression', family: 'svm', validation: all, target: 'progression' } as const;

const trainIris = (params: Record<string, unknown>): Promise<Trained> =>
  train({ spec: { ...classification, target: 'species', preprocessing: raw, params }, train: iris() });

const supportOf = ({ result }: Trained): unknown => decodeCheckpoint(result.checkpoint).state.position['n_support'];

async function predict(trained: Trained, table: Table, rows: readonly number[]): Promise<unknown[]> {
  const predictor = await loadPredictor(trained.exported.onnx, { threads: 1 });
  const columns = predictor.schema.features.map(({ name }) => columnOf(table, name));
  const instances = rows.map((row) =>
    Object.fromEntries(columns.map((column) => [column.name, cellValue(column, row)])),
  );
  const predictions = await predictor.predict(instances);
  await predictor.release();
  return predictions;
}

/** scikit-learn's decision_function of iris rows 0, 60 and 120, raw, C = 1. */
const IRIS = [
  {
    params: { kernel: 'rbf' },
    support: [7, 29, 24],
    accuracy: 0.973333,
    scores: [
      [2.235451, 1.160914, -0.256506],
      [-0.185188, 2.243771, 0.801523],
      [-0.233165, 0.909581, 2.243242],
    ],
  },
  {
    params: { kernel: 'linear' },
    support: [3, 12, 12],
    accuracy: 0.993333,
    scores: [
      [2.24629, 1.298034, -0.306172],
      [-0.22435, 2.270477, 0.769404],
      [-0.283535, 1.21423, 2.265236],
    ],
  },
  {
    params: { kernel: 'poly' },
    support: [4, 9, 7],
    accuracy: 0.973333,
    scores: [
      [2.243339, 1.283722, -0.297958],
      [-0.209506, 2.270586, 0.758739],
      [-0.309759, 1.27461, 2.29811],
    ],
  },
  {
    params: { kernel: 'poly', degree: 2, coef0: 1, gamma: 'auto' },
    support: [4, 7, 7],
    accuracy: 0.986667,
    scores: [
      [2.244845, 1.307334, -0.311949],
      [-0.217528, 2.284934, 0.733218],
      [-0.298452, 1.142961, 2.295477],
    ],
  },
  {
    params: { kernel: 'sigmoid', coef0: 0.5, gamma: 0.01 },
    support: [47, 50, 50],
    accuracy: 0.76,
    scores: [
      [2.216389, 0.902088, -0.196409],
      [-0.185324, 2.139674, 1.115593],
      [-0.222693, 2.179457, 1.152812],
    ],
  },
  {
    params: { kernel: 'rbf', class_weight: { setosa: 1, versicolor: 3, virginica: 0.5 } },
    support: [7, 9, 42],
    accuracy: 0.9,
    scores: [
      [2.235722, 1.100008, -0.246608],
      [-0.193523, 2.249419, 0.79546],
      [-0.231844, 1.071182, 2.222697],
    ],
  },
] as const;

describe('support vector classification', () => {
  test.each(IRIS)('agrees with LIBSVM on iris for $params', async ({ params, support, accuracy, scores }) => {
    const trained = await trainIris({ ...params, tol: 1e-10 });
    const predictions = (await predict(trained, iris(), [0, 60, 120])) as ClassPrediction[];

    expect(supportOf(trained)).toEqual(support);
    expect(trained.result.metrics.train['accuracy']).toBeCloseTo(accuracy, 6);
    predictions.forEach((prediction, row) => {
      expect(prediction.probabilities).toBeUndefined();
      Object.values(prediction.scores!).forEach((score, k) => expect(score).toBeCloseTo(scores[row]![k]!, 3));
    });
  });

  test('decides between two classes by the value that LIBSVM converges to', async () => {
    const table = takeRows(
      iris(),
      Array.from({ length: 100 }, (_, row) => row),
    );
    const trained = await train({
      spec: { ...classification, target: 'species', preprocessing: raw, params: { tol: 1e-12 } },
      train: table,
    });

    const predictions = (await predict(trained, table, [...Array(100).keys()])) as ClassPrediction[];
    const decisions = predictions.map(({ scores }) => scores!['versicolor']!);

    expect(decisions[0]).toBeCloseTo(-1.266128012, 5);
    expect(decisions[60]).toBeCloseTo(1.078240023, 5);
    expect(decisions.reduce((sum, value) => sum + value, 0) / 100).toBeCloseTo(0.024786476, 5);
    predictions.forEach(({ label, scores }) =>
      expect(label).toBe(scores!['versicolor']! > 0 ? 'versicolor' : 'setosa'),
    );
  });

  test.each([
    ['iris', async () => iris(), 'species', 1],
    ['wine', wine, 'class', 1],
    ['breast cancer', breastCancer, 'diagnosis', 2],
    ['digits', digits, 'column_65', 6],
  ])('errs on the stride split of %s as often as LIBSVM', async (_, load, target, errors) => {
    const { train: training, test: held } = strideSplit(await load());

    const { exported } = await train({ spec: { ...classification, target }, train: training, validation: held });

    expect(Math.round((1 - exported.metrics.validation['accuracy']!) * held.rows)).toBe(errors);
  });

  test.each([
    [2, 0.05, -79.55071231, [-1, -1.717446, -2.085034, -1, -1.344437]],
    [1, 1 / 30, -59.76134537, [-1, -1.880419, -2.444047, -1, -1.480194]],
    [10, 0.01, -323.57670837, [-2.952407, -3.276103, -4.865755, -1.557942, -3.094762]],
  ])('agrees with LIBSVM on breast cancer, C %d, gamma %d', async (C, gamma, objective, decisions) => {
    const table = await breastCancer();
    const params = { C, gamma, tol: 1e-8 };
    const trained = await train({ spec: { ...classification, target: 'diagnosis', params }, train: table });

    const predictions = (await predict(trained, table, [0, 1, 2, 3, 4])) as ClassPrediction[];

    expect(learnedOf(trained)['objective']![0]! / objective).toBeCloseTo(1, 4);
    decisions.forEach((value, row) =>
      expect(Math.abs(predictions[row]!.scores!['benign']! - value)).toBeLessThan(1e-3),
    );
  });

  test('reaches the published accuracies of digits: 0.988889 shuffled, 0.968854 by halves', async () => {
    const table = await digits();
    const accuracy = async (trainRows: number[], testRows: number[], params = {}): Promise<number> => {
      const { exported } = await train({
        spec: { ...classification, target: 'column_65', preprocessing: raw, params: { gamma: 0.001, ...params } },
        train: takeRows(table, trainRows),
        validation: takeRows(table, testRows),
      });
      return exported.metrics.validation['accuracy']!;
    };
    const order = shuffled(1797, 42);
    const rows = Array.from({ length: 1797 }, (_, row) => row);

    expect(order.slice(0, 8)).toEqual([1245, 220, 1518, 438, 1270, 832, 692, 1309]);
    expect(await accuracy(order.slice(360), order.slice(0, 360))).toBeCloseTo(356 / 360, 12);
    expect(await accuracy(order.slice(360), order.slice(0, 360), { C: 100 })).toBeCloseTo(356 / 360, 12);
    expect(await accuracy(order.slice(360), order.slice(0, 360), { gamma: 'scale' })).toBeCloseTo(355 / 360, 12);
    const other = shuffled(1797, 0);
    expect(await accuracy(other.slice(360), other.slice(0, 360))).toBeCloseTo(357 / 360, 12);
    expect(await accuracy(rows.slice(0, 898), rows.slice(898))).toBeCloseTo(871 / 899, 12);
  });

  test('solves the dual problem: the conditions of optimality hold, and its value is that of the coefficients', async () => {
    const table = await breastCancer();
    const tol = 1e-6;
    const trained = await train({
      spec: { ...classification, target: 'diagnosis', params: { C: 2, gamma: 0.05, tol } },
      train: table,
    });
    const { dual_coef, support, intercept, objective } = learnedOf(trained);

    const x = standardised(table, 'diagnosis');
    const diagnosis = table.columns.find(({ name }) => name === 'diagnosis') as Column & { type: 'category' };
    const order = [0, 1].flatMap((c) => Array.from(x.keys()).filter((row) => diagnosis.values[row] === c));
    const coef = new Float64Array(x.length);
    support!.forEach((at, k) => (coef[order[at]!] = dual_coef![k]!));
    const y = Array.from(diagnosis.values, (c) => (c === 0 ? 1 : -1));
    const product = x.map((row) =>
      x.reduce((sum, other, s) => (coef[s] === 0 ? sum : sum + coef[s]! * rbf(row, other, 0.05)), 0),
    );

    expect(coef.reduce((sum, value) => sum + value, 0)).toBeCloseTo(0, 9);
    const value = coef.reduce((sum, b, t) => sum + 0.5 * b * product[t]! - y[t]! * b, 0);
    expect(Math.abs(objective![0]! - value)).toBeLessThan(1e-4 * Math.abs(value));
    coef.forEach((b, t) => {
      const alpha = b * y[t]!;
      const margin = y[t]! * (product[t]! + intercept![0]!);
      expect(alpha).toBeGreaterThanOrEqual(0);
      expect(alpha).toBeLessThanOrEqual(2);
      if (alpha < 2) expect(margin).toBeGreaterThan(1 - 1e-4);
      if (alpha > 0) expect(margin).toBeLessThan(1 + 1e-4);
    });
  });

  test('gives probabilities that sum to one, agree with the labels and are close to LIBSVM’s', async () => {
    const trained = await trainIris({ probability: true });
    const predictions = (await predict(trained, iris(), [...Array(150).keys()])) as ClassPrediction[];

    // Platt's folds are drawn at random: LIBSVM's own numbers move by a few hundredths with its seed.
    const expected = [
      [0.9775, 0.0143, 0.0081],
      [0.0194, 0.9745, 0.0061],
      [0.0094, 0.3626, 0.628],
      [0.0071, 0.0031, 0.9898],
    ];
    [0, 60, 77, 120].forEach((row, i) =>
      Object.values(predictions[row]!.probabilities!).forEach((p, k) =>
        expect(Math.abs(p - expected[i]![k]!)).toBeLessThan(0.08),
      ),
    );
    predictions.forEach(({ label, probabilities, scores }) => {
      const values = Object.values(probabilities!);
      expect(scores).toBeUndefined();
      expect(values.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
      expect(probabilities![String(label)]).toBe(Math.max(...values));
    });
    expect(trained.result.metrics.train['accuracy']).toBeGreaterThan(0.95);
  });
});

describe('support vector regression', () => {
  /** scikit-learn's SVR on standardised diabetes, tol 1e-8: dual objective, predictions of rows 0, 1 and 100, R2. */
  test.each([
    {
      params: { C: 100 },
      objective: -1530973.4776383156,
      values: [224.61777, 75.09999, 128.09999],
      r2: 0.665362382358518,
    },
    {
      params: { kernel: 'linear', C: 10 },
      objective: -191283.84270390554,
      values: [200.57209, 74.89173, 164.09661],
      r2: 0.5128536628061243,
    },
    {
      params: { epsilon: 20 },
      objective: -18682.736857470474,
      values: [154.8216, 113.95699, 146.38963],
      r2: 0.21378538944777636,
    },
    {
      params: { kernel: 'poly', C: 10, degree: 2, coef0: 1 },
      objective: -184714.4059372537,
      values: [199.87174, 74.89999, 148.27307],
      r2: 0.551112578699031,
    },
  ])('agrees with LIBSVM on diabetes for $params', async ({ params, objective, values, r2 }) => {
    const trained = await train({ spec: { ...regression, params: { tol: 1e-6, ...params } }, train: await diabetes() });
    const predictions = (await predict(trained, await diabetes(), [0, 1, 100])) as number[];

    expect(learnedOf(trained)['objective']![0]! / objective).toBeCloseTo(1, 6);
    predictions.forEach((prediction, i) => expect(prediction).toBeCloseTo(values[i]!, 2));
    expect(trained.result.metrics.train['r2']).toBeCloseTo(r2, 4);
  });

  test('closes the gap between the dual problem and the primal one', async () => {
    const table = await diabetes();
    const params = { C: 50, epsilon: 5, gamma: 0.1, tol: 1e-6 };
    const trained = await train({ spec: { ...regression, params }, train: table });
    const { dual_coef: coef, support, intercept, objective } = learnedOf(trained);

    const x = standardised(table, 'progression');
    const y = table.columns.find(({ name }) => name === 'progression')!.values as Float64Array;
    const f = x.map((row) => support!.reduce((sum, s, k) => sum + coef![k]! * rbf(row, x[s]!, params.gamma), 0));
    const norm = support!.reduce((sum, s, k) => sum + coef![k]! * f[s]!, 0);
    const losses = f.map((value, t) => Math.max(0, Math.abs(y[t]! - value - intercept![0]!) - params.epsilon));
    const primal = 0.5 * norm + params.C * losses.reduce((sum, loss) => sum + loss, 0);

    expect(coef!.reduce((sum, b) => sum + b, 0)).toBeCloseTo(0, 6);
    expect(coef!.every((b) => Math.abs(b) <= params.C)).toBe(true);
    expect(-objective![0]!).toBeLessThanOrEqual(primal * (1 + 1e-6));
    expect(primal + objective![0]!).toBeLessThan(1e-4 * primal);
  });

  test('draws the line through the tube of four points', async () => {
    // y = x on 0 ... 3: the flattest line within 0.5 of all of them is y = 0.5 + 2x/3 (slope (3 - 2 * 0.5) / 3).
    const columns: Column[] = ['x', 'progression'].map((name) => ({
      name,
      type: 'number',
      values: Float64Array.of(0, 1, 2, 3),
    }));
    const params = { kernel: 'linear', C: 100, epsilon: 0.5, tol: 1e-9 };
    const table = { rows: 4, columns };
    const trained = await train({ spec: { ...regression, preprocessing: raw, params }, train: table });

    const predictions = (await predict(trained, table, [0, 3])) as number[];

    expect(predictions[0]).toBeCloseTo(0.5, 7);
    expect(predictions[1]).toBeCloseTo(2.5, 7);
  });
});

describe('a long support vector training', () => {
  test('gives the same bytes however it is cut, in the middle of a problem and after shrinking', async () => {
    const table = takeRows(await digits(), [...Array(900).keys()]);
    const even = Float64Array.from(table.columns.at(-1)!.values as Float64Array, (digit) => digit % 2);
    const parity: Table = {
      rows: 900,
      columns: [...table.columns.slice(0, -1), { name: 'odd', type: 'integer', values: even }],
    };
    const params = { C: 1000, gamma: 0.0005, tol: 1e-9, probability: true };
    const training = { spec: { ...classification, target: 'odd', preprocessing: raw, params }, train: parity };

    const whole = await trainInSegments(training, []);
    for (const cuts of [[1], [2, 1], [1, 1, 1]]) {
      const cut = await trainInSegments(training, cuts);
      expect(Buffer.compare(cut.checkpoint, whole.checkpoint)).toBe(0);
    }
  });

  test('stops at max_iter with a model that can be used', async () => {
    const trained = await trainIris({ max_iter: 5 });

    expect(learnedOf(trained)['iterations']).toEqual([5, 5, 5]);
    expect(trained.result.metrics.train['accuracy']).toBeGreaterThan(0.5);
  });
});

describe('errors of svm', () => {
  test.each([
    [{ kernel: 'gauss' }, '/params/kernel', 'invalid_request'],
    [{ gamma: -1 }, '/params/gamma', 'invalid_request'],
    [{ C: 0 }, '/params/C', 'invalid_request'],
    [{ max_iter: 0 }, '/params/max_iter', 'invalid_request'],
    [{ class_weight: { setosa: 0 } }, '/params/class_weight/setosa', 'invalid_request'],
    [{ class_weight: { rosa: 2 } }, '/params/class_weight/rosa', 'invalid_request'],
    [{ nu: 0.5 }, '/params/nu', 'unknown_field'],
  ])('names the parameter: %j', async (params, param, code) => {
    await expect(trainIris(params)).rejects.toMatchObject({ param, code });
  });

  test('refuses in a regression what only classes have', async () => {
    const table = await diabetes();

    for (const params of [{ probability: true }, { class_weight: 'balanced' }]) {
      await expect(train({ spec: { ...regression, params }, train: table })).rejects.toMatchObject({
        param: `/params/${Object.keys(params)[0]!}`,
      });
    }
  });

  test('says so when a kernel is too large for numbers', async () => {
    const table = iris();
    const columns = table.columns.map((column): Column =>
      column.type === 'number' ? { ...column, values: column.values.map((value) => value * 1e160) } : column,
    );

    await expect(
      train({ spec: { ...classification, target: 'species', preprocessing: raw }, train: { ...table, columns } }),
    ).rejects.toMatchObject({ code: 'training_diverged', message: expect.stringContaining('rbf kernel') });
  });
});

function rbf(a: readonly number[], b: readonly number[], gamma: number): number {
  return Math.exp(-gamma * a.reduce((sum, value, j) => sum + (value - b[j]!) ** 2, 0));
}

/** Rows with every feature at mean 0 and population deviation 1. */
function standardised(table: Table, target: string): number[][] {
  const features = table.columns
    .filter(({ name }) => name !== target)
    .map(({ values }) => {
      const raws = Array.from(values as Float64Array);
      const mean = raws.reduce((sum, value) => sum + value, 0) / raws.length;
      const deviation = Math.sqrt(raws.reduce((sum, value) => sum + (value - mean) ** 2, 0) / raws.length);
      return raws.map((value) => (value - mean) / deviation);
    });
  return Array.from({ length: table.rows }, (_, row) => features.map((column) => column[row]!));
}
