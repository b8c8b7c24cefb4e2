/** Layers over sequences, dilation, normalisation and residual sums: Keras's semantics by numbers worked out by hand or in plain loops. */
import { describe, expect, test } from '@jest/globals';
import type { Table } from '../../../shared/data/table.ts';
import { buildNetwork, planNetwork } from '../../../shared/families/cnn/network.ts';
import { cnnParams } from '../../../shared/families/cnn/params.ts';
import { GraphBuilder, toModel } from '../../../shared/onnx/graph-builder.ts';
import type { Value } from '../../../shared/onnx/graph.ts';
import { createEngine } from '../../../shared/runtime/session.ts';
import { loadPredictor } from '../../../shared/runtime/predictor.ts';
import { Random } from '../../../shared/tensor/random.ts';
import { fromNumbers, tensor } from '../../../shared/tensor/tensor.ts';
import { train } from './train.ts';

interface Input {
  /** [batch, ...row] as the network takes rows. */
  readonly shape: number[];
  readonly values: number[];
}

/** Runs a network with given weights; in training with what its buffers become. */
async function run(
  layers: unknown,
  x: Input,
  { weights = {}, isTraining = false }: { weights?: Record<string, number[]>; isTraining?: boolean } = {},
) {
  const g = new GraphBuilder('network');
  const network = planNetwork(cnnParams.parse({ layers }).layers, x.shape.slice(1));
  const layout = Object.entries({ ...network.parameters, ...network.buffers });
  const parameters = layout.map(
    ([name, shape]) => [name, g.constant(fromNumbers('float32', weights[name]!, shape))] as const,
  );
  const input = g.input('x', 'float32', x.shape);
  const kept: string[] = [];
  const keep = (name: string, value: Value): void => {
    kept.push(name);
    g.output(value, name);
  };
  g.output(
    buildNetwork(g, input, network, { parameters: Object.fromEntries(parameters), ...(isTraining ? { keep } : {}) }),
    'y',
  );
  const session = await createEngine({ threads: 1 }).createSession(toModel(g));
  const outputs = await session.run({ x: tensor('float32', x.shape, Float32Array.from(x.values)) });
  await session.release();
  const values = (name: string): number[] => Array.from(outputs[name]!.data as Float32Array);
  return {
    shape: outputs['y']!.shape,
    values: values('y'),
    kept: Object.fromEntries(kept.map((name) => [name, values(name)])),
  };
}

const close = (values: readonly number[]): unknown[] => values.map((value) => expect.closeTo(value, 5) as unknown);
const six = { shape: [1, 1, 3, 2], values: [1, 10, 2, 20, 3, 30] };

describe('sequences', () => {
  test('conv1d slides over the steps of [steps, channels], and over vectors as one channel', async () => {
    // One filter: the first channel of a step plus the second of the next, and 0.5.
    const weights = { 'conv1d_1/kernel': [1, 0, 0, 1], 'conv1d_1/bias': [0.5] };
    const layers = [{ conv1d: { filters: 1, kernel_size: 2 } }];
    const difference = { 'conv1d_1/kernel': [-1, 1], 'conv1d_1/bias': [0] };
    const vector = { shape: [1, 5], values: [1, 4, 9, 16, 25] };

    expect(await run(layers, six, { weights })).toMatchObject({ shape: [1, 1, 2], values: [21.5, 32.5] });
    expect((await run(layers, vector, { weights: difference })).values).toEqual([3, 5, 7, 9]);
    expect(
      (await run([{ conv1d: { filters: 1, kernel_size: 2, strides: 2 } }], vector, { weights: difference })).values,
    ).toEqual([3, 7]);
    expect(
      (await run([{ conv1d: { filters: 1, kernel_size: 2, dilation_rate: 3 } }], vector, { weights: difference }))
        .values,
    ).toEqual([15, 21]);
  });

  test('pooling of steps, in windows and as a whole', async () => {
    const vector = { shape: [1, 5], values: [3, 1, 4, 1, 5] };

    expect((await run([{ max_pooling1d: {} }], vector)).values).toEqual([3, 4]);
    expect((await run([{ average_pooling1d: { pool_size: 3, strides: 1 } }], vector)).values).toEqual(
      close([8 / 3, 2, 10 / 3]),
    );
    expect((await run(['global_max_pooling1d'], six)).values).toEqual([3, 30]);
    expect((await run(['global_average_pooling1d'], six)).values).toEqual([2, 20]);
  });

  test('a network over sequences is trained and predicts by its file alone', async () => {
    const random = Random.fromSeed(2);
    const [rows, steps] = [200, 24];
    const fast = Float64Array.from({ length: rows }, () => random.nextBelow(2));
    const values = Float32Array.from({ length: rows * steps }, (_, i) =>
      Math.sin((i % steps) * (fast[Math.floor(i / steps)] === 1 ? 1.4 : 0.5) + (Math.floor(i / steps) % 6)),
    );
    const table: Table = {
      rows,
      columns: [
        { name: 'signal', type: 'tensor', shape: [steps, 1], values },
        { name: 'fast', type: 'integer', values: fast },
      ],
    };
    const layers = [
      { conv1d: { filters: 8, kernel_size: 5, activation: 'relu' } },
      { max_pooling1d: {} },
      { conv1d: { filters: 8, kernel_size: 3, dilation_rate: 2, padding: 'same', activation: 'relu' } },
      'global_average_pooling1d',
      { dense: { units: 2, activation: 'softmax' } },
    ];
    const params = { layers, epochs: 15, batch_size: 16, optimizer: { adam: { learning_rate: 0.01 } } };

    const { exported } = await train({
      spec: { task: 'classification', family: 'cnn', target: 'fast', params, seed: 1 },
      train: table,
    });
    const predictor = await loadPredictor(exported.onnx, { threads: 1 });
    const instance = { signal: Array.from({ length: steps }, (_, t) => [Math.sin(t * 1.4 + 2)]) };
    const predictions = await predictor.predict([instance, instance]);
    await predictor.release();

    expect(exported.metrics.validation['accuracy']).toBeGreaterThan(0.95);
    expect(predictions[0]).toMatchObject({ label: 1 });
    expect(predictions[1]).toEqual(predictions[0]);
  });
});

