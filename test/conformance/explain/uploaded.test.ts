/** Models that were made elsewhere: their tensors are explained by number, by every method that fits, or it is said why not. */
import { describe, expect, test } from '@jest/globals';
import { Explainer } from '../../../shared/explain/explainer.ts';
import type { ExplainedRow } from '../../../shared/explain/answer.ts';
import { GraphBuilder, toModel } from '../../../shared/onnx/graph-builder.ts';
import type { Value } from '../../../shared/onnx/graph.ts';
import type { DType } from '../../../shared/tensor/dtype.ts';
import type { Shape } from '../../../shared/tensor/shape.ts';
import { fromNumbers } from '../../../shared/tensor/tensor.ts';

function uploaded(input: readonly [DType, Shape], build: (g: GraphBuilder, x: Value) => Value): Explainer {
  const g = new GraphBuilder('theirs');
  g.output(build(g, g.input('x', ...input)), 'y');
  return new Explainer(toModel(g), { threads: 1, isForeign: true });
}

const W = [2, 0, -1, 0.5, 1, 3];
const weights = (g: GraphBuilder): Value => g.constant(fromNumbers('float32', W, [3, 2]));

/** What each input adds to the log-odds of class 1 over class 0 in a linear model from zeros. */
const LOG_ODDS = [0 - 2, 0.5 + 1, 3 - 1];

async function explained(
  explainer: Explainer,
  request: Partial<Parameters<Explainer['explain']>[0]>,
): Promise<ExplainedRow> {
  const [row] = await explainer.explain({ instances: [{ x: [1, 1, 1] }], ...request });
  await explainer.release();
  return row!;
}

