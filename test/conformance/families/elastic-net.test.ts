/** Lasso and elastic net by what defines their optimum: soft thresholding where columns are orthonormal, the KKT conditions elsewhere. */
import { describe, expect, test } from '@jest/globals';
import type { Column, Table } from '../../../shared/data/table.ts';
import { descend } from '../../../shared/families/coordinate-descent.ts';
import { diabetes } from '../../fixtures/data-sets.ts';
import { learnedOf, train, trainInSegments } from './train.ts';

const spec = {
  task: 'regression',
  family: 'linear_regression',
  target: 'progression',
  validation: { fraction: 0 },
} as const;

/** The gradient of |y - X w - b|^2 / 2n by every coefficient, from the rows. */
function gradientOf(table: Table, coef: readonly number[], intercept: number): number[] {
  const features = table.columns.slice(0, -1).map((column) => column.values as Float64Array);
  const y = table.columns.at(-1)!.values as Float64Array;
  const residual = y.map((value, row) => features.reduce((sum, x, j) => sum + x[row]! * coef[j]!, intercept) - value);
  return features.map((x) => x.reduce((sum, value, row) => sum + value * residual[row]!, 0) / table.rows);
}

describe('lasso and elastic net', () => {
  test('of orthonormal columns are the soft-thresholded least squares coefficients', async () => {
    // The columns of a Hadamard matrix without its constant one: centred, orthogonal, of square sum 8.
    const sign = (row: number, column: number): number =>
      (row & column).toString(2).replaceAll('0', '').length % 2 ? -1 : 1;
    const true_ = [3, -0.4, 0.9, 0, -2];
    const rows = Array.from({ length: 8 }, (_, row) => row);
    const y = rows.map((row) => true_.reduce((sum, w, j) => sum + w * sign(row, j + 1), 5));
    const columns: Column[] = [...true_, y].map((_, j) => ({
      name: j < true_.length ? `x${j}` : 'y',
      type: 'number',
      values: Float64Array.from(rows, (row) => (j < true_.length ? sign(row, j + 1) : y[row]!)),
    }));

    for (const [alpha, l1Ratio] of [
      [0.5, 1],
      [0.8, 0.5],
    ] as const) {
      const params = { alpha, l1_ratio: l1Ratio };
      const trained = await train({ spec: { ...spec, target: 'y', params }, train: { rows: 8, columns } });

      const { coef, intercept } = learnedOf(trained);
      true_.forEach((w, j) => {
        const shrunk = Math.sign(w) * Math.max(0, Math.abs(w) - alpha * l1Ratio);
        expect(coef![j]).toBeCloseTo(shrunk / (1 + alpha * (1 - l1Ratio)), 12);
      });
      expect(intercept![0]).toBeCloseTo(5, 12);
    }
  });

  test.each([
    [0.5, 1],
    [0.05, 1],
    [0.01, 0.5],
    [0.001, 0.9],
  ])('of diabetes with alpha %d and l1_ratio %d meet the KKT conditions', async (alpha, l1Ratio) => {
    const table = await diabetes();

    const trained = await train({
      spec: { ...spec, params: { alpha, l1_ratio: l1Ratio, tol: 1e-14 } },
      train: table,
    });

    const { coef, intercept } = learnedOf(trained) as { coef: number[]; intercept: [number] };
    const l1 = alpha * l1Ratio;
    gradientOf(table, coef, intercept[0]).forEach((gradient, j) => {
      const w = coef[j]!;
      if (w === 0) expect(Math.abs(gradient)).toBeLessThanOrEqual(l1 * (1 + 1e-6));
      else expect(gradient + alpha * (1 - l1Ratio) * w + l1 * Math.sign(w)).toBeCloseTo(0, 6);
    });
    if (alpha === 0.5) expect(coef.filter((w) => w === 0).length).toBeGreaterThan(2);
  });

  test('leave nothing but the mean at the alpha from which all coefficients are zero, and something just below', async () => {
    const table = await diabetes();
    const mean = (table.columns.at(-1)!.values as Float64Array).reduce((sum, value) => sum + value, 0) / table.rows;
    const alpha = Math.max(...gradientOf(table, Array<number>(10).fill(0), mean).map((g) => Math.abs(g)));
    const coefAt = async (share: number): Promise<number[]> =>
      learnedOf(await train({ spec: { ...spec, params: { alpha: alpha * share, l1_ratio: 1 } }, train: table }))[
        'coef'
      ]!;

    expect((await coefAt(1.0001)).every((w) => w === 0)).toBe(true);
    expect((await coefAt(0.99)).filter((w) => w !== 0)).toHaveLength(1);
  });

  test('give the same bytes however the descent is cut, and stop at max_iter', async () => {
    const table = await diabetes();
    // Wide enough for a yield every few hundred sweeps: products of all pairs of columns, nearly collinear.
    const features = table.columns.slice(0, 10).map((column) => column.values as Float64Array);
    const products = features.flatMap((a, i) =>
      features
        .slice(i)
        .map((b, j): Column => ({ name: `p${i}_${j}`, type: 'number', values: a.map((x, row) => x * b[row]!) })),
    );
    const wide: Table = { rows: table.rows, columns: [...table.columns.slice(0, 10), ...products, table.columns[10]!] };
    const training = { spec: { ...spec, params: { alpha: 1e-6, l1_ratio: 0.7, max_iter: 12_000 } }, train: wide };

    const whole = await trainInSegments(training, []);
    const cut = await trainInSegments(training, [1, 1, 2]);

    expect(Buffer.compare(cut.checkpoint, whole.checkpoint)).toBe(0);
  });

  test('bound the distance to the optimum by the duality gap', () => {
    // One column: the optimum is known, S(6, 2) / (4 + 1) = 0.8.
    const net = { gram: Float64Array.of(4), correlation: Float64Array.of(6), square: 20, l1: 2, l2: 1 };
    const value = (w: number): number => 0.5 * (20 - 12 * w + 4 * w * w) + 2 * Math.abs(w) + 0.5 * w * w;

    for (const start of [0, 0.3, 0.8, 2]) {
      const { gap } = descend(net, Float64Array.of(start), { sweeps: 0, gap: 0 });
      expect(gap).toBeGreaterThanOrEqual(value(start) - value(0.8) - 1e-12);
      if (start === 0.8) expect(gap).toBeCloseTo(0, 12);
    }
    expect(descend(net, Float64Array.of(0), { sweeps: 5, gap: 1e-12 }).coef[0]).toBeCloseTo(0.8, 14);
  });
});
