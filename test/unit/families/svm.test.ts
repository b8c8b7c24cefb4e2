/** The parts of the support vector machine: kernel rows and their cache, the solver under shrinking, Platt's sigmoid. */
import { describe, expect, test } from '@jest/globals';
import { factorsOf } from '../../../shared/families/svm/kernel.ts';
import type { Kernel } from '../../../shared/families/svm/kernel.ts';
import { KernelRows, KernelSource } from '../../../shared/families/svm/kernel-rows.ts';
import { fitSigmoid } from '../../../shared/families/svm/platt.ts';
import { SmoSolver } from '../../../shared/families/svm/smo.ts';
import type { SmoProblem, SmoStatus } from '../../../shared/families/svm/smo.ts';
import { createEngine } from '../../../shared/runtime/session.ts';
import { Random } from '../../../shared/tensor/random.ts';
import { fromNumbers } from '../../../shared/tensor/tensor.ts';

const ROWS = 600;
const WIDTH = 5;
const KERNEL: Kernel = { kernel: 'rbf', gamma: 0.2, degree: 3, coef0: 0 };
const values = Float64Array.from(Random.fromSeed(2).normal(ROWS * WIDTH));
const x = fromNumbers('float64', values, [ROWS, WIDTH]);
const everyRow = Int32Array.from({ length: ROWS }, (_, row) => row);

async function withSource<T>(kernel: Kernel, use: (source: KernelSource) => Promise<T>): Promise<T> {
  const source = await KernelSource.open(createEngine({ threads: 1 }), kernel, factorsOf(x, everyRow, kernel));
  try {
    return await use(source);
  } finally {
    await source.release();
  }
}

/** Two classes that overlap: a disc with noise. */
function discProblem(cost: number): SmoProblem {
  const random = Random.fromSeed(3);
  const linear = Float64Array.from({ length: ROWS }, (_, row) => {
    const square = values[row * WIDTH]! ** 2 + values[row * WIDTH + 1]! ** 2;
    return square + random.nextDouble() < 2 ? 1 : -1;
  });
  return {
    linear,
    lower: linear.map((y) => (y > 0 ? 0 : -cost)),
    upper: linear.map((y) => (y > 0 ? cost : 0)),
    epsilon: 0,
  };
}

async function solve(solver: SmoSolver): Promise<{ loads: number; refreshes: number }> {
  let [loads, refreshes] = [0, 0];
  for (let status: SmoStatus = 'paused'; status !== 'optimal'; status = solver.advance(1e6)) {
    if (status === 'missing') {
      loads++;
      await solver.load();
    } else if (status === 'stale') {
      refreshes++;
      await solver.refresh();
    }
  }
  return { loads, refreshes };
}

describe('kernel rows', () => {
  test.each<[Kernel['kernel'], (product: number, square: number) => number]>([
    ['rbf', (_, square) => Math.exp(-0.2 * square)],
    ['linear', (product) => product],
    ['poly', (product) => (0.2 * product + 1) ** 3],
    ['sigmoid', (product) => Math.tanh(0.2 * product + 1)],
  ])('hold the %s kernel', async (name, formula) => {
    const kernel = { ...KERNEL, kernel: name, coef0: 1 };
    const center = Array.from({ length: WIDTH }, (_, j) =>
      name === 'linear' ? everyRow.reduce((sum, row) => sum + values[row * WIDTH + j]! / ROWS, 0) : 0,
    );
    const at = (row: number, j: number): number => values[row * WIDTH + j]! - center[j]!;

    await withSource(kernel, async (source) => {
      const rows = await KernelRows.open(source, everyRow);
      for (const [i, t] of [
        [0, 0],
        [0, 599],
        [599, 1],
        [17, 230],
      ] as const) {
        const columns = center.map((_, j) => j);
        const product = columns.reduce((sum, j) => sum + at(i, j) * at(t, j), 0);
        const square = columns.reduce((sum, j) => sum + (at(i, j) - at(t, j)) ** 2, 0);

        expect(Math.abs(rows.row(i)![t]! - formula(product, square))).toBeLessThan(
          2e-6 * Math.max(1, Math.abs(product) ** 3),
        );
        if (i === t) expect(Math.abs(rows.diagonal[i]! - formula(product, square))).toBeLessThan(1e-12);
      }
    });
  });

  test('have the same bits in whichever block they are computed', async () => {
    await withSource(KERNEL, async (source) => {
      const rows = await KernelRows.open(source, everyRow, 1e5);
      const load = async (wanted: number[], row: number): Promise<number[]> => {
        await rows.load(wanted);
        return Array.from(rows.row(row)!);
      };
      const first = await load([7], 7);
      for (let begin = 100; begin < 500; begin += 64) await rows.load([begin, begin + 1]);

      expect(rows.row(7)).toBeUndefined();
      expect(await load([599, 3, 44, 7, 12], 7)).toEqual(first);
    });
  });
});

