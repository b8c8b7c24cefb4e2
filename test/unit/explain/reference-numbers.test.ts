/** Explanations against numbers that were worked out elsewhere, with scikit-learn, shap and Captum; how is said beside each. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Explainer } from '../../../shared/explain/explainer.ts';
import type { ExplainedRow } from '../../../shared/explain/answer.ts';
import type { ExplainRequest } from '../../../shared/explain/explainer.ts';
import { sampleBackground } from '../../../shared/explain/background.ts';
import { GraphBuilder, toModel } from '../../../shared/onnx/graph-builder.ts';
import { SCHEMA_KEY } from '../../../shared/runtime/model-schema.ts';
import type { Value } from '../../../shared/onnx/graph.ts';
import { diabetes, iris, takeRows } from '../../fixtures/data-sets.ts';
import { train } from '../../conformance/families/train.ts';
import { instancesOf } from './instances.ts';

const FIRST_HUNDRED = Array.from({ length: 100 }, (_, row) => row);

function attributionsOf(row: ExplainedRow | undefined): number[] {
  return Object.values(row!.attributions as Record<string, number>);
}

function expectClose(got: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(got).toHaveLength(expected.length);
  for (const [i, value] of expected.entries()) expect(Math.abs(got[i]! - value)).toBeLessThanOrEqual(tolerance);
}

describe('exact Shapley values of the RBF SVC on iris, rows 0 to 99, background the same rows', () => {
  let explainer: Explainer;
  const rows = takeRows(iris(), FIRST_HUNDRED);
  const background = instancesOf(rows, FIRST_HUNDRED, 'species');
  const instances = instancesOf(rows, [0, 60], 'species');
  const explain = (request: Partial<ExplainRequest>): Promise<ExplainedRow[]> =>
    explainer.explain({ instances, background, target: 'versicolor', ...request });

  beforeAll(async () => {
    const spec = {
      task: 'classification',
      family: 'svm',
      target: 'species',
      params: { kernel: 'rbf', C: 1, gamma: 'scale', tol: 1e-12, max_iter: 10_000_000 },
      preprocessing: { standardize: false, missing: 'mean', categories: 'one_hot' },
      validation: { fraction: 0 },
    } as const;
    const { exported } = await train({ spec, train: rows });
    explainer = new Explainer(exported.onnx, { threads: 1 });
  });
  afterAll(() => explainer.release());

  // scikit-learn's SVC with tol 1e-12; enumeration of all subsets, and shap's exact explainer, agree to 8e-16.
  test('are those of an enumeration of all subsets', async () => {
    const [setosa, versicolor] = await explain({ method: 'exact_shap' });

    expectClose(attributionsOf(setosa), [-0.039434182, -0.140235623, -0.941878059, -0.169366623], 1e-6);
    expectClose(attributionsOf(versicolor), [-0.008742549, 0.35104262, 0.618927892, 0.092225585], 1e-6);
    expectClose(
      [setosa!.base_value!, setosa!.output, versicolor!.output],
      [0.024786476, -1.266128012, 1.078240023],
      1e-6,
    );
  });

  test('are those of kernel SHAP over all coalitions', async () => {
    const exact = await explain({ method: 'exact_shap' });
    const kernel = await explain({ method: 'kernel_shap' });

    for (const [i, row] of kernel.entries()) {
      expectClose(attributionsOf(row), attributionsOf(exact[i]), 1e-9);
      expect(Object.values(row.standard_errors as Record<string, number>)).toEqual([0, 0, 0, 0]);
    }
  });

  test('lie within four standard errors of a sample of orders', async () => {
    const exact = await explain({ method: 'exact_shap' });
    const sampled = await explain({ method: 'permutation', samples: 6, seed: 3 });

    for (const [i, row] of sampled.entries()) {
      const errors = Object.values(row.standard_errors as Record<string, number>);
      for (const [j, value] of attributionsOf(row).entries())
        expect(Math.abs(value - attributionsOf(exact[i])[j]!)).toBeLessThanOrEqual(4 * errors[j]! + 1e-12);
    }
  });
});

describe('Shapley values of ordinary least squares on diabetes', () => {
  let explainer: Explainer;
  let table: Awaited<ReturnType<typeof diabetes>>;

  beforeAll(async () => {
    table = await diabetes();
    const spec = {
      task: 'regression',
      family: 'linear_regression',
      target: 'progression',
      validation: { fraction: 0 },
    };
    const { exported } = await train({ spec, train: table });
    const { encodings, trainRows, problem } = exported.prepared;
    const stored = sampleBackground({ encodings, ...trainRows, x: problem.train.x, seed: 0 });
    explainer = new Explainer(exported.onnx, { threads: 1, stored });
  });
  afterAll(() => explainer.release());

  // coef of scikit-learn's LinearRegression on load_diabetes, whose columns are centred: phi_i = w_i x_i, the base is the mean target.
  test('in closed form are the weight times the distance from the mean over all rows, not over a sample', async () => {
    const coef = [-10.0099, -239.8156, 519.8459, 324.3846, -792.1756, 476.739, 101.0433, 177.0632, 751.2737, 67.6267];
    const [row] = await explainer.explain({ instances: instancesOf(table, [0], 'progression') });
    const x = table.columns.filter(({ name }) => name !== 'progression').map(({ values }) => values[0] as number);

    expect(row!.method).toBe('linear_shap');
    expectClose(
      attributionsOf(row),
      coef.map((w, i) => w * x[i]!),
      1e-5,
    );
    expect(row!.base_value).toBeCloseTo(152.1334841629, 6);
    expect(row!.completeness).toMatchObject({ passed: true });
  });

  test('by the closed form, by all coalitions and by a regression over all of them agree', async () => {
    const instances = instancesOf(table, [0], 'progression');
    const background = instancesOf(table, FIRST_HUNDRED, 'progression');
    const ask = async (method: ExplainRequest['method'], samples?: number): Promise<number[]> =>
      attributionsOf((await explainer.explain({ instances, background, method, samples, maxSeconds: 60 }))[0]);
    const closed = await ask('linear_shap');

    expectClose(await ask('exact_shap'), closed, 1e-9);
    expectClose(await ask('kernel_shap', 1024), closed, 1e-9);
  });
});

/** A model of columns whose prediction is a formula. */
function formula(names: readonly string[], build: (g: GraphBuilder, columns: readonly Value[]) => Value): Uint8Array {
  const g = new GraphBuilder('formula');
  const columns = names.map((name) => g.input(name, 'float64', ['batch', 1]));
  g.output(g.reshape(build(g, columns), ['batch']), 'prediction');
  const features = names.map((name) => ({ name, type: 'number', required: true }));
  const schema = {
    version: 1,
    family: 'uploaded',
    task: 'regression',
    features,
    outputs: { prediction: 'prediction' },
  };
  return toModel(g, { metadata: { [SCHEMA_KEY]: JSON.stringify(schema) } });
}

