/** Attention against its formula in plain loops, Keras's parameter counts, padding and causality, a language model's figures, and errors that name the layer. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import type { Table } from '../../../shared/data/table.ts';
import { ATTENTION_LAYERS } from '../../../shared/families/attention/layers.ts';
import { attentionParams, layersOf } from '../../../shared/families/attention/params.ts';
import { sinusoids } from '../../../shared/families/attention/positions.ts';
import { withVocabulary } from '../../../shared/families/network/embedding.ts';
import { buildNetwork, planLayers } from '../../../shared/families/network/network.ts';
import type { Network } from '../../../shared/families/network/network.ts';
import { validateTraining } from '../../../shared/families/validate.ts';
import { GraphBuilder, toModel } from '../../../shared/onnx/graph-builder.ts';
import { parameterCount } from '../../../shared/optim/parameters.ts';
import { loadPredictor } from '../../../shared/runtime/predictor.ts';
import { createEngine } from '../../../shared/runtime/session.ts';
import { Random } from '../../../shared/tensor/random.ts';
import { fromNumbers, scalar } from '../../../shared/tensor/tensor.ts';
import { train } from './train.ts';

type Matrix = number[][];

function planOf(layers: unknown, input: readonly number[], vocabulary?: number): Network {
  const parsed = attentionParams.parse({ layers }).layers!;
  return planLayers(ATTENTION_LAYERS, withVocabulary(parsed, vocabulary), input);
}

/** Weights drawn by seed, all of them: what begins as zero would hide mistakes. */
function randomWeights(network: Network): Record<string, { shape: readonly number[]; values: Float32Array }> {
  const random = Random.fromSeed(21);
  const entries = Object.entries(network.parameters).map(([name, shape]) => {
    const values = random.normal(
      shape.reduce((product, size) => product * size, 1),
      0,
      0.5,
    );
    return [name, { shape, values }] as const;
  });
  return Object.fromEntries(entries);
}

/** Runs a network on rows, as an exported file would or as a training step does. */
async function run(
  network: Network,
  rows: readonly (readonly number[])[],
  input: readonly number[],
  isTraining = false,
) {
  const g = new GraphBuilder('network');
  const weights = Object.entries(randomWeights(network)).map(
    ([name, { shape, values }]) => [name, g.constant(fromNumbers('float32', values, shape))] as const,
  );
  const x = g.input('x', 'float32', [isTraining ? rows.length : 'batch', ...input]);
  const training = isTraining ? { seed: g.constant(scalar('int32', 5)) } : {};
  g.output(buildNetwork(g, x, network, { parameters: Object.fromEntries(weights), ...training }), 'y');
  const session = await createEngine({ threads: 1 }).createSession(toModel(g));
  const { y } = await session.run({ x: fromNumbers('float32', rows.flat(), [rows.length, ...input]) });
  await session.release();
  return Array.from(y!.data as Float32Array);
}

const matrixOf = (values: ArrayLike<number>, columns: number): Matrix =>
  Array.from({ length: values.length / columns }, (_, i) => Array.from(values).slice(i * columns, (i + 1) * columns));
const product = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => b[0]!.map((_, j) => row.reduce((sum, value, k) => sum + value * b[k]![j]!, 0)));
const plus = (a: Matrix, b: Matrix): Matrix => a.map((row, i) => row.map((value, j) => value + b[i % b.length]![j]!));
const columns = (a: Matrix, begin: number, end: number): Matrix => a.map((row) => row.slice(begin, end));

/** softmax(Q K' / sqrt(d)) V of each head, side by side, times the output kernel; `sees(i, j)` says which key j a query i takes. */
function attentionByHand(
  x: Matrix,
  weights: (name: string) => Matrix,
  { heads, width, sees }: { heads: number; width: number; sees: (i: number, j: number) => boolean },
): Matrix {
  const qkv = plus(product(x, weights('qkv_kernel')), weights('qkv_bias'));
  const joined = x.map(() => [] as number[]);
  for (let head = 0; head < heads; head++) {
    const [q, k, v] = [0, 1, 2].map((part) => {
      const begin = part * heads * width + head * width;
      return columns(qkv, begin, begin + width);
    }) as [Matrix, Matrix, Matrix];
    q.forEach((query, i) => {
      const powers = k.map((key, j) => {
        const score = query.reduce((sum, value, d) => sum + value * key[d]!, 0) / Math.sqrt(width);
        return sees(i, j) ? Math.exp(score) : 0;
      });
      const total = powers.reduce((sum, power) => sum + power, 0);
      for (let d = 0; d < width; d++)
        joined[i]!.push(powers.reduce((sum, power, j) => sum + (power / total) * v[j]![d]!, 0));
    });
  }
  return plus(product(joined, weights('output_kernel')), weights('output_bias'));
}

