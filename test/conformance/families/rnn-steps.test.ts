/** Networks with an output for every step: what they learn, predict, count and refuse. */
import { describe, expect, test } from '@jest/globals';
import { readRows } from '../../../shared/data/jsonl.ts';
import { validateTraining } from '../../../shared/families/validate.ts';
import { loadPredictor } from '../../../shared/runtime/predictor.ts';
import type { StepClasses } from '../../../shared/runtime/step-answers.ts';
import { Random } from '../../../shared/tensor/random.ts';
import { train, trainInSegments } from './train.ts';

const training = { optimizer: { adam: { learning_rate: 0.02 } }, epochs: 12, batch_size: 16 };

interface Walk {
  readonly x: number[][];
  /** How far the walk is after each step, and whether it is above its start. */
  readonly sums: number[];
  readonly pairs: number[][];
  readonly sides: number[];
}

/** Walks of `shortest` to 8 steps. */
function walks(rows: number, shortest: number): Walk[] {
  const random = Random.fromSeed(5);
  return Array.from({ length: rows }, () => {
    const length = shortest + random.nextBelow(9 - shortest);
    const x = Array.from({ length }, () => [0.5 * (random.nextDouble() < 0.5 ? -1 : 1) + 0.1 * random.nextDouble()]);
    let sum = 0;
    const sums = x.map(([step]) => (sum += step!));
    return {
      x,
      sums,
      pairs: sums.map((value) => [value, 100 - value]),
      sides: sums.map((value) => (value > 0 ? 7 : 3)),
    };
  });
}

const regression = (target: string, params: object = { cell: 'gru', units: 8 }) =>
  ({
    task: 'regression',
    family: 'rnn',
    target,
    features: ['x'],
    params: { ...training, ...params },
    seed: 1,
  }) as const;
const classification = {
  ...regression('sides', {
    layers: [
      { bidirectional: { layer: { lstm: { units: 6, return_sequences: true } } } },
      { dense: { units: 2, activation: 'softmax' } },
    ],
  }),
  task: 'classification',
} as const;

describe('a number for every step', () => {
  test('of sequences of one length', async () => {
    const table = readRows(walks(200, 8));

    const { exported } = await train({ spec: regression('sums'), train: table });
    const predictor = await loadPredictor(exported.onnx, { threads: 1 });
    const [first] = await predictor.predict([walks(1, 8)[0]!.x]);
    await predictor.release();

    expect(exported.metrics.validation['r2']).toBeGreaterThan(0.9);
    expect(exported.equality.max_difference).toBeLessThanOrEqual(1e-5);
    expect(first).toEqual(Array(8).fill(expect.any(Number)));
  });

  test('of sequences of any length, two at a time, in the units of the target', async () => {
    const table = readRows(walks(200, 3));
    const spec = regression('pairs');

    const { exported, result } = await train({ spec, train: table });
    const cut = await trainInSegments({ spec, train: table }, [2, 5]);
    const predictor = await loadPredictor(exported.onnx, { threads: 1 });
    const asked = [[[0.5], [0.5]], Array.from({ length: 11 }, () => [-0.5])];
    const answers = (await predictor.predict(asked)) as number[][][];
    await predictor.release();

    expect(Buffer.compare(cut.checkpoint, result.checkpoint)).toBe(0);
    expect(exported.metrics.validation['r2']).toBeGreaterThan(0.9);
    expect(exported.equality.max_difference).toBeLessThanOrEqual(1e-5);
    expect(answers.map((steps) => steps.map((step) => step.length))).toEqual([[2, 2], Array(11).fill(2)]);
    expect(answers[0]![1]![1]).toBeCloseTo(99, -1);
  });
});