describe('images', () => {
  const nine = { shape: [1, 1, 3, 3], values: [1, 2, 3, 4, 5, 6, 7, 8, 9] };

  test('conv2d with dilation reads elements apart, and keeps the size under same', async () => {
    const weights = { 'conv2d_1/kernel': [1, 0, 0, -1], 'conv2d_1/bias': [0] };
    const layers = (padding: string) => [{ conv2d: { filters: 1, kernel_size: 2, dilation_rate: 2, padding } }];

    expect(await run(layers('valid'), nine, { weights })).toMatchObject({ shape: [1, 1, 1, 1], values: [-8] });
    // One row and column of zeros on every side: the upper left neighbour minus the lower right one.
    expect((await run(layers('same'), nine, { weights })).values).toEqual([-5, -6, 0, -8, -8, 2, 0, 4, 5]);
    expect((await run(['global_max_pooling2d'], nine)).values).toEqual([9]);
  });

  test('add sums with what an earlier layer gave after its activation, also where its relu could wait for a max-pool', async () => {
    const image = { shape: [1, 1, 2, 2], values: [-4, -1, 2, -3] };

    expect((await run([{ activation: 'relu' }, { add: { layer: 'input' } }], image)).values).toEqual([-4, -1, 4, -3]);
    expect((await run([{ add: { layer: 'input', activation: 'relu' } }], image)).values).toEqual([0, 0, 4, 0]);
    const layers = [{ activation: 'relu' }, { max_pooling2d: { pool_size: 1 } }, { add: { layer: 'activation_1' } }];
    expect((await run(layers, image)).values).toEqual([0, 0, 4, 0]);
  });
});

describe('normalisation', () => {
  // Two rows of two channels over two steps; channel 0 has the values 1, 2, 3, 6 over the batch, channel 1 all 5.
  const batch = { shape: [2, 1, 2, 2], values: [1, 5, 2, 5, 3, 5, 6, 5] };
  const layers = [{ batch_normalization: { momentum: 0.9, epsilon: 0.5 } }, { max_pooling1d: { pool_size: 1 } }];
  const weights = {
    'batch_normalization_1/gamma': [2, 1],
    'batch_normalization_1/beta': [1, 7],
    'batch_normalization_1/moving_mean': [10, 0],
    'batch_normalization_1/moving_variance': [1.5, 1],
  };

  test('of a batch takes its own statistics in training, and moves the running ones by 1 - momentum', async () => {
    const { values, kept } = await run(layers, batch, { weights, isTraining: true });

    // Mean 3, population variance (4 + 1 + 0 + 9) / 4 = 3.5, plus 0.5: deviation 2. [row][channel][step]
    expect(values).toEqual(close([-1, 0, 7, 7, 1, 4, 7, 7]));
    expect(kept['batch_normalization_1/moving_mean']).toEqual(close([0.9 * 10 + 0.1 * 3, 0.1 * 5]));
    expect(kept['batch_normalization_1/moving_variance']).toEqual(close([0.9 * 1.5 + 0.1 * 3.5, 0.9]));
  });

  test('of a batch takes the running statistics in inference', async () => {
    const { values } = await run(layers, batch, { weights });

    const [deep, flat] = [Math.sqrt(1.5 + 0.5), Math.sqrt(1 + 0.5)];
    const first = (x: number): number => (2 * (x - 10)) / deep + 1;
    expect(values).toEqual(
      close([first(1), first(2), 5 / flat + 7, 5 / flat + 7, first(3), first(6), 5 / flat + 7, 5 / flat + 7]),
    );
  });

  test('of a layer takes the channels of each place, in training and inference alike, and Keras starts as the identity', async () => {
    const vector = { shape: [1, 4], values: [1, 2, 3, 6] };
    const own = { 'layer_normalization_1/gamma': [1, 1, 1, 2], 'layer_normalization_1/beta': [0, 0, 0, 1] };
    const sequence = { shape: [1, 1, 2, 2], values: [1, 5, 4, 2] };
    const ones = { 'layer_normalization_1/gamma': [1, 1], 'layer_normalization_1/beta': [0, 0] };

    for (const isTraining of [false, true]) {
      const plain = await run([{ layer_normalization: { epsilon: 0.5 } }], vector, { weights: own, isTraining });
      expect(plain.values).toEqual(close([-1, -0.5, 0, 4]));
      const spatial = await run(
        [{ layer_normalization: { epsilon: 1e-9 } }, { max_pooling1d: { pool_size: 1 } }],
        sequence,
        { weights: ones, isTraining },
      );
      expect(spatial.values).toEqual(close([-1, 1, 1, -1]));
    }
  });
});
