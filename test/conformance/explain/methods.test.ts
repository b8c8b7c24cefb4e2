/** What every attribution method owes its callers, over models of every kind: it explains and adds up, or says why it cannot. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readRows } from '../../../shared/data/jsonl.ts';
import type { Column, Table } from '../../../shared/data/table.ts';
import { sampleBackground } from '../../../shared/explain/background.ts';
import { Explainer } from '../../../shared/explain/explainer.ts';
import type { ExplainedRow } from '../../../shared/explain/answer.ts';
import { METHODS } from '../../../shared/explain/methods/index.ts';
import { loadPredictor } from '../../../shared/runtime/predictor.ts';
import { playersOf } from '../../../shared/explain/players.ts';
import { rowsOfRequest } from '../../../shared/explain/instances.ts';
import { METHOD_NAMES } from '../../../shared/explain/terms.ts';
import type { MethodName } from '../../../shared/explain/terms.ts';
import type { TrainingSpec } from '../../../shared/families/spec.ts';
import { EXPLANATION_METHODS } from '../../../shared/resources/explanation.ts';
import { instancesOf } from '../../unit/explain/instances.ts';
import { train } from '../families/train.ts';

const ROWS = 120;
const wave = (i: number, k: number): number => Math.sin(1.7 * i + 2.3 * k) + Math.cos(0.61 * i * (k + 1));

const number = (name: string, value: (i: number) => number): Column => ({
  name,
  type: 'number',
  values: Float64Array.from({ length: ROWS }, (_, i) => value(i)),
});

const columns: Table = {
  rows: ROWS,
  columns: [
    number('size', (i) => wave(i, 0)),
    number('age', (i) => (i % 11 === 3 ? NaN : wave(i, 1))),
    number('since', (i) => 1e9 + 86_400 * 37 * i),
    {
      name: 'color',
      type: 'category',
      categories: ['blue', 'green', 'red'],
      values: Int32Array.from({ length: ROWS }, (_, i) => i % 3),
    },
    number('price', (i) => 3 * wave(i, 0) - (i % 11 === 3 ? 0 : wave(i, 1)) + (i % 3)),
    {
      name: 'kind',
      type: 'category',
      categories: ['a', 'b', 'c'],
      values: Int32Array.from({ length: ROWS }, (_, i) => (wave(i, 0) > 0.6 ? 0 : i % 3 === 2 ? 1 : 2)),
    },
  ],
};

const images: Table = {
  rows: ROWS,
  columns: [
    {
      name: 'image',
      type: 'tensor',
      shape: [8, 8],
      values: Float32Array.from({ length: ROWS * 64 }, (_, at) => {
        const [i, row] = [Math.floor(at / 64), Math.floor((at % 64) / 8)];
        return (i % 2 === 0 ? row < 4 : row >= 4) ? 0.8 + 0.2 * Math.sin(at) : 0.1;
      }),
    },
    { name: 'half', type: 'boolean', values: Uint8Array.from({ length: ROWS }, (_, i) => i % 2) },
  ],
};

const WORDS = ['good', 'fine', 'bad', 'poor', 'the', 'film', 'was', 'very'];
const texts: Table = {
  rows: ROWS,
  columns: [
    {
      name: 'review',
      type: 'text',
      values: Array.from({ length: ROWS }, (_, i) => {
        const verdict = WORDS[(i % 2) * 2 + ((i >> 1) % 2)]!;
        return ['the film was', ...(i % 3 === 0 ? ['very'] : []), verdict].join(' ');
      }),
    },
    { name: 'mood', type: 'boolean', values: Uint8Array.from({ length: ROWS }, (_, i) => i % 2) },
  ],
};

/** Sequences of four to eight steps, told apart by the sign of their second number, and for every step whether the first is above 0. */
const tracks: Table = readRows(
  Array.from({ length: ROWS }, (_, i) => {
    const steps = Array.from({ length: 4 + (i % 5) }, (__, t) => [wave(i + t, 0), (i % 2) - 0.5 + 0.1 * wave(t, i)]);
    return { track: steps, up: i % 2 === 0, signs: steps.map(([first]) => (first! > 0 ? 4 : 2)) };
  }),
);

const tales: Table = readRows(
  Array.from({ length: ROWS }, (_, i) => ({ tale: `the cat sat on the ${WORDS[i % 4]!}` })),
);

interface Case {
  readonly name: string;
  readonly table: Table;
  readonly target: string;
  readonly spec: Pick<TrainingSpec, 'task' | 'family'> & Partial<TrainingSpec>;
  readonly drop: readonly string[];
  /** What `auto` is for it. */
  readonly auto: MethodName;
}