describe('a class for every step', () => {
  test('is the one that its probabilities say, and steps beyond the end of a row count nowhere', async () => {
    const rows = walks(200, 3);
    const held = walks(30, 3).slice(0, 20);

    const { exported } = await train({ spec: classification, train: readRows(rows), validation: readRows(held) });
    const predictor = await loadPredictor(exported.onnx, { threads: 1 });
    const answers = (await predictor.predict(held.map(({ x }) => x))) as {
      labels: number[];
      probabilities: Record<string, number>[];
    }[];
    await predictor.release();

    const steps = answers.flatMap(({ labels, probabilities }, row) =>
      labels.map((label, t) => ({ label, expected: held[row]!.sides[t]!, probabilities: probabilities[t]! })),
    );
    const right = steps.filter(({ label, expected }) => label === expected).length;
    const loss = steps.reduce((sum, { probabilities, expected }) => sum - Math.log(probabilities[expected]!), 0);
    expect(answers.map(({ labels }) => labels.length)).toEqual(held.map(({ x }) => x.length));
    expect(steps.every(({ label, probabilities }) => probabilities[label]! >= 0.5)).toBe(true);
    expect(exported.metrics.validation['accuracy']).toBeCloseTo(right / steps.length, 10);
    expect(exported.metrics.validation['loss']).toBeCloseTo(loss / steps.length, 5);
    expect(right / steps.length).toBeGreaterThan(0.85);
    expect(exported.schema).toMatchObject({ classes: [3, 7], steps: [-1] });
  });

  test('is null where a masking layer skips the step, which counts nowhere either', async () => {
    const padded = walks(120, 3).map(({ x, sides }) => {
      const gap = Array.from({ length: 8 - x.length }, () => 0);
      return { x: [...x, ...gap.map(() => [0])], sides: [...sides, ...gap.map(() => 3)] };
    });
    const layers = [{ masking: {} }, { gru: { units: 6, return_sequences: true } }, { dense: { units: 2 } }];
    const spec = { ...classification, params: { ...training, layers } };

    const { exported } = await train({ spec, train: readRows(padded), validation: readRows(padded.slice(0, 30)) });
    const predictor = await loadPredictor(exported.onnx, { threads: 1 });
    const answers = (await predictor.predict(padded.slice(0, 30).map(({ x }) => x))) as StepClasses[];
    await predictor.release();

    const counted = answers.flatMap(({ labels }, row) =>
      labels.flatMap((label, t) => (label === null ? [] : [Number(label === padded[row]!.sides[t])])),
    );
    const share = counted.reduce((sum, value) => sum + value, 0) / counted.length;
    for (const [row, { labels }] of answers.entries())
      expect(labels.map((label) => label === null)).toEqual(padded[row]!.x.map(([value]) => value === 0));
    expect(exported.metrics.validation['accuracy']).toBeCloseTo(share, 10);
  });
});

describe('refuses', () => {
  const columns = [
    { name: 'x', type: 'tensor', shape: [8, 1] },
    { name: 'sums', type: 'tensor', shape: [8] },
    { name: 'cube', type: 'tensor', shape: [8, 2, 2] },
    { name: 'short', type: 'tensor', shape: [5] },
  ] as const;
  const check = (spec: object) => () => validateTraining({ ...regression('sums'), ...spec }, { columns });

  test.each([
    [
      { family: 'cnn', params: {} },
      'the family cnn predicts one value a row; the target "sums" is a tensor, which rnn predict',
    ],
    [{ target: 'cube' }, 'has numbers a step, [time] or [time, numbers], got [8, 2, 2]'],
    [{ target: 'short' }, 'expected a target of as many steps as "x" has, which is 8 steps; it has 5'],
    [
      { params: { layers: [{ lstm: { units: 4 } }, { dense: { units: 1 } }] } },
      'dense_1: expected an output for every step, got [batch, 1]: set "return_sequences": true in every recurrent layer',
    ],
  ])('%j', (spec, message) => {
    expect(check(spec)).toThrow(message);
  });

  test('rows whose target is longer than their feature, classes that are no whole numbers, and units that are not the classes', async () => {
    const uneven = train({
      spec: regression('y'),
      train: readRows([
        { x: [[1], [2]], y: [1, 2] },
        { x: [[1]], y: [1, 2] },
      ]),
    });
    const broken = train({ spec: { ...classification, target: 'sums' }, train: readRows(walks(20, 3)) });
    const layers = [{ gru: { units: 3, return_sequences: true } }];
    const wide = train({ spec: { ...classification, params: { layers } }, train: readRows(walks(20, 3)) });

    await expect(uneven).rejects.toThrow('row 2: expected a target of 1 steps, as "x" has, got 2');
    await expect(broken).rejects.toThrow(/the classes of "sums" are whole numbers/);
    await expect(wide).rejects.toThrow('gru_1: expected 2 units for 2 classes, got 3');
  });
});
