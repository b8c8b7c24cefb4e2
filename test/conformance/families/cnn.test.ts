/** The reference network of the documentation, Keras's semantics by hand-worked numbers, and errors that name layer and shapes. */
import { describe, expect, test } from '@jest/globals';
import { GraphBuilder, toModel } from '../../../shared/onnx/graph-builder.ts';
import type { Table } from '../../../shared/data/table.ts';
import { buildNetwork, initialParameters, planNetwork } from '../../../shared/families/cnn/network.ts';
import { cnnParams } from '../../../shared/families/cnn/params.ts';
import { validateTraining } from '../../../shared/families/validate.ts';
import { parameterCount, unflatten } from '../../../shared/optim/parameters.ts';
import { createEngine } from '../../../shared/runtime/session.ts';
import { REFERENCE_LAYERS } from '../../../scripts/reference-cnn.ts';
import { fromNumbers, tensor } from '../../../shared/tensor/tensor.ts';
import { mnist } from '../../fixtures/data-sets.ts';
import { learnedOf, train } from './train.ts';

const columns = [
  { name: 'image', type: 'tensor', shape: [28, 28] },
  { name: 'label', type: 'integer', unique: 10 },
] as const;
const spec = { task: 'classification', family: 'cnn', target: 'label', features: ['image'] } as const;

const planOf = (layers: unknown, input: readonly number[]) => planNetwork(cnnParams.parse({ layers }).layers, input);

/** Runs a network with given weights on one input. */
async function run(layers: unknown, x: { shape: number[]; values: number[] }, weights: Record<string, number[]> = {}) {
  const g = new GraphBuilder('network');
  const network = planOf(layers, x.shape);
  const parameters = Object.entries(network.parameters).map(
    ([name, shape]) => [name, g.constant(fromNumbers('float32', weights[name]!, shape))] as const,
  );
  const input = g.input('x', 'float32', ['batch', ...x.shape]);
  g.output(buildNetwork(g, input, network, { parameters: Object.fromEntries(parameters) }), 'y');
  const session = await createEngine({ threads: 1 }).createSession(toModel(g));
  const { y } = await session.run({ x: tensor('float32', [1, ...x.shape], Float32Array.from(x.values)) });
  await session.release();
  return { shape: y!.shape, values: Array.from(y!.data as Float32Array) };
}

const nine = { shape: [1, 3, 3], values: [1, 2, 3, 4, 5, 6, 7, 8, 9] };

describe('the reference network', () => {
  test('has 121,930 parameters in four layers', () => {
    const { parameters } = planOf(REFERENCE_LAYERS, [1, 28, 28]);

    expect(parameterCount(parameters)).toBe(121_930);
    expect(parameters).toEqual({
      'conv2d_1/kernel': [32, 1, 3, 3],
      'conv2d_1/bias': [32],
      'conv2d_2/kernel': [64, 32, 3, 3],
      'conv2d_2/bias': [64],
      'dense_1/kernel': [1600, 64],
      'dense_1/bias': [64],
      'dense_2/kernel': [64, 10],
      'dense_2/bias': [10],
    });
  });

  test('starts with Glorot uniform kernels and zero biases', () => {
    const network = planOf(REFERENCE_LAYERS, [1, 28, 28]);
    const weights = unflatten(network.parameters, initialParameters(network, 7));

    for (const [layer, limit] of [
      ['conv2d_1', Math.sqrt(6 / (9 + 288))],
      ['conv2d_2', Math.sqrt(6 / (288 + 576))],
      ['dense_1', Math.sqrt(6 / 1664)],
    ] as const) {
      const kernel = weights[`${layer}/kernel`]!.data;
      const variance = kernel.reduce((sum, value) => sum + value * value, 0) / kernel.length;
      expect(Math.max(...kernel)).toBeLessThanOrEqual(limit);
      expect(Math.min(...kernel)).toBeGreaterThanOrEqual(-limit);
      expect(variance / (limit ** 2 / 3)).toBeCloseTo(1, kernel.length > 1000 ? 1 : 0);
      expect(weights[`${layer}/bias`]!.data.every((value) => value === 0)).toBe(true);
    }
  });

  test('reads real digits after one epoch', async () => {
    const { train: digits, test: held } = mnist();

    const { exported, events } = await train({
      spec: { ...spec, params: { layers: REFERENCE_LAYERS, epochs: 1 }, seed: 0 },
      train: digits,
      validation: held,
    });

    expect(exported.metrics.validation['accuracy']).toBeGreaterThan(0.93);
    expect(
      events.filter(({ type }) => type === 'metrics').map((event) => ('data' in event ? Object.keys(event.data) : [])),
    ).toEqual(Array(1).fill(['epoch', 'step', 'loss', 'accuracy', 'validation_loss', 'validation_accuracy']));
  });
});