function normByHand(x: Matrix, [gamma]: Matrix, [beta]: Matrix, epsilon: number): Matrix {
  return x.map((row) => {
    const mean = row.reduce((sum, value) => sum + value, 0) / row.length;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length;
    return row.map((value, i) => ((value - mean) / Math.sqrt(variance + epsilon)) * gamma![i]! + beta![i]!);
  });
}

const TIME = 5;
const FEATURES = 4;
const input = Array.from({ length: 2 }, (_, row) => Array.from(Random.fromSeed(30 + row).normal(TIME * FEATURES)));

/** The weights of one layer as matrices. */
function weightsOf(network: Network, prefix: string): (name: string) => Matrix {
  const all = randomWeights(network);
  return (name) => {
    const { shape, values } = all[`${prefix}/${name}`]!;
    return matrixOf(values, shape.at(-1)!);
  };
}

function expectClose(got: readonly number[], expected: readonly number[]): void {
  expect(got).toHaveLength(expected.length);
  got.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 4));
}

describe('multi-head attention is softmax(QK^T / sqrt(d)) V', () => {
  test.each([
    ['of all steps', false, false],
    ['of earlier steps', true, false],
    ['of earlier steps, in a training step', true, true],
  ])('%s', async (_, causal, isTraining) => {
    const network = planOf([{ multi_head_attention: { num_heads: 3, key_dim: 2, causal } }], [TIME, FEATURES]);

    const got = await run(network, input, [TIME, FEATURES], isTraining);

    const sees = (i: number, j: number): boolean => !causal || j <= i;
    const weights = weightsOf(network, 'multi_head_attention_1');
    const expected = input.map((row) =>
      attentionByHand(matrixOf(row, FEATURES), weights, { heads: 3, width: 2, sees }),
    );
    expectClose(got, expected.flat(2));
  });

  test.each(['pre', 'post'] as const)('within a block with %s-normalisation', async (norm) => {
    const epsilon = 0.01;
    const config = { num_heads: 2, ff_dim: 6, norm, activation: 'relu', epsilon };
    const network = planOf([{ transformer_encoder: config }], [TIME, FEATURES]);
    const weights = weightsOf(network, 'transformer_encoder_1');
    const normed = (x: Matrix, n: number): Matrix =>
      normByHand(x, weights(`norm_${n}/gamma`), weights(`norm_${n}/beta`), epsilon);
    const attend = (x: Matrix): Matrix =>
      attentionByHand(x, (name) => weights(`attention/${name}`), { heads: 2, width: 2, sees: () => true });
    const feedForward = (x: Matrix): Matrix => {
      const inner = plus(product(x, weights('feed_forward/kernel_1')), weights('feed_forward/bias_1'));
      const active = inner.map((row) => row.map((value) => Math.max(value, 0)));
      return plus(product(active, weights('feed_forward/kernel_2')), weights('feed_forward/bias_2'));
    };
    const part = (x: Matrix, f: (x: Matrix) => Matrix, n: number): Matrix =>
      norm === 'pre' ? plus(x, f(normed(x, n))) : normed(plus(x, f(x)), n);

    const got = await run(network, input, [TIME, FEATURES]);

    const expected = input.map((row) => part(part(matrixOf(row, FEATURES), attend, 1), feedForward, 2));
    expectClose(got, expected.flat(2));
  });
});