async function gradientsOf(file: Uint8Array, instance: object, steps: number): Promise<ExplainedRow> {
  const explainer = new Explainer(file, { threads: 1 });
  const [row] = await explainer.explain({
    instances: [instance],
    method: 'integrated_gradients',
    steps,
    baseline: 'zeros',
  });
  await explainer.release();
  return row!;
}

describe('integrated gradients', () => {
  // pytorch/captum, tests/attr/test_integrated_gradients_basic.py; its kink lies at half the way, so that even numbers of steps are exact.
  test('of relu(relu(a) - 1 - relu(b)) at (3, 1) are (1.5, -0.5)', async () => {
    const file = formula(['a', 'b'], (g, [a, b]) => g.relu(g.sub(g.sub(g.relu(a!), 1), g.relu(b!))));

    const row = await gradientsOf(file, { a: 3, b: 1 }, 20);

    expectClose(attributionsOf(row), [1.5, -0.5], 1e-12);
    expect(row).toMatchObject({
      output: 1,
      base_value: 0,
      steps: 20,
      baseline: 'zeros',
      completeness: { passed: true },
    });
  });

  // Gauss-Legendre with 20 points has a residual of 1e-15 here; the midpoint rule with 50 steps one of 7.6e-5.
  test('of sigmoid(2a - b^2 + 0.5ac) at (1, 2, -1) are those of a quadrature', async () => {
    const file = formula(['a', 'b', 'c'], (g, [a, b, c]) =>
      g.sigmoid(g.add(g.sub(g.mul(a!, 2), g.mul(b!, b!)), g.mul(g.mul(a!, c!), 0.5))),
    );
    const expected = [0.38181880388, -0.7585511754, -0.04740944846];

    const [coarse, fine] = [
      await gradientsOf(file, { a: 1, b: 2, c: -1 }, 50),
      await gradientsOf(file, { a: 1, b: 2, c: -1 }, 4000),
    ];

    expectClose(attributionsOf(fine), expected, 2e-8);
    expect(coarse.completeness!.residual).toBeGreaterThan(7.5e-5);
    expect(coarse.completeness!.residual).toBeLessThan(7.7e-5);
  });

  test('double their steps until they add up, and say so where they do not in time', async () => {
    const file = formula(['a'], (g, [a]) => g.relu(g.mul(g.sub(a!, 0.98), 50)));

    const done = await gradientsOf(file, { a: 1 }, 2);
    const explainer = new Explainer(file, { threads: 1 });
    const [cut] = await explainer.explain({
      instances: [{ a: 1 }],
      method: 'integrated_gradients',
      steps: 2,
      baseline: 'zeros',
      maxSeconds: 1e-6,
    });
    await explainer.release();

    // The slope is there for the last fiftieth of the way alone: a midpoint has to fall into it, and in the right share.
    expect(done.steps).toBeGreaterThan(2);
    expect(done.completeness!.residual).toBeLessThanOrEqual(done.completeness!.tolerance);
    expect(cut).toMatchObject({
      steps: 2,
      completeness: { passed: false },
      note: expect.stringContaining('the time was over'),
    });
  });

  test('name the op that has no gradient rule', async () => {
    const file = formula(['a'], (g, [a]) =>
      g.emit('Asinh', [g.cast(a!, 'float32')], { dtype: 'float32', shape: a!.shape }),
    );

    await expect(gradientsOf(file, { a: 1 }, 8)).rejects.toMatchObject({
      code: 'unsupported_operator',
      message: expect.stringContaining('Asinh'),
    });
  });
});
