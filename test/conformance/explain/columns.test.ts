/** Integrated gradients of tables with columns of every kind, missing values among them: they add up from every baseline, and of a sum of columns they are its terms. */
import { describe, expect, test } from '@jest/globals';
import { readRows } from '../../../shared/data/jsonl.ts';
import { sampleBackground } from '../../../shared/explain/background.ts';
import { Explainer } from '../../../shared/explain/explainer.ts';
import type { TrainingSpec } from '../../../shared/families/spec.ts';
import { loadPredictor } from '../../../shared/runtime/predictor.ts';
import { Random } from '../../../shared/tensor/random.ts';
import { train } from '../families/train.ts';

const ROWS = 120;
const FEATURES = ['size', 'rooms', 'isNew', 'color', 'sold'] as const;
type Row = Record<(typeof FEATURES)[number] | 'price' | 'dear' | 'kind', string | number | boolean | null>;

/** Numbers, whole ones, booleans, categories and dates over three years at any hour; a seventh of each is missing. */
function tableOf(seed: number): Row[] {
  const random = Random.fromSeed(seed);
  const some = <T>(value: T): T | null => (random.nextBelow(7) === 0 ? null : value);
  return Array.from({ length: ROWS }, () => {
    const size = 20 + 80 * random.nextDouble();
    const color = ['red', 'green', 'blue', 'grey'][random.nextBelow(4)]!;
    const sold = new Date((1.7e9 + random.nextBelow(3 * 365 * 86_400)) * 1000);
    const price = size + (color === 'red' ? 30 : 0) + 5 * sold.getUTCMonth() + 10 * random.nextDouble();
    return {
      size: some(size),
      rooms: some(1 + random.nextBelow(6)),
      isNew: some(random.nextBelow(2) === 1),
      color: some(color),
      sold: some(sold.toISOString()),
      price,
      dear: price > 110,
      kind: ['low', 'middle', 'high'][Math.min(2, Math.floor(price / 60))]!,
    };
  });
}

const CASES: readonly (readonly [string, Pick<TrainingSpec, 'task' | 'family'> & Partial<TrainingSpec>])[] = [
  ['price', { task: 'regression', family: 'linear_regression' }],
  ['dear', { task: 'classification', family: 'logistic_regression' }],
  ['kind', { task: 'classification', family: 'logistic_regression' }],
  ['dear', { task: 'classification', family: 'svm' }],
  ['price', { task: 'regression', family: 'svm' }],
];

async function explainerOf(rows: Row[], target: string, spec: (typeof CASES)[number][1]) {
  const settings = { features: [...FEATURES], target, validation: { fraction: 0 } } as const;
  const { exported } = await train({ spec: { ...spec, ...settings }, train: readRows(rows) });
  const { encodings, trainRows, problem } = exported.prepared;
  const stored = sampleBackground({ encodings, ...trainRows, x: problem.train.x, seed: 5 });
  return { explainer: new Explainer(exported.onnx, { threads: 1, stored }), onnx: exported.onnx };
}

const instanceOf = (row: Row): Record<string, unknown> => Object.fromEntries(FEATURES.map((name) => [name, row[name]]));

describe.each(CASES)('of "%s" by %j', (target, spec) => {
  test.each([1, 2, 3])('add up from every baseline (table %i)', async (seed) => {
    const rows = tableOf(seed);
    const { explainer } = await explainerOf(rows, target, spec);
    const instances = rows.slice(0, 8).map(instanceOf);
    const answers = [];
    for (const baseline of ['mean', 'zeros', instanceOf(rows[9]!)])
      answers.push(
        ...(await explainer.explain({ instances, method: 'integrated_gradients', baseline, maxSeconds: 60 })),
      );
    await explainer.release();

    expect(answers).toHaveLength(24);
    for (const { completeness, note } of answers)
      expect({ passed: completeness!.passed, note }).toEqual({ passed: true });
  });
});

test('of a sum over the columns are what each column adds, dates and categories too', async () => {
  const rows = tableOf(4);
  const { explainer, onnx } = await explainerOf(rows, 'price', { task: 'regression', family: 'linear_regression' });
  const [instance, baseline] = [instanceOf(rows[3]!), instanceOf(rows[11]!)];
  const [row] = await explainer.explain({ instances: [instance], method: 'integrated_gradients', baseline });
  await explainer.release();
  const mixed = FEATURES.map((name) => ({ ...baseline, [name]: instance[name] }));
  const predictor = await loadPredictor(onnx, { threads: 1 });
  const [base, ...predicted] = (await predictor.predict([baseline, ...mixed])) as number[];

  const added = Object.fromEntries(FEATURES.map((name, i) => [name, expect.closeTo(predicted[i]! - base!, 3)]));
  expect(row!.attributions).toEqual(added);
});
