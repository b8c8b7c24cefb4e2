import { describe, expect, test } from '@jest/globals';
import { lbfgsStep } from '../../../shared/families/lbfgs.ts';
import type { Evaluation, LbfgsState } from '../../../shared/families/lbfgs.ts';
import { solveCholesky, solveLeastNorm, updateTriangular } from '../../../shared/families/least-squares.ts';
import { measure } from '../../../shared/families/metrics.ts';
import { Random } from '../../../shared/tensor/random.ts';

describe('least squares', () => {
  test('Cholesky solves a worked system, scaled however badly', () => {
    // [4 2; 2 3] x = [2; 5] has x = (-0.5, 2); the second variable in units of 1e-6.
    expect(Array.from(solveCholesky(Float64Array.of(4, 2, 2, 3), Float64Array.of(2, 5))!)).toEqual(
      [-0.5, 2].map((x) => expect.closeTo(x, 14)),
    );
    expect(Array.from(solveCholesky(Float64Array.of(4, 2e6, 2e6, 3e12), Float64Array.of(2, 5e6))!)).toEqual(
      [-0.5, 2e-6].map((x) => expect.closeTo(x, 14)),
    );
  });

  test('Cholesky declines what is singular or has an empty column', () => {
    expect(solveCholesky(Float64Array.of(1, 1, 1, 1), Float64Array.of(1, 1))).toBeUndefined();
    expect(solveCholesky(Float64Array.of(1, 0, 0, 0), Float64Array.of(1, 0))).toBeUndefined();
  });

  test('the triangular factor of blocks has the Gram matrix of all rows', () => {
    const random = Random.fromSeed(1);
    const n = 4;
    const rows = Float64Array.from(random.normal(30 * n));

    let r: Float64Array = new Float64Array(n * n);
    for (const [begin, end] of [
      [0, 3],
      [3, 20],
      [20, 30],
    ] as const)
      r = updateTriangular(r, rows.subarray(begin * n, end * n), n);

    const gram = (a: Float64Array, i: number, j: number): number =>
      Array.from({ length: a.length / n }, (_, k) => a[k * n + i]! * a[k * n + j]!).reduce((x, y) => x + y, 0);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) expect(gram(r, i, j)).toBeCloseTo(gram(rows, i, j), 10);
      for (let j = 0; j < i; j++) expect(r[i * n + j]).toBe(0);
    }
  });

  test('the least norm solution of x + y = 2 is (1, 1)', () => {
    expect(Array.from(solveLeastNorm(Float64Array.of(1, 1, 0, 0), Float64Array.of(2, 0)))).toEqual([
      expect.closeTo(1, 12),
      expect.closeTo(1, 12),
    ]);
    expect(Array.from(solveLeastNorm(new Float64Array(4), Float64Array.of(0, 0)))).toEqual([0, 0]);
  });
});

describe('L-BFGS', () => {
  /** Rosenbrock's function; its minimum is 0 at (1, 1). */
  const rosenbrock = ([x = 0, y = 0]: Float64Array): Evaluation => ({
    value: (1 - x) ** 2 + 100 * (y - x * x) ** 2,
    gradient: Float64Array.of(-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)),
  });

  function stepOf(state: LbfgsState): LbfgsState | undefined {
    const step = lbfgsStep(state);
    let asked = step.next();
    while (asked.done !== true) asked = step.next(rosenbrock(asked.value));
    return asked.value;
  }

  test('finds the minimum of a curved valley, and says when it can go no lower', () => {
    const point = Float64Array.of(-1.2, 1);
    let state: LbfgsState = { point, evaluation: rosenbrock(point), pairs: [] };
    let steps = 0;
    for (let next = stepOf(state); next !== undefined && steps < 200; next = stepOf(state), steps++) state = next;

    expect(Array.from(state.point)).toEqual([expect.closeTo(1, 8), expect.closeTo(1, 8)]);
    expect(steps).toBeLessThan(60);
  });
});

describe('measures', () => {
  test('of classes: accuracy and mean log-loss', () => {
    const { loss, accuracy } = measure(
      { label: Float64Array.of(0, 1, 0), probabilities: Float64Array.of(0.5, 0.5, 0.25, 0.75, 1, 0) },
      {
        kind: 'classes',
        labels: ['a', 'b'],
        values: Int32Array.of(0, 1, 1),
      },
    ) as { loss: number; accuracy: number };

    expect(accuracy).toBeCloseTo(2 / 3, 12);
    expect(loss).toBeCloseTo((Math.log(2) + Math.log(4 / 3) + 15 * Math.log(10)) / 3, 9);
  });

  test('of numbers: r2, rmse, mae', () => {
    // scikit-learn's documentation of r2_score: y = [3, -0.5, 2, 7], predicted [2.5, 0, 2, 8] gives 0.948...
    const figures = measure(
      { prediction: Float64Array.of(2.5, 0, 2, 8) },
      { kind: 'numbers', values: Float64Array.of(3, -0.5, 2, 7) },
    );

    expect(figures).toEqual({
      loss: 0.375,
      r2: expect.closeTo(0.9486081370449679, 12),
      rmse: expect.closeTo(Math.sqrt(0.375), 12),
      mae: 0.5,
    });
    expect(
      measure({ prediction: Float64Array.of(1, 1) }, { kind: 'numbers', values: Float64Array.of(1, 1) })['r2'],
    ).toBe(1);
    expect(
      measure({ prediction: Float64Array.of(1, 2) }, { kind: 'numbers', values: Float64Array.of(1, 1) })['r2'],
    ).toBe(0);
  });
});