const network = { epochs: 2, batch_size: 16 };
const CASES: readonly Case[] = [
  {
    name: 'linear regression',
    table: columns,
    target: 'price',
    drop: ['kind'],
    spec: { task: 'regression', family: 'linear_regression' },
    auto: 'linear_shap',
  },
  {
    name: 'logistic regression of three classes',
    table: columns,
    target: 'kind',
    drop: ['price'],
    spec: { task: 'classification', family: 'logistic_regression' },
    auto: 'linear_shap',
  },
  {
    name: 'svm of three classes',
    table: columns,
    target: 'kind',
    drop: ['price'],
    spec: { task: 'classification', family: 'svm' },
    auto: 'exact_shap',
  },
  {
    name: 'linear svr',
    table: columns,
    target: 'price',
    drop: ['kind'],
    spec: { task: 'regression', family: 'svm', params: { kernel: 'linear' } },
    auto: 'linear_shap',
  },
  {
    name: 'cnn',
    table: images,
    target: 'half',
    drop: [],
    spec: {
      task: 'classification',
      family: 'cnn',
      params: {
        layers: [
          { conv2d: { filters: 4, kernel_size: [3, 3], activation: 'relu' } },
          { max_pooling2d: { pool_size: [2, 2] } },
          'flatten',
          { dense: { units: 2, activation: 'softmax' } },
        ],
        ...network,
      },
    },
    auto: 'integrated_gradients',
  },
  {
    name: 'rnn',
    table: images,
    target: 'half',
    drop: [],
    spec: { task: 'classification', family: 'rnn', params: { cell: 'simple_rnn', units: 6, ...network } },
    auto: 'integrated_gradients',
  },
  {
    name: 'gru',
    table: images,
    target: 'half',
    drop: [],
    spec: {
      task: 'classification',
      family: 'rnn',
      params: {
        layers: [
          { bidirectional: { layer: { gru: { units: 4, return_sequences: true } } } },
          { lstm: { units: 4 } },
          { dense: { units: 2, activation: 'softmax' } },
        ],
        ...network,
      },
    },
    auto: 'integrated_gradients',
  },
  {
    name: 'rnn of another activation, whose file holds a Scan',
    table: images,
    target: 'half',
    drop: [],
    spec: {
      task: 'classification',
      family: 'rnn',
      params: {
        layers: [
          { bidirectional: { layer: { simple_rnn: { units: 4, activation: 'relu', return_sequences: true } } } },
          { simple_rnn: { units: 4, activation: 'sigmoid' } },
          { dense: { units: 2, activation: 'softmax' } },
        ],
        ...network,
      },
    },
    auto: 'integrated_gradients',
  },
  ...(['simple_rnn', 'gru', 'lstm'] as const).map((cell): Case => ({
    name: `${cell} over text`,
    table: texts,
    target: 'mood',
    drop: [],
    spec: { task: 'classification', family: 'rnn', params: { cell, units: 6, epochs: 4, batch_size: 16 } },
    auto: 'integrated_gradients',
  })),
  ...(['simple_rnn', 'gru', 'lstm'] as const).map((cell): Case => ({
    name: `${cell} over sequences of any length`,
    table: tracks,
    target: 'up',
    drop: ['signs'],
    spec: { task: 'classification', family: 'rnn', params: { cell, units: 4, ...network } },
    auto: 'integrated_gradients',
  })),
  {
    name: 'a class for every step of sequences of any length',
    table: tracks,
    target: 'signs',
    drop: ['up'],
    spec: {
      task: 'classification',
      family: 'rnn',
      params: {
        layers: [
          { bidirectional: { layer: { gru: { units: 4, return_sequences: true } } } },
          { dense: { units: 2, activation: 'softmax' } },
        ],
        ...network,
      },
    },
    auto: 'integrated_gradients',
  },
  {
    name: 'a language model',
    table: tales,
    target: '',
    drop: [],
    spec: {
      task: 'language_modelling',
      family: 'attention',
      params: { blocks: 1, d_model: 8, num_heads: 2, ff_dim: 8, ...network },
    },
    auto: 'integrated_gradients',
  },
  {
    name: 'attention over images',
    table: images,
    target: 'half',
    drop: [],
    spec: {
      task: 'classification',
      family: 'attention',
      params: { blocks: 1, d_model: 8, num_heads: 2, ff_dim: 8, ...network },
    },
    auto: 'integrated_gradients',
  },
  {
    name: 'attention over text',
    table: texts,
    target: 'mood',
    drop: [],
    spec: {
      task: 'classification',
      family: 'attention',
      params: { blocks: 2, d_model: 8, num_heads: 2, ff_dim: 16, epochs: 8, batch_size: 16 },
    },
    auto: 'integrated_gradients',
  },
];