describe('the solver', () => {
  test('finds one optimum with every row in memory, with a few, and over some of the rows', async () => {
    const problem = discProblem(10);
    const options = { tol: 1e-6, maxIter: Infinity };
    await withSource(KERNEL, async (source) => {
      const all = new SmoSolver(problem, { rows: await KernelRows.open(source, everyRow), index: everyRow }, options);
      const few = new SmoSolver(
        problem,
        { rows: await KernelRows.open(source, everyRow, 1e5), index: everyRow },
        options,
      );
      const counts = [await solve(all), await solve(few)];

      expect(counts[0]!.loads).toBe(0);
      expect(counts[1]!.loads).toBeGreaterThan(5);
      expect(few.objective).toBeCloseTo(all.objective, 6);
      expect(few.intercept).toBeCloseTo(all.intercept, 5);
    });
  });

  test('lets go of rows at their bounds and looks at them again before it ends', async () => {
    const problem = discProblem(100);
    await withSource(KERNEL, async (source) => {
      const rows = await KernelRows.open(source, everyRow);
      const solver = new SmoSolver(problem, { rows, index: everyRow }, { tol: 1e-8, maxIter: Infinity });
      const { refreshes } = await solve(solver);

      expect(refreshes).toBeGreaterThan(0);
      expect(solver.state.active).toHaveLength(ROWS);
      // f is linear - K b for every row, also for those that were away.
      for (const t of [0, 99, 321, 599]) {
        const product = everyRow.reduce((sum, s) => sum + solver.coef[s]! * rows.row(s)![t]!, 0);
        expect(solver.f[t]).toBeCloseTo(problem.linear[t]! - product, 8);
      }
      expect(solver.gap).toBeLessThan(1e-8);
    });
  });

  test('goes on from its state as if it had not stopped', async () => {
    const problem = discProblem(100);
    await withSource(KERNEL, async (source) => {
      const kernel = { rows: await KernelRows.open(source, everyRow), index: everyRow };
      const options = { tol: 1e-7, maxIter: Infinity };
      const whole = new SmoSolver(problem, kernel, options);
      await solve(whole);

      let solver = new SmoSolver(problem, kernel, options);
      for (let status: SmoStatus = 'paused'; status !== 'optimal'; status = solver.advance(50_000)) {
        if (status === 'stale') await solver.refresh();
        solver = new SmoSolver(problem, kernel, options, solver.state);
      }

      expect(solver.iteration).toBe(whole.iteration);
      expect(solver.coef).toEqual(whole.coef);
      expect(solver.f).toEqual(whole.f);
    });
  });
});

describe('the sigmoid', () => {
  test('is where its loss is flat: the mean of what it says is that of the smoothed targets', () => {
    const random = Random.fromSeed(9);
    const decisions = Float64Array.from(random.normal(500));
    const isFirst = Uint8Array.from(decisions, (f) => Number(f + random.normal(1)[0]! > 0.3));

    const { a, b } = fitSigmoid(decisions, isFirst);

    const first = isFirst.reduce((sum, flag) => sum + flag, 0);
    const targets = Array.from(isFirst, (flag) => (flag === 1 ? (first + 1) / (first + 2) : 1 / (500 - first + 2)));
    const residuals = targets.map((target, i) => target - 1 / (1 + Math.exp(a * decisions[i]! + b)));
    expect(a).toBeLessThan(0);
    expect(Math.abs(residuals.reduce((sum, r) => sum + r, 0))).toBeLessThan(1e-4);
    expect(Math.abs(residuals.reduce((sum, r, i) => sum + r * decisions[i]!, 0))).toBeLessThan(1e-4);
  });

  test('stays finite for classes that are far apart', () => {
    const { a, b } = fitSigmoid(Float64Array.of(1e6, 2e6, -1e6, -3e6), Uint8Array.of(1, 1, 0, 0));

    expect(Number.isFinite(a) && Number.isFinite(b)).toBe(true);
  });
});