describe('padding', () => {
  const layers = [
    { embedding: { output_dim: 4 } },
    'positional_encoding',
    { transformer_encoder: { num_heads: 2, ff_dim: 8 } },
    'global_average_pooling1d',
    { dense: { units: 2 } },
  ];

  test('changes nothing: a text gives what it gives alone', async () => {
    const alone = await run(planOf(layers, [3], 9), [[4, 7, 1]], [3]);
    const padded = await run(planOf(layers, [6], 9), [[4, 7, 1, 0, 0, 0]], [6]);
    const other = await run(planOf(layers, [6], 9), [[4, 7, 1, 2, 0, 0]], [6]);

    expectClose(padded, alone);
    expect(other[0]).not.toBeCloseTo(alone[0]!, 3);
  });

  test('alone gives a finite answer', async () => {
    const empty = await run(planOf(layers, [4], 9), [[0, 0, 0, 0]], [4]);

    expect(empty.every((value) => Number.isFinite(value))).toBe(true);
  });

  test('of ids outside of the table takes its ends', async () => {
    expectClose(await run(planOf(layers, [2], 9), [[8, 50]], [2]), await run(planOf(layers, [2], 9), [[8, 8]], [2]));
  });
});

test('a decoder sees no later step', async () => {
  const network = planOf([{ transformer_decoder: { num_heads: 2, ff_dim: 8 } }], [TIME, FEATURES]);
  const [row] = input as [number[]];
  const changed = row.map((value, i) => (i >= 3 * FEATURES ? value + 1 : value));

  const [first, second] = [
    await run(network, [row], [TIME, FEATURES]),
    await run(network, [changed], [TIME, FEATURES]),
  ];

  expectClose(second.slice(0, 3 * FEATURES), first.slice(0, 3 * FEATURES));
  expect(second.at(-1)).not.toBeCloseTo(first.at(-1)!, 3);
});

test('sinusoidal positions are those of the paper', () => {
  const [row0, , row2] = matrixOf(sinusoids(3, 4), 4);

  expectClose(row0!, [0, 1, 0, 1]);
  expectClose(row2!, [Math.sin(2), Math.cos(2), Math.sin(0.02), Math.cos(0.02)]);
});

describe('the number of parameters is that of Keras', () => {
  test('in the block of keras-io "Text classification with Transformer": 10,656, its embedding 640,000 and positions 6,400', () => {
    const { parameters } = planOf(
      [
        { embedding: { output_dim: 32 } },
        { positional_encoding: { type: 'learned' } },
        { transformer_encoder: { num_heads: 2, key_dim: 32, ff_dim: 32, norm: 'post' } },
      ],
      [200],
      20_000,
    );
    const count = (prefix: string): number =>
      parameterCount(Object.fromEntries(Object.entries(parameters).filter(([name]) => name.startsWith(prefix))));

    expect([count('embedding'), count('positional'), count('transformer')]).toEqual([640_000, 6400, 10_656]);
  });

  test('of the shorthand it is that of the layers that it stands for', () => {
    const params = attentionParams.parse({ blocks: 4, d_model: 128, num_heads: 4 });
    const specs = layersOf(params, { task: 'language_modelling', outputs: 67, isText: true });
    const { parameters } = planLayers(ATTENTION_LAYERS, withVocabulary(specs, 67), [64]);

    // Embedding and positions; per block 4 (F^2 + F), 8 F^2 + 5 F and two norms; a norm and the head.
    const block = 4 * (128 * 128 + 128) + 8 * 128 * 128 + 5 * 128 + 4 * 128;
    expect(parameterCount(parameters)).toBe((67 + 64) * 128 + 4 * block + 2 * 128 + 128 * 67 + 67);
  });
});