test('the methods of the API are those of the table', () => {
  expect(Object.keys(METHODS)).toEqual([...METHOD_NAMES]);
  expect(EXPLANATION_METHODS).toEqual(['auto', ...METHOD_NAMES, 'counterfactual']);
});

const numbersIn = (value: unknown): number[] =>
  typeof value === 'number' ? [value] : Object.values(value as object).flatMap(numbersIn);

describe.each(CASES)('$name', ({ table, target, spec, drop, auto }) => {
  let explainer: Explainer;
  let instances: Record<string, unknown>[];
  const effort = { seed: 1, samples: 40, maxSeconds: 60 };

  beforeAll(async () => {
    const kept = { rows: table.rows, columns: table.columns.filter(({ name }) => !drop.includes(name)) };
    const { exported } = await train({
      spec: { ...spec, ...(target === '' ? {} : { target }), validation: { fraction: 0 } },
      train: kept,
    });
    const { encodings, trainRows, problem } = exported.prepared;
    const stored = sampleBackground({ encodings, ...trainRows, x: problem.train.x, seed: 5 });
    explainer = new Explainer(exported.onnx, { threads: 1, stored });
    instances = instancesOf(kept, [3, 40], target);
  });
  afterAll(() => explainer.release());

  test.each(METHOD_NAMES)('%s explains it and adds up, or says why it cannot', async (method) => {
    const rowsRead = rowsOfRequest(explainer.subject, instances);
    const players = Math.max(...rowsRead.map((row) => playersOf(explainer.schema, row).length));
    const refusal = METHODS[method].refusal(explainer.subject, players);
    if (refusal !== undefined) {
      // Before anything is counted or run.
      expect(() => explainer.plan({ instances, method })).toThrow(
        expect.objectContaining({ code: 'invalid_request', param: '/method' }),
      );
      expect(refusal).toMatch(/use \w+/);
      return;
    }
    const planned = explainer.plan({ instances, method, ...effort }).passes;
    const rows = await explainer.explain({ instances, method, ...effort, samples: method === 'permutation' ? 3 : 200 });

    expect(planned).toBeGreaterThanOrEqual(2);
    expect(rows).toHaveLength(2);
    for (const row of rows) {
      expect(numbersIn(row.attributions).every((value) => Number.isFinite(value))).toBe(true);
      expect(row.completeness?.passed).toBe(METHODS[method].isAdditive ? true : undefined);
      if (row.completeness === undefined) continue;
      const sum = numbersIn(row.attributions).reduce((total, value) => total + value, 0);
      expect(Math.abs(sum - (row.output - row.base_value!))).toBeLessThanOrEqual(row.completeness.tolerance + 1e-12);
    }
  });

  test('auto chooses for it, says why, and gives the same answer twice', async () => {
    const first = await explainer.explain({ instances, ...effort });
    const again = await explainer.explain({ instances, ...effort });

    expect(first[0]).toMatchObject({ method: auto, reason: expect.any(String) });
    expect(first).toEqual(again);
  });

  test('a line to the row itself says nothing, and adds up at once', async () => {
    if (METHODS.integrated_gradients.refusal(explainer.subject, 1) !== undefined) return;
    const line = { method: 'integrated_gradients', steps: 2, ...effort } as const;
    for (const instance of instances) {
      const [row] = await explainer.explain({ instances: [instance], baseline: instance, ...line });

      expect(numbersIn(row!.attributions).every((value) => value === 0)).toBe(true);
      expect(row).toMatchObject({ steps: 2, completeness: { passed: true } });
    }
  });

  test('explains the class that is asked for', async () => {
    const classes = explainer.schema.classes;
    if (classes === undefined) return;
    const rows: ExplainedRow[] = [];
    for (const label of classes)
      rows.push(...(await explainer.explain({ instances: instances.slice(0, 1), target: label, ...effort })));

    expect(rows.map((row) => row.target)).toEqual(classes);
    expect(new Set(rows.map((row) => row.output)).size).toBe(classes.length);
    // Two classes share one number, with the sign turned.
    if (classes.length === 2) expect(rows[0]!.output).toBeCloseTo(-rows[1]!.output, 6);
  });
});

test('a text is explained token by token, and the words that decide weigh most', async () => {
  const { spec } = CASES.at(-1)!;
  const { exported } = await train({ spec: { ...spec, target: 'mood', validation: { fraction: 0 } }, train: texts });
  const explainer = new Explainer(exported.onnx, { threads: 1 });
  const [row] = await explainer.explain({ instances: ['the film was very bad'] });
  await explainer.release();
  const attributions = row!.attributions as number[];

  expect(exported.metrics.train['accuracy']).toBe(1);
  expect(row!.tokens).toEqual(['the', 'film', 'was', 'very', 'bad']);
  expect(row).toMatchObject({ target: true, baseline: 'padding' });
  expect(attributions.indexOf(Math.max(...attributions))).toBe(4);
});

