/** Views over texts and sequences, beside what predictions of the same rows, dealt out and counted here, give. */
import { describe, expect, test } from '@jest/globals';
import { readRows } from '../../../shared/data/jsonl.ts';
import { overviewOf } from '../../../shared/explain/overview/overview.ts';
import { loadPredictor } from '../../../shared/runtime/predictor.ts';
import type { ClassPrediction, Prediction } from '../../../shared/runtime/predictor.ts';
import { createEngine } from '../../../shared/runtime/session.ts';
import type { StepClasses } from '../../../shared/runtime/step-answers.ts';
import { Random } from '../../../shared/tensor/random.ts';
import { train } from '../../conformance/families/train.ts';

const ROWS = 60;
const SEED = 3;
const engine = createEngine({ threads: 1 });
const base = { task: 'classification', seed: SEED, validation: { fraction: 0 } } as const;
const indices = Array.from({ length: ROWS }, (_, row) => row);

/** Where the rows come from in each of five repeats of a part. */
function ordersOf(part: number): Int32Array[] {
  const random = Random.fromSeed(SEED + part);
  return Array.from({ length: 5 }, () => random.permutation(ROWS));
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('the overview of sequences with a label for every step', () => {
  // The label says whether the first number rose; the second has nothing to do with it.
  const random = Random.fromSeed(5);
  const walks = indices.map((row) => Array.from(random.uniform(2 * (2 + (row % 4)), -1, 1)));
  const rows = walks.map((walk) => {
    const steps = Array.from({ length: walk.length / 2 }, (_, t) => [walk[2 * t]!, walk[2 * t + 1]!]);
    return { walk: steps, rises: steps.map(([first], t) => Number(first! > (steps[t - 1]?.[0] ?? 0))) };
  });
  const params = {
    cell: 'gru',
    units: 4,
    epochs: 30,
    batch_size: 8,
    optimizer: { adam: { learning_rate: 0.02 } },
  } as const;
  const spec = { ...base, family: 'rnn', features: ['walk'], target: 'rises', params } as const;
  const trained = train({ spec, train: readRows(rows) });
  const predicted = async (instances: readonly number[][][]): Promise<StepClasses[]> => {
    const { exported } = await trained;
    const predictor = await loadPredictor(exported.onnx, { threads: 1 });
    return (await predictor.predict(instances.map((walk) => ({ walk })))) as StepClasses[];
  };
  const accuracyOf = (answers: readonly StepClasses[]): number =>
    meanOf(rows.flatMap(({ rises }, row) => rises.map((label, t) => Number(answers[row]!.labels[t] === label))));

  test('counts what is predicted step by step, and names the worst step of the worst rows', async () => {
    const { exported } = await trained;
    const answers = await predicted(rows.map(({ walk }) => walk));
    const counts = [0, 1].map((label) =>
      [0, 1].map((guess) => {
        const hits = rows.map(
          ({ rises }, row) => rises.filter((own, t) => own === label && answers[row]!.labels[t] === guess).length,
        );
        return hits.reduce((sum, own) => sum + own, 0);
      }),
    );
    const worst = [0, 1].flatMap((label) => {
      const byRow = rows.flatMap(({ rises }, row) => {
        const chances = rises.map((own, t) =>
          own === label ? answers[row]!.probabilities[t]![String(label)]! : Infinity,
        );
        const least = Math.min(...chances);
        return least === Infinity
          ? []
          : [{ row: row + 1, step: chances.indexOf(least) + 1, label, probability: least }];
      });
      return byRow.sort((a, b) => a.probability - b.probability).slice(0, 3);
    });

    const overview = await overviewOf(exported.onnx, exported.prepared, { engine });

    expect(overview.left_out).toEqual([]);
    expect(overview.confusion).toEqual({ labels: [0, 1], counts });
    expect(overview.worst_rows).toMatchObject(
      worst.map(({ probability, ...row }) => ({ ...row, probability: expect.closeTo(probability, 5) })),
    );
  });

  test('has the importance of the sequence and of each number of its steps, whose count stays', async () => {
    const { exported } = await trained;
    const whole = accuracyOf(await predicted(rows.map(({ walk }) => walk)));
    const dealt = (channels: readonly number[], order: Int32Array): number[][][] =>
      rows.map(({ walk }, row) => {
        const other = rows[order[row]!]!.walk;
        return walk.map((step, t) => {
          const source = other[Math.floor(((t + 0.5) * other.length) / walk.length)]!;
          return step.map((value, channel) => (channels.includes(channel) ? source[channel]! : value));
        });
      });
    const lossOf = async (part: number, channels: readonly number[]): Promise<number> => {
      const losses: number[] = [];
      for (const order of ordersOf(part)) losses.push(whole - accuracyOf(await predicted(dealt(channels, order))));
      return meanOf(losses);
    };
    const expected: Record<string, number> = {
      walk: await lossOf(0, [0, 1]),
      'walk[:, 0:1]': await lossOf(1, [0]),
      'walk[:, 1:2]': await lossOf(2, [1]),
    };

    const { importance } = await overviewOf(exported.onnx, exported.prepared, { engine });

    expect(Object.fromEntries(importance!.map(({ feature, mean }) => [feature, mean]))).toEqual(
      Object.fromEntries(Object.entries(expected).map(([name, mean]) => [name, expect.closeTo(mean, 9)])),
    );
    expect(expected['walk[:, 0:1]']).toBeGreaterThan(0.2);
    expect(importance!.at(-1)!.feature).toBe('walk[:, 1:2]');
  });

  test('leaves steps out that are masked, and measures numbers by their error', async () => {
    const table = readRows(
      rows.map(({ walk }) => ({
        walk: walk.map((step, t) => (t === 0 ? [9, 9] : step)),
        sums: walk.map(([a, b]) => a! + b!),
      })),
    );
    const layers = [
      { masking: { mask_value: 9 } },
      { gru: { units: 4, return_sequences: true } },
      { dense: { units: 1 } },
    ];
    const numbers = { ...base, task: 'regression', family: 'rnn', features: ['walk'], target: 'sums' } as const;
    const { exported } = await train({ spec: { ...numbers, params: { layers, epochs: 5 } }, train: table });

    const overview = await overviewOf(exported.onnx, exported.prepared, { engine });

    expect(overview).toMatchObject({ measure: 'negative_rmse', left_out: [] });
    expect(overview.importance!.map(({ feature }) => feature).toSorted()).toEqual([
      'walk',
      'walk[:, 0:1]',
      'walk[:, 1:2]',
    ]);
    for (const { mean, low, high } of overview.importance!)
      expect([mean, low, high].every((value) => Number.isFinite(value))).toBe(true);
  });
});

describe('the overview of texts', () => {
  const words = ['good', 'bad', 'the', 'film', 'was'];
  const rows = indices.map((row) => ({
    review: `${words[2 + (row % 3)]!} ${words[row % 2]!} ${words[2 + ((row * 7) % 3)]!}`,
    kind: row % 2 === 0 ? 'like' : 'dislike',
  }));
  const params = {
    cell: 'gru',
    units: 4,
    epochs: 20,
    batch_size: 8,
    optimizer: { adam: { learning_rate: 0.02 } },
  } as const;
  const spec = { ...base, family: 'rnn', features: ['review'], target: 'kind', params } as const;

  test('has the importance of the text as a whole, with its interval, or names it where there is no time', async () => {
    const { exported } = await train({ spec, train: readRows(rows) });
    const predictor = await loadPredictor(exported.onnx, { threads: 1 });
    const accuracy = async (order: ArrayLike<number>): Promise<number> => {
      const dealt = Array.from(order, (row) => ({ review: rows[row]!.review }));
      const answers: readonly Prediction[] = await predictor.predict(dealt);
      return meanOf(answers.map((answer, row) => Number((answer as ClassPrediction).label === rows[row]!.kind)));
    };
    const whole = await accuracy(indices);
    const losses: number[] = [];
    for (const order of ordersOf(0)) losses.push(whole - (await accuracy(order)));
    const mean = meanOf(losses);
    const deviation = Math.sqrt(losses.reduce((sum, loss) => sum + (loss - mean) ** 2, 0) / 4);

    const overview = await overviewOf(exported.onnx, exported.prepared, { engine });
    const hurried = await overviewOf(exported.onnx, exported.prepared, { engine, seconds: 0 });

    expect(whole).toBeGreaterThan(0.9);
    expect(overview).toMatchObject({ measure: 'accuracy', left_out: [] });
    // Student's t for 95 % with four degrees of freedom is 2.776.
    const half = (2.776 * deviation) / Math.sqrt(5);
    expect(overview.importance).toEqual([
      {
        feature: 'review',
        mean: expect.closeTo(mean, 9),
        low: expect.closeTo(mean - half, 3),
        high: expect.closeTo(mean + half, 3),
      },
    ]);
    expect(hurried).toMatchObject({ importance: [], left_out: ['importance of review'] });
  });
});