describe('layers as Keras has them', () => {
  test('conv2d: cross-correlation with a bias, valid and same', async () => {
    const kernel = [1, 0, 0, -1];
    const weights = { 'conv2d_1/kernel': kernel, 'conv2d_1/bias': [10] };
    const layer = (padding: string, strides = 1) => [{ conv2d: { filters: 1, kernel_size: 2, padding, strides } }];

    expect(await run(layer('valid'), nine, weights)).toEqual({ shape: [1, 1, 2, 2], values: [6, 6, 6, 6] });
    // Keras pads the end first: the last row and column meet zeros.
    expect((await run(layer('same'), nine, weights)).values).toEqual([6, 6, 13, 6, 6, 16, 17, 18, 19]);
    expect((await run(layer('same', 2), nine, weights)).values).toEqual([6, 13, 17, 19]);
  });

  test('pooling: strides default to the window, what does not fill one is dropped, same ignores its padding', async () => {
    const max = (config: object) => run([{ max_pooling2d: config }], nine);
    const average = (config: object) => run([{ average_pooling2d: config }], nine);

    expect((await max({})).values).toEqual([5]);
    expect((await max({ strides: 1 })).values).toEqual([5, 6, 8, 9]);
    expect((await max({ padding: 'same' })).values).toEqual([5, 6, 8, 9]);
    expect((await average({})).values).toEqual([3]);
    expect((await average({ padding: 'same' })).values).toEqual([3, 4.5, 7.5, 9]);
    expect(await run(['global_average_pooling2d'], nine)).toEqual({ shape: [1, 1], values: [5] });
  });

  test('activations stand alone or in a layer, and relu before a max-pool is the same function', async () => {
    const weights = { 'dense_1/kernel': [1, -1], 'dense_1/bias': [0, 0.5] };
    const one = { shape: [1], values: [2] };
    const image = { shape: [1, 2, 2], values: [-4, -1, -2, -3] };

    expect((await run([{ dense: { units: 2, activation: 'relu' } }], one, weights)).values).toEqual([2, 0]);
    expect((await run([{ dense: { units: 2 } }, { activation: 'relu' }], one, weights)).values).toEqual([2, 0]);
    expect((await run([{ activation: 'relu' }, { max_pooling2d: {} }], image)).values).toEqual([0]);
    expect(
      (await run([{ max_pooling2d: {} }, { activation: { activation: 'leaky_relu' } }], image)).values[0],
    ).toBeCloseTo(-0.2, 6);
  });

  test('dropout keeps the expected share, scaled, differently in each step, and nothing at inference', async () => {
    const g = new GraphBuilder('dropout');
    const network = planOf([{ dropout: { rate: 0.3 } }], [5000]);
    const x = g.input('x', 'float32', [1, 5000]);
    const seed = g.input('seed', 'int32', []);
    g.output(buildNetwork(g, x, network, { parameters: {}, seed }), 'y');
    const session = await createEngine({ threads: 1 }).createSession(toModel(g));
    const ones = tensor('float32', [1, 5000], new Float32Array(5000).fill(1));
    const draw = async (value: number) =>
      Array.from(
        (await session.run({ x: ones, seed: tensor('int32', [], Int32Array.of(value)) }))['y']!.data as Float32Array,
      );

    const [first, again, other] = [await draw(1), await draw(1), await draw(2)];
    await session.release();

    expect(new Set(first)).toEqual(new Set([0, Math.fround(1 / 0.7)]));
    expect(first.filter((value) => value > 0).length / 5000).toBeCloseTo(0.7, 1);
    expect(again).toEqual(first);
    expect(first.filter((value, i) => value > 0 && other[i]! > 0).length / 5000).toBeCloseTo(0.49, 1);
    expect((await run([{ dropout: { rate: 0.5 } }], { shape: [2], values: [3, 4] })).values).toEqual([3, 4]);
  });
});