describe('an uploaded model', () => {
  test('that ends in a softmax is explained by its log-odds, the classes numbered from 0', async () => {
    const explainer = uploaded(['float32', ['batch', 3]], (g, x) => g.softmax(g.matMul(x, weights(g)), 1));

    const row = await explained(explainer, { target: 1 });

    expect(row).toMatchObject({ method: 'integrated_gradients', target: 1, explains: 'log_odds', baseline: 'zeros' });
    for (const [i, value] of (row.attributions as number[]).entries()) expect(value).toBeCloseTo(LOG_ODDS[i]!, 5);
    expect(row.completeness!.passed).toBe(true);
  });

  test('is explained by Shapley values against rows that are given', async () => {
    const explainer = uploaded(['float32', ['batch', 3]], (g, x) => g.matMul(x, weights(g)));

    const row = await explained(explainer, {
      method: 'exact_shap',
      target: 0,
      background: [
        [0, 0, 0],
        [2, 2, 2],
      ],
    });

    expect(row).toMatchObject({ explains: 'score', base_value: 2, output: 2, completeness: { passed: true } });
    expect(() => explainer.plan({ instances: [[1, 1, 1]], method: 'kernel_shap' })).toThrow('give "background"');
  });

  test('of integers is explained from what they are looked up for', async () => {
    const table = [0, 0, 1, 2, -3, 5];
    const explainer = uploaded(['int64', ['batch', 2]], (g, x) => {
      const found = g.gather(g.constant(fromNumbers('float32', table, [6])), x);
      return g.reduceSum(found, { axes: [1] });
    });

    const row = await explained(explainer, { instances: [[3, 4]] });

    expect(row.attributions).toEqual([expect.closeTo(2, 5), expect.closeTo(-3, 5)]);
    await expect(async () => explained(explainer, { instances: [[0.5, 4]] })).rejects.toThrow(
      'whole ones: it is int64',
    );
  });

  const constantOf = (g: GraphBuilder): Value => g.constant(fromNumbers('float32', [1], [1]));
  // 1 / x at 0, and a number that nothing is looked up for.
  const inverse = (): Explainer =>
    uploaded(['float32', ['batch', 3]], (g, x) => g.reduceSum(g.div(constantOf(g), x), { axes: [1] }));
  const lookup = (): Explainer =>
    uploaded(['int64', ['batch', 2]], (g, x) =>
      g.reduceSum(g.gather(g.constant(fromNumbers('float32', [0, 0, 1, 2, -3, 5], [6])), x), { axes: [1] }),
    );
  const shapley = { method: 'exact_shap' } as const;
  test.each<[string, () => Explainer, Partial<Parameters<Explainer['explain']>[0]>, string]>([
    ['the row', inverse, { instances: [[1, 0, 1]] }, '/instances/0'],
    ['the zeros that the line begins at', inverse, {}, '/baseline'],
    ['the sample', inverse, { ...shapley, background: [[0, 1, 1]] }, '/background'],
    ['points between', inverse, { instances: [[1, 1, 1]], baseline: [-1, 1, 1], steps: 1 }, '/method'],
    ['the row, which it cannot run on', lookup, { instances: [[9, 1]] }, '/instances'],
    ['a baseline that it cannot run on', lookup, { instances: [[1, 1]], baseline: [9, 1] }, '/baseline'],
    [
      'a sample that it cannot run on',
      lookup,
      { ...shapley, instances: [[1, 1]], background: [[9, 1]] },
      '/background',
    ],
    ['the name of an input', inverse, { instances: [{ x: [1, 1, 1], y: 1 }] }, '/instances/0'],
    ['no target', inverse, { baseline: [2, 2, 2], target: true }, '/target'],
  ])('that has no finite answer to %s is refused with a pointer to it', async (_, made, request, param) => {
    const explainer = made();
    const refused = expect(async () => explainer.explain({ instances: [[1, 1, 1]], ...request })).rejects;

    await refused.toMatchObject({ param, message: expect.any(String) });
    await explainer.release();
  });

  // max(x, y) goes with x from where x is the greater: of the way from (0, 0) all of it, of that from (0, 1) the second half.
  test.each([
    [
      [0, 0],
      [2, 0],
    ],
    [
      [0, 1],
      [1, 0],
    ],
  ])('with a maximum is explained from %j by who wins along the line', async (baseline, expected) => {
    const explainer = uploaded(['float32', ['batch', 2]], (g, x) => g.reduceMax(x, { axes: [1], keepdims: true }));

    const row = await explained(explainer, {
      instances: [[2, 1]],
      baseline: { x: baseline },
      method: 'integrated_gradients',
    });

    expect(row.attributions).toEqual(expected.map((value) => expect.closeTo(value, 5)));
  });

  test('of images is explained by Grad-CAM', async () => {
    const explainer = uploaded(['float32', ['batch', 1, 4, 4]], (g, x) => {
      const kernel = g.constant(fromNumbers('float32', [1, 0, 0, 1], [1, 1, 2, 2]));
      return g.reduceMean(g.relu(g.conv(x, kernel)), { axes: [1, 2, 3] });
    });
    const image = [
      Array.from({ length: 4 }, (_, i) => Array.from({ length: 4 }, (__, j) => Number(i === 0 && j === 0))),
    ];

    const row = await explained(explainer, { instances: [{ x: image }], method: 'grad_cam' });
    const heat = (row.attributions as number[][][])[0]!;

    expect(heat[0]![0]).toBeGreaterThan(heat[3]![3]!);
  });

  test('is refused by name where its rows cannot be told apart', () => {
    expect(() => uploaded(['float32', [4, 3]], (_, x) => x)).toThrow(/"x" has no open batch axis/);
    expect(() => uploaded(['string', ['batch', 3]], (g, x) => g.cast(x, 'float32'))).toThrow(/"x" is string/);
  });

  test('whose steps are not done in time is refused, and one block of them is always done', async () => {
    const explainer = uploaded(['float32', ['batch', 3]], (g, x) => g.tanh(g.matMul(x, weights(g))));
    const hurried = { instances: [[1, 1, 1]], maxSeconds: 0 };

    const few = await explainer.explain({ ...hurried, steps: 16 });
    const many = expect(explainer.explain({ ...hurried, steps: 4096 })).rejects;

    expect(few[0]).toMatchObject({ steps: 16, completeness: { residual: expect.any(Number) } });
    await many.toMatchObject({ code: 'budget_exceeded', param: '/max_seconds' });
    await explainer.release();
  });
});