describe('a language model', () => {
  const params = { window: 32, blocks: 1, d_model: 32, num_heads: 4, epochs: 4, batch_size: 8 };
  const spec = {
    family: 'attention',
    task: 'language_modelling',
    params: { ...params, optimizer: { adam: { learning_rate: 0.005 } } },
    seed: 1,
  } as const;
  const textTable = (text: string): Table => ({ rows: 1, columns: [{ name: 'text', type: 'text', values: [text] }] });

  test('of a licence beats knowing how often each character stands in it', async () => {
    const text = readFileSync('LICENSE', 'utf8');
    const counts = [...Map.groupBy(text, (character) => character).values()].map((all) => all.length / text.length);
    const entropy = -counts.reduce((sum, share) => sum + share * Math.log(share), 0);

    const { exported } = await train({ spec, train: textTable(text) });

    expect(exported.metrics.validation['loss']).toBeLessThan(entropy - 0.1);
    expect(exported.metrics.validation['perplexity']).toBeCloseTo(Math.exp(exported.metrics.validation['loss']!), 6);
  });

  test('reports the mean of -ln p over the tokens, as its file gives them one by one, and reads the last tokens of a long prompt', async () => {
    const text = 'the quick brown fox jumps';
    const words = {
      standardize: 'auto',
      missing: 'mean',
      categories: 'one_hot',
      text: { tokens: 'character' },
    } as const;
    const { exported } = await train({
      spec: { ...spec, preprocessing: words, validation: { fraction: 0 } },
      train: textTable(text),
    });
    const predictor = await loadPredictor(exported.onnx, { threads: 1 });
    const { vocabulary } = predictor.schema.language!;
    const prefixes = Array.from({ length: text.length - 1 }, (_, i) => text.slice(0, i + 1));

    const probabilities = await predictor.nextToken(prefixes);
    const greedy = { max_tokens: 3, temperature: 0 };
    const [tail] = await predictor.predict([text.repeat(2).slice(-24)], greedy);
    const [whole] = await predictor.predict([text.repeat(2)], greedy);
    await predictor.release();

    const losses = probabilities.map((row, i) => -Math.log(row[vocabulary.indexOf(text[i + 1]!)]!));
    expect(losses.reduce((sum, loss) => sum + loss, 0) / losses.length).toBeCloseTo(exported.metrics.train['loss']!, 4);
    // The window is as long as the text, less the token to predict.
    expect(whole).toEqual(tail);
  });

  test('is validated with a text of its own, whose new characters are unknown', async () => {
    const alone = { ...spec, validation: { dataset: 'another' }, params: { ...spec.params, epochs: 2 } };
    const categories = ['abc abc abc', 'cba cba'];
    const validation: Table = {
      rows: 3,
      columns: [{ name: 'text', type: 'category', categories: [...categories, 'xyz'], values: Int32Array.of(0, 2, 1) }],
    };

    const { exported } = await train({ spec: alone, train: textTable(categories.join('\n').repeat(20)), validation });

    expect(exported.metrics.validation['loss']).toBeGreaterThan(exported.metrics.train['loss']!);
    expect(exported.schema.language?.vocabulary).toEqual(['', '\uFFFD', '\n', ' ', 'a', 'b', 'c']);
  });

  test('of words writes words', async () => {
    const preprocessing = {
      standardize: 'auto',
      missing: 'mean',
      categories: 'one_hot',
      text: { tokens: 'word' },
    } as const;
    const lines = Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? 'Tick tock, says the clock.' : null));
    const { exported } = await train({
      spec: { ...spec, preprocessing, params: { ...spec.params, window: 8, epochs: 20 } },
      train: { rows: 60, columns: [{ name: 'text', type: 'text', values: lines }] },
    });
    const predictor = await loadPredictor(exported.onnx, { threads: 1 });

    const predictions = await predictor.predict(['clock. Tick  tock,'], { max_tokens: 4, temperature: 0 });
    await predictor.release();

    expect(predictions).toEqual([{ text: 'says the clock. Tick' }]);
  });
});

test('a forecast learns a season of a hundred values by its defaults', async () => {
  const noise = Random.fromSeed(9).normal(100, 0, 2);
  const values = Float64Array.from(noise, (error, t) => 500 + 40 * Math.sin((2 * Math.PI * t) / 12) + error);
  const table: Table = { rows: 100, columns: [{ name: 'sales', type: 'number', values }] };

  const { exported } = await train({
    spec: { family: 'attention', task: 'forecasting', target: 'sales', params: {} },
    train: table,
  });

  expect(exported.metrics.validation['r2']).toBeGreaterThan(0.9);
});