describe('early stopping', () => {
  test('ends after the patience and keeps the best epoch', async () => {
    const noise = (rows: number, seed: number): Table => ({
      rows,
      columns: [
        {
          name: 'image',
          type: 'tensor',
          shape: [4],
          values: Float32Array.from({ length: rows * 4 }, (_, i) => Math.sin((i + seed) * 12.9898) * 2),
        },
        {
          name: 'label',
          type: 'integer',
          values: Float64Array.from({ length: rows }, (_, i) => ((i * 7919 + seed) >> 2) % 2),
        },
      ],
    });
    const layers = [{ dense: { units: 64, activation: 'relu' } }, { dense: { units: 2, activation: 'softmax' } }];
    const params = {
      layers,
      epochs: 200,
      batch_size: 8,
      optimizer: { adam: { learning_rate: 0.05 } },
      early_stopping: { monitor: 'validation_loss', patience: 3 },
    };

    const { exported, events } = await train({
      spec: { ...spec, params },
      train: noise(64, 0),
      validation: noise(64, 9),
    });

    const losses = events.flatMap((event) => (event.type === 'metrics' ? [event.data['validation_loss']!] : []));
    const best = losses.indexOf(Math.min(...losses));
    expect(losses.length).toBe(best + 1 + 4);
    expect(exported.metrics.validation['loss']).toBeCloseTo(losses[best]!, 6);
  });
});