describe('what is explained', () => {
  const explainerOf = async (name: string): Promise<Explainer> => {
    const { spec, table, target, drop } = CASES.find((entry) => entry.name === name)!;
    const kept = { rows: table.rows, columns: table.columns.filter((column) => !drop.includes(column.name)) };
    const named = target === '' ? {} : { target };
    const { exported } = await train({ spec: { ...spec, ...named, validation: { fraction: 0 } }, train: kept });
    return new Explainer(exported.onnx, { threads: 1 });
  };

  test('is one step of a prediction for every step, by default the last, and what comes after it has no part in a network that only looks back', async () => {
    const table = readRows([
      { track: [[1], [2], [3], [4]], sums: [1, 3, 6, 10] },
      { track: [[4], [3]], sums: [4, 7] },
    ]);
    const params = { cell: 'lstm', units: 3, epochs: 1 };
    const spec = { task: 'regression', family: 'rnn', target: 'sums', params, validation: { fraction: 0 } } as const;
    const { exported } = await train({ spec, train: table });
    const explainer = new Explainer(exported.onnx, { threads: 1 });
    const instances = [
      [[2], [1], [3]],
      [[5], [1]],
    ];
    const [last, shorter] = await explainer.explain({ instances });
    const [second] = await explainer.explain({ instances, step: 2 });
    const predicted = await (await loadPredictor(exported.onnx, { threads: 1 })).predict(instances);
    await explainer.release();

    expect([last!.step, shorter!.step, second!.step]).toEqual([3, 2, 2]);
    expect(last!.output).toBeCloseTo((predicted[0] as number[])[2]!, 5);
    expect(shorter!.output).toBeCloseTo((predicted[1] as number[])[1]!, 5);
    expect(shorter!.attributions).toHaveLength(2);
    expect(second!.attributions).toEqual([[expect.any(Number)], [expect.any(Number)], [0]]);
    for (const row of [last, shorter, second]) expect(row!.completeness!.passed).toBe(true);
    expect(() => explainer.plan({ instances }).passes).not.toThrow();
    await expect(explainer.explain({ instances, step: 3 })).rejects.toMatchObject({ param: '/step' });
  });

  test('of long sequences looks at the time between small blocks of rows', async () => {
    const explainer = await explainerOf('gru over sequences of any length');
    const instances = [{ track: Array.from({ length: 1000 }, () => [1, 1]) }];
    const background = Array.from({ length: 32 }, (_, i) => ({ track: [[i, -i]] }));
    const hurried = { instances, background, method: 'kernel_shap', samples: 4000, maxSeconds: 0.5 } as const;

    await expect(explainer.explain(hurried)).rejects.toMatchObject({ code: 'budget_exceeded' });
    const { passes } = explainer.subject;
    await explainer.release();

    expect(passes).toBeLessThan(4000);
  });

  test('is a token of a language model, by the end of its prompt', async () => {
    const explainer = await explainerOf('a language model');
    const window = explainer.schema.language!.window;
    const prompt = 'x'.repeat(window) + 'the cat';
    const [row] = await explainer.explain({ instances: [prompt], target: ' ' });
    const [again] = await explainer.explain({ instances: [prompt.slice(-window)], target: ' ' });
    await explainer.release();

    expect(row).toMatchObject({ target: ' ', explains: 'logit', completeness: { passed: true } });
    expect(row!.tokens).toHaveLength(window);
    expect(row).toEqual(again);
  });

  test('of a text by Shapley values is what leaving its tokens out changes', async () => {
    const explainer = await explainerOf('attention over text');
    const predictor = async (texts: string[]): Promise<number[]> =>
      (await explainer.explain({ instances: texts, method: 'attention_rollout', target: true })).map(
        ({ output }) => output,
      );
    const [row] = await explainer.explain({ instances: ['very bad'], method: 'exact_shap', target: true });
    const [none, very, bad, both] = (await predictor(['', 'very', 'bad', 'very bad'])) as [
      number,
      number,
      number,
      number,
    ];
    await explainer.release();

    expect(row).toMatchObject({ tokens: ['very', 'bad'], background: { name: 'empty', rows: 1 } });
    const [first, second] = row!.attributions as [number, number];
    expect(first).toBeCloseTo((very - none + both - bad) / 2, 5);
    expect(second).toBeCloseTo((bad - none + both - very) / 2, 5);
  });
});