describe('refusals name the layer, what it expected and what it got', () => {
  const columnsOf = [
    { name: 'text', type: 'text' },
    { name: 'image', type: 'tensor', shape: [8, 6] },
    { name: 'label', type: 'category', unique: 3 },
  ] as const;
  const refusal = (spec: object): unknown => {
    try {
      validateTraining(
        { family: 'attention', task: 'classification', target: 'label', features: ['image'], ...spec },
        { columns: columnsOf },
      );
    } catch (error) {
      return error;
    }
    return undefined;
  };
  const end = ['global_average_pooling1d', { dense: { units: 3, activation: 'softmax' } }];
  const language = { task: 'language_modelling', target: undefined, features: ['text'] };

  test.each<[string, object, string, RegExp]>([
    [
      'heads that do not divide',
      { params: { layers: [{ transformer_encoder: { num_heads: 4, ff_dim: 8 } }, ...end] } },
      '/params/layers/0',
      /^transformer_encoder_1: expected features that 4 heads divide, got \[batch, 8, 6\]/,
    ],
    [
      'a vector for a sequence',
      { params: { layers: ['flatten', { multi_head_attention: { num_heads: 2 } }, ...end] } },
      '/params/layers/1',
      /^multi_head_attention_1: expected sequences \[batch, time, features\], got \[batch, 48\]/,
    ],
    [
      'a sequence at the end',
      { params: { layers: [{ dense: { units: 3 } }] } },
      '/params/layers/0',
      /^dense_1: expected an output of one dimension, got \[batch, 8, 3\]/,
    ],
    [
      'units that are not the classes',
      { params: { layers: ['flatten', { dense: { units: 5, activation: 'softmax' } }] } },
      '/params/layers/1',
      /^dense_1: expected 3 units for 3 classes, got 5/,
    ],
    [
      'an embedding of numbers',
      { params: { layers: [{ embedding: { output_dim: 4 } }, ...end] } },
      '/params/layers/0',
      /is for text, and "image" is a tensor/,
    ],
    [
      'a text without an embedding',
      { features: ['text'], params: { layers: end } },
      '/params/layers/0',
      /expected an embedding first, as "text" is a text, got global_average_pooling1d/,
    ],
    ['two features', { features: ['text', 'image'] }, '/features', /exactly one feature, a text or a tensor, got 2/],
    ['layers and shorthand', { params: { layers: ['flatten'], blocks: 2 } }, '/params/blocks', /in place of "layers"/],
    [
      'a window of a classification',
      { params: { window: 3 } },
      '/params/window',
      /is for forecasting and language modelling/,
    ],
    [
      'a language model that sees the future',
      {
        ...language,
        params: { layers: [{ embedding: { output_dim: 4 } }, { transformer_encoder: { num_heads: 2, ff_dim: 8 } }] },
      },
      '/params/layers/1',
      /transformer_encoder_1: a layer of a language model may not see later steps: use transformer_decoder/,
    ],
    [
      'a language model without a mask',
      { ...language, params: { layers: [{ embedding: { output_dim: 4, mask_zero: false } }] } },
      '/params/layers/0',
      /needs "mask_zero": true/,
    ],
    [
      'a language of an image',
      { ...language, features: ['image'] },
      '/features/0',
      /learns a text; "image" is a column of type tensor/,
    ],
    ['a language of two columns', { ...language, target: 'label' }, '/features', /learns one text column/],
  ])('refuses %s', (_, spec, param, message) => {
    expect(refusal(spec)).toMatchObject({ code: 'invalid_request', param, message: expect.stringMatching(message) });
  });

  test('a vocabulary larger than the embedding is refused where it is known', async () => {
    const values = Array.from({ length: 20 }, (_, i) => `word${i} text`);
    const y = Float64Array.from(values, (_, i) => i % 2);
    const table: Table = {
      rows: 20,
      columns: [
        { name: 'text', type: 'text', values },
        { name: 'y', type: 'integer', values: y },
      ],
    };
    const layers = [
      { embedding: { input_dim: 5, output_dim: 4 } },
      'global_average_pooling1d',
      { dense: { units: 2, activation: 'softmax' } },
    ];

    const training = train({
      spec: { family: 'attention', task: 'classification', target: 'y', params: { layers } },
      train: table,
    });

    await expect(training).rejects.toMatchObject({
      param: '/params/layers/0',
      message: expect.stringMatching(/"input_dim" of at least 19, .*got 5/),
    });
  });
});