describe('what does not fit is refused by layer and shape', () => {
  const check =
    (layers: unknown, more: object = {}) =>
    () =>
      validateTraining({ ...spec, params: { layers, ...more } }, { columns });
  const dense = (units: number) => ({ dense: { units, activation: 'softmax' } });

  test.each<[string, unknown[], string, string]>([
    [
      'a wrong number of classes',
      [...REFERENCE_LAYERS.slice(0, 6), dense(12)],
      'dense_2: expected 10 units for 10 classes, got 12',
      '/params/layers/6',
    ],
    [
      'a dense layer on images',
      [dense(10)],
      'dense_1: expected rows of one dimension, got [batch, 28, 28, 1]',
      '/params/layers/0',
    ],
    [
      'a window larger than its input',
      [{ max_pooling2d: { pool_size: 9 } }, { conv2d: { filters: 4, kernel_size: 5 } }],
      'conv2d_1: the window [5, 5] is larger than its input [batch, 3, 3, 1]',
      '/params/layers/1',
    ],
    [
      'an image layer on vectors',
      ['flatten', { conv2d: { filters: 4, kernel_size: 3 } }],
      'conv2d_1: expected images [batch, height, width, channels], got [batch, 784]',
      '/params/layers/1',
    ],
    [
      'an end that is no vector',
      [{ conv2d: { filters: 10, kernel_size: 3 } }],
      'conv2d_1: expected an output of one dimension, got [batch, 26, 26, 10]',
      '/params/layers/0',
    ],
    [
      'another activation at the end',
      ['flatten', { dense: { units: 10, activation: 'relu' } }],
      'expected the activation softmax (or linear) at the end of a classification, got relu',
      '/params/layers/1',
    ],
    [
      'an unknown layer',
      ['flaten'],
      'unknown layer "flaten": expected one of conv1d, conv2d, max_pooling1d',
      '/params/layers/0',
    ],
    [
      'an unknown parameter',
      [{ dense: { unit: 10, units: 10 } }],
      'dense has no parameter unit',
      '/params/layers/0/dense',
    ],
    [
      'a missing parameter',
      [{ conv2d: { filters: 3 } }],
      'expected a whole number, or two of them',
      '/params/layers/0/conv2d/kernel_size',
    ],
    [
      'a sequence layer on images of many channels',
      [{ conv2d: { filters: 3, kernel_size: 3 } }, { conv1d: { filters: 4, kernel_size: 3 } }],
      'conv2d_1: expected images [batch, height, width, channels], got [batch, 28, 28]',
      '/params/layers/0',
    ],
    [
      'a dilated window larger than its input',
      [{ conv2d: { filters: 4, kernel_size: 5, dilation_rate: 8 } }],
      'conv2d_1: the window [5, 5] (dilated to [33, 33]) is larger than its input [batch, 28, 28, 1]',
      '/params/layers/0',
    ],
    [
      'a sum of two shapes',
      [
        { conv2d: { filters: 4, kernel_size: 3 } },
        { conv2d: { filters: 4, kernel_size: 3 } },
        { add: { layer: 'conv2d_1' } },
      ],
      'add_1: expected two inputs of one shape, got [batch, 24, 24, 4] and [batch, 26, 26, 4] of conv2d_1',
      '/params/layers/2',
    ],
    [
      'a sum with a layer that is not there',
      ['flatten', { add: { layer: 'conv2d_1' } }],
      'add_1: there is no layer "conv2d_1" before it: expected "input" or a name such as conv2d_1',
      '/params/layers/1',
    ],
    ['two layers in one', [{ flatten: {}, dense: { units: 2 } }], 'expected one layer, such as', '/params/layers/0'],
  ])('%s', (_, layers, message, pointer) => {
    expect(check(layers)).toThrow(message);
    expect(check(layers)).toThrow(expect.objectContaining({ code: 'invalid_request', param: pointer }));
  });

  test('training parameters', () => {
    expect(check(REFERENCE_LAYERS, { loss: 'mean_squared_error' })).toThrow(
      /the loss of classification is sparse_categorical_crossentropy/,
    );
    expect(check(REFERENCE_LAYERS, { epochs: 0 })).toThrow(expect.objectContaining({ param: '/params/epochs' }));
    expect(check(REFERENCE_LAYERS, { optimizer: { adam: { learning_rate: -1 } } })).toThrow(
      expect.objectContaining({ code: 'invalid_request' }),
    );
    expect(check(REFERENCE_LAYERS, { batchsize: 3 })).toThrow(
      expect.objectContaining({ code: 'unknown_field', param: '/params/batchsize' }),
    );
  });

  test('a loss that stops being finite', async () => {
    const { train: digits } = mnist();
    const small: Table = {
      rows: 64,
      columns: digits.columns.map(
        (column) => ({ ...column, values: column.values.slice(0, column.type === 'tensor' ? 64 * 784 : 64) }) as never,
      ),
    };
    const values = Float64Array.from({ length: 64 }, (_, i) => i * 1e20);
    const table: Table = { rows: 64, columns: [small.columns[0]!, { name: 'label', type: 'number', values }] };
    const params = { layers: ['flatten', { dense: { units: 1 } }], optimizer: { sgd: { learning_rate: 1e6 } } };

    const training = train({ spec: { ...spec, task: 'regression', params }, train: table });

    await expect(training).rejects.toMatchObject({
      code: 'training_diverged',
      message: expect.stringMatching(/epoch 1, step \d+: lower the learning rate/),
    });
  });
});

test('a colour image has its channels last outside and first inside', async () => {
  const rows = 40;
  const values = Uint8Array.from({ length: rows * 2 * 2 * 3 }, (_, i) => (i % 3 === Math.floor(i / 12) % 2 ? 200 : 5));
  const table: Table = {
    rows,
    columns: [
      { name: 'image', type: 'tensor', shape: [2, 2, 3], values },
      { name: 'label', type: 'integer', values: Float64Array.from({ length: rows }, (_, i) => i % 2) },
    ],
  };
  const layers = [
    { conv2d: { filters: 2, kernel_size: 1 } },
    'global_average_pooling2d',
    { dense: { units: 2, activation: 'softmax' } },
  ];

  const trained = await train({
    spec: { ...spec, params: { layers, epochs: 30, batch_size: 4, optimizer: { adam: { learning_rate: 0.05 } } } },
    train: table,
  });

  expect(trained.exported.schema.features).toEqual([
    { name: 'image', type: 'tensor', required: true, shape: [2, 2, 3] },
  ]);
  expect(trained.exported.metrics.validation['accuracy']).toBe(1);
  expect(learnedOf(trained)['parameters']).toHaveLength(2 * 3 + 2 + 2 * 2 + 2);
});
