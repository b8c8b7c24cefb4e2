/** The cells against ONNX's own recurrent ops, Keras's defaults, reference parameter counts, forecasts, and errors that name layer and shapes. */
import { describe, expect, test } from '@jest/globals';
import { readRows } from '../../../shared/data/jsonl.ts';
import type { Table } from '../../../shared/data/table.ts';
import { buildNetwork, initialParameters, planLayers } from '../../../shared/families/network/network.ts';
import { RNN_LAYERS } from '../../../shared/families/rnn/layers.ts';
import { layersOf, rnnParams } from '../../../shared/families/rnn/params.ts';
import { recurOver, swapTime } from '../../../shared/families/rnn/recurrence.ts';
import { validateTraining } from '../../../shared/families/validate.ts';
import { GraphBuilder, toModel } from '../../../shared/onnx/graph-builder.ts';
import { parameterCount, unflatten } from '../../../shared/optim/parameters.ts';
import { loadPredictor } from '../../../shared/runtime/predictor.ts';
import { createEngine } from '../../../shared/runtime/session.ts';
import { Random } from '../../../shared/tensor/random.ts';
import { fromNumbers, tensor } from '../../../shared/tensor/tensor.ts';
import { mnist, takeRows } from '../../fixtures/data-sets.ts';
import { train } from './train.ts';

const columns = [
  { name: 'image', type: 'tensor', shape: [28, 28] },
  { name: 'label', type: 'integer', unique: 10 },
] as const;
const spec = { task: 'classification', family: 'rnn', target: 'label', features: ['image'] } as const;

function planOf(params: unknown, input: readonly number[] = [28, 28]) {
  return planLayers(RNN_LAYERS, layersOf(rnnParams.parse(params), { task: 'classification', outputs: 10 }), input);
}

describe('a cell computes what the op of ONNX computes', () => {
  const [time, batch, features, units] = [5, 3, 4, 6] as const;
  // [columns of our kernel per gate] in the order of ONNX's gates; ours are z, r, n and i, f, o, n.
  const ops = {
    simple_rnn: { op: 'RNN', gates: [0], attributes: {} },
    gru: { op: 'GRU', gates: [0, 1, 2], attributes: { linear_before_reset: 1 } },
    lstm: { op: 'LSTM', gates: [0, 2, 1, 3], attributes: {} },
  } as const;

  async function compare(cell: keyof typeof ops, isBackward: boolean): Promise<[number[], number[]]> {
    const { op, gates, attributes } = ops[cell];
    const random = Random.fromSeed(4);
    const width = gates.length * units;
    const rows = cell === 'gru' ? 2 : 1;
    const kernel = random.normal(features * width);
    const recurrent = random.normal(units * width);
    const bias = random.normal(rows * width);
    /** [gates * units, n]: ONNX's matrices have the gates one below the other. */
    const turned = (values: Float32Array, n: number) =>
      gates.flatMap((gate) =>
        Array.from({ length: units }, (_, unit) =>
          Array.from({ length: n }, (__, k) => values[k * width + gate * units + unit]!),
        ).flat(),
      );
    const g = new GraphBuilder(cell);
    const x = g.input('x', 'float32', [time, 'batch', features]);
    const weights = {
      kernel: g.constant(tensor('float32', [features, width], kernel)),
      recurrent_kernel: g.constant(tensor('float32', [units, width], recurrent)),
      bias: g.constant(tensor('float32', rows === 2 ? [2, width] : [width], bias)),
    };
    g.output(recurOver(g, x, { cell, config: { units }, weights, isBackward }, true), 'ours');
    const biases = [
      ...turned(bias.subarray(0, width), 1),
      ...(rows === 2 ? turned(bias.subarray(width), 1) : Array<number>(width).fill(0)),
    ];
    const inputs = [
      x,
      g.constant(fromNumbers('float32', turned(kernel, features), [1, width, features])),
      g.constant(fromNumbers('float32', turned(recurrent, units), [1, width, units])),
      g.constant(fromNumbers('float32', biases, [1, 2 * width])),
    ];
    const direction = { direction: isBackward ? 'reverse' : 'forward', hidden_size: units, ...attributes };
    g.output(g.emit(op, inputs, { dtype: 'float32', shape: [time, 1, 'batch', units] }, direction), 'theirs');
    const session = await createEngine({ threads: 1 }).createSession(toModel(g));
    const { ours, theirs } = await session.run({
      x: tensor('float32', [time, batch, features], random.normal(time * batch * features)),
    });
    await session.release();
    return [Array.from(ours!.data as Float32Array), Array.from(theirs!.data as Float32Array)];
  }

  for (const cell of ['simple_rnn', 'gru', 'lstm'] as const) {
    for (const isBackward of [false, true]) {
      test(`${cell}, ${isBackward ? 'backward' : 'forward'}`, async () => {
        const [ours, theirs] = await compare(cell, isBackward);

        expect(ours).toHaveLength(time * batch * units);
        expect(Math.max(...ours.map((value, i) => Math.abs(value - theirs[i]!)))).toBeLessThan(1e-5);
        expect(Math.max(...ours.map(Math.abs))).toBeGreaterThan(0.1);
      });
    }
  }
});

describe('networks as Keras has them', () => {
  test('128 units on digits: 21,386 parameters of a SimpleRNN and 81,674 of an LSTM', () => {
    expect(parameterCount(planOf({ cell: 'simple_rnn', units: 128 }).parameters)).toBe(21_386);
    expect(parameterCount(planOf({ cell: 'lstm', units: 128 }).parameters)).toBe(81_674);
    // 3 (28 * 128 + 128 * 128 + 2 * 128) + 1,290, with the two biases of reset_after.
    expect(parameterCount(planOf({ cell: 'gru', units: 128 }).parameters)).toBe(61_962);
  });

  test('start with orthogonal recurrent kernels and the forget gate open', () => {
    const network = planOf({ cell: 'lstm', units: 7 });
    const weights = unflatten(network.parameters, initialParameters(network, 1));
    const recurrent = weights['lstm_1/recurrent_kernel']!.data;
    const product = (i: number, j: number) =>
      Array.from({ length: 28 }, (_, k) => recurrent[i * 28 + k]! * recurrent[j * 28 + k]!).reduce((a, b) => a + b);

    for (let i = 0; i < 7; i++) for (let j = 0; j < 7; j++) expect(product(i, j)).toBeCloseTo(i === j ? 1 : 0, 5);
    expect(Array.from(weights['lstm_1/bias']!.data)).toEqual([
      ...Array<number>(7).fill(0),
      ...Array<number>(7).fill(1),
      ...Array<number>(14).fill(0),
    ]);
    const limit = Math.sqrt(6 / (28 + 28));
    expect(Math.max(...weights['lstm_1/kernel']!.data)).toBeLessThanOrEqual(limit);
  });

  test('stack, go both ways and merge', () => {
    const layers = (merge: string) => [
      { bidirectional: { layer: { gru: { units: 5, return_sequences: true } }, merge_mode: merge } },
      { dense: { units: 3, activation: 'relu' } },
      'flatten',
      { dense: { units: 10, activation: 'softmax' } },
    ];
    const shapes = (merge: string) => planOf({ layers: layers(merge) }, [4, 2]).layers.map(({ output }) => output);

    expect(shapes('concat')).toEqual([[4, 10], [4, 3], [12], [10]]);
    expect(shapes('sum')).toEqual([[4, 5], [4, 3], [12], [10]]);
    expect(Object.keys(planOf({ layers: layers('concat') }, [4, 2]).parameters).slice(0, 6)).toEqual(
      ['forward', 'backward'].flatMap((way) =>
        ['kernel', 'recurrent_kernel', 'bias'].map((name) => `bidirectional_1/${way}/${name}`),
      ),
    );
  });

  test.each(['simple_rnn', 'gru', 'lstm'])('%s predicts by one op what it learns step by step', async (cell) => {
    const layers = [
      { bidirectional: { layer: { [cell]: { units: 5, return_sequences: true } } } },
      { bidirectional: { layer: { [cell]: { units: 4 } }, merge_mode: 'sum' } },
      { dense: { units: 10 } },
    ];
    const network = planOf({ layers }, [9, 2]);
    const random = Random.fromSeed(6);
    const weights = unflatten(network.parameters, initialParameters(network, 5));
    const input = tensor('float32', [3, 9, 2], random.normal(3 * 9 * 2, 0, 2));

    /** Training graphs have the batch as a number, inference by its name. */
    async function run(batch: number | string): Promise<{ nodes: string[]; values: number[] }> {
      const g = new GraphBuilder('network');
      const parameters = Object.entries(weights).map(([name, value]) => [name, g.constant(value)] as const);
      const x = g.input('x', 'float32', [batch, 9, 2]);
      g.output(buildNetwork(g, swapTime(g, x), network, { parameters: Object.fromEntries(parameters) }), 'y');
      const session = await createEngine({ threads: 1 }).createSession(toModel(g));
      const { y } = await session.run({ x: input });
      await session.release();
      return { nodes: g.nodes.map(({ opType }) => opType), values: Array.from(y!.data as Float32Array) };
    }

    const [training, inference] = [await run(3), await run('batch')];

    const op = { simple_rnn: 'RNN', gru: 'GRU', lstm: 'LSTM' }[cell]!;
    expect(inference.nodes.filter((name) => name === op)).toHaveLength(4);
    expect(training.nodes).not.toContain(op);
    expect(Math.max(...inference.values.map((value, i) => Math.abs(value - training.values[i]!)))).toBeLessThan(1e-5);
    expect(Math.max(...inference.values.map(Math.abs))).toBeGreaterThan(0.1);
  });

  test.each(['simple_rnn', 'gru', 'lstm'])(
    'masking: a padded sequence gives %s what it gives without its padding',
    async (cell) => {
      const layers = [
        { masking: {} },
        { bidirectional: { layer: { [cell]: { units: 4, return_sequences: true } } } },
        { [cell]: { units: 3 } },
        { dense: { units: 10 } },
      ];
      const random = Random.fromSeed(2);
      const sequence = random.normal(3 * 2, 0, 3);
      const weights = initialParameters(planOf({ layers }, [3, 2]), 5);

      /** The network's outputs for a sequence with zeros before and after it. */
      async function outputs(before: number, after: number): Promise<number[]> {
        const time = before + 3 + after;
        const network = planOf({ layers }, [time, 2]);
        const g = new GraphBuilder('network');
        const parameters = Object.entries(unflatten(network.parameters, weights)).map(
          ([name, value]) => [name, g.constant(value)] as const,
        );
        const x = g.input('x', 'float32', ['batch', time, 2]);
        g.output(buildNetwork(g, swapTime(g, x), network, { parameters: Object.fromEntries(parameters) }), 'y');
        const session = await createEngine({ threads: 1 }).createSession(toModel(g));
        const padded = new Float32Array(time * 2);
        padded.set(sequence, before * 2);
        const { y } = await session.run({ x: tensor('float32', [1, time, 2], padded) });
        await session.release();
        return Array.from(y!.data as Float32Array);
      }

      const bare = await outputs(0, 0);
      for (const padded of [await outputs(0, 4), await outputs(2, 0), await outputs(1, 3)]) {
        expect(Math.max(...padded.map((value, i) => Math.abs(value - bare[i]!)))).toBeLessThan(1e-6);
      }
      expect(Math.max(...bare.map(Math.abs))).toBeGreaterThan(0.01);
    },
  );

  test('a tanh RNN reads digits row by row', async () => {
    const { train: digits } = mnist();
    const some = takeRows(
      digits,
      [...Array(digits.rows).keys()].filter((row) => row % 2 === 0),
    );
    const params = { cell: 'simple_rnn', units: 64, epochs: 4, optimizer: { adam: { learning_rate: 0.003 } } };

    const { exported } = await train({ spec: { ...spec, params, seed: 0 }, train: some });

    expect(exported.metrics.validation['accuracy']).toBeGreaterThan(0.7);
  });
});

describe('sequences of any length', () => {
  const columns = [
    { name: 'walk', type: 'tensor', shape: [9, 1], ragged: true },
    { name: 'y', type: 'number' },
  ] as const;

  /** Walks of 3 to 9 steps, and the sum of each. */
  function walks(rows: number): { walk: number[][]; y: number }[] {
    const random = Random.fromSeed(3);
    return Array.from({ length: rows }, () => {
      const walk = Array.from({ length: 3 + random.nextBelow(7) }, () => [random.nextDouble() < 0.5 ? 0 : 0.5]);
      return { walk, y: walk.reduce((sum, [step]) => sum + step!, 0) };
    });
  }

  test.each(['tanh', 'linear'])(
    '%s: an answer does not depend on the others of its request, and longer ones go on',
    async (activation) => {
      const layers = [{ simple_rnn: { units: 8, activation } }, { dense: { units: 1 } }];
      const params = { layers, epochs: 40, optimizer: { adam: { learning_rate: 0.01 } } };
      const regression = { task: 'regression', family: 'rnn', target: 'y', params, seed: 0 } as const;
      const { exported } = await train({ spec: regression, train: readRows(walks(200)) });
      const predictor = await loadPredictor(exported.onnx, { threads: 1 });
      const instances = [[[0], [0.5], [0]], Array.from({ length: 14 }, () => [0.5]), [[0.5], [0], [0.5], [0.5]]];

      const together = (await predictor.predict(instances)) as number[];
      const alone = await Promise.all(instances.map(async (instance) => (await predictor.predict([instance]))[0]));
      const wrong = predictor.predict([{ walk: [[0, 1]] }]);

      await expect(wrong).rejects.toMatchObject({
        code: 'shape_mismatch',
        message: 'instance 0, feature "walk": expected numbers of shape [time, 1], got shape [1, 2]',
      });
      await predictor.release();
      expect(predictor.schema.features).toEqual([{ name: 'walk', type: 'tensor', required: true, shape: [-1, 1] }]);
      expect(Math.max(...together.map((value, i) => Math.abs(value - (alone[i] as number))))).toBeLessThan(1e-5);
      expect(together[0]).toBeCloseTo(0.5, 0);
      expect(together[2]).toBeCloseTo(1.5, 0);
      // The most that nine steps add up to, and no longer ones were learned from, is 4.5.
      if (activation === 'linear') expect(together[1]).toBeGreaterThan(4.7);
    },
  );

  test('are validated with a dataset of other lengths, but not of other steps', async () => {
    const params = { cell: 'gru', units: 4, epochs: 1 };
    const regression = { task: 'regression', family: 'rnn', target: 'y', params, seed: 0 } as const;
    const rows = walks(40);
    const long = [{ walk: Array.from({ length: 20 }, () => [0.5]), y: 10 }, ...rows.slice(0, 9)];
    const wide = rows.map(({ walk, y }) => ({ walk: walk.map(([step]) => [step!, 0]), y }));

    const { exported } = await train({ spec: regression, train: readRows(rows), validation: readRows(long) });
    const strange = train({ spec: regression, train: readRows(rows), validation: readRows(wide) });

    expect(exported.metrics.validation['rmse']).toEqual(expect.any(Number));
    await expect(strange).rejects.toMatchObject({ code: 'invalid_request', param: '/validation' });
  });

  test('are refused by families and layers that need one shape', () => {
    const regression = { task: 'regression', target: 'y', features: ['walk'] } as const;
    const flat = { layers: ['flatten', { dense: { units: 1 } }] };

    expect(validate({ ...regression, family: 'cnn', params: flat }, columns)).toThrow(
      'the family cnn takes tensors of one shape; the rows of "walk" differ in length (up to 9): bring them to one, or use rnn',
    );
    expect(validate({ ...regression, family: 'rnn', params: flat }, columns)).toThrow(
      expect.objectContaining({ param: '/params/layers/0' }),
    );
  });
});

describe('text', () => {
  test('needs an embedding, which the shorthand brings along', () => {
    const columns = [
      { name: 'words', type: 'text' },
      { name: 'y', type: 'boolean', unique: 2 },
    ] as const;
    const texts = { task: 'classification', family: 'rnn', target: 'y' } as const;
    const bare = { layers: [{ lstm: { units: 3 } }, { dense: { units: 2 } }] };

    expect(validate({ ...texts, params: { cell: 'lstm' } }, columns)).not.toThrow();
    expect(validate({ ...texts, params: bare }, columns)).toThrow(
      'expected an embedding first, as "words" is a text, got lstm',
    );
  });
});

describe('forecasting', () => {
  const series = (rows: number): Table => ({
    rows,
    columns: [
      { name: 'month', type: 'integer', values: Float64Array.from({ length: rows }, (_, t) => t) },
      { name: 'sales', type: 'number', values: Float64Array.from({ length: rows }, (_, t) => 900 + 50 * (t % 4)) },
    ],
  });
  const params = {
    cell: 'simple_rnn',
    units: 8,
    window: 4,
    horizon: 2,
    epochs: 30,
    batch_size: 8,
    optimizer: { adam: { learning_rate: 0.02 } },
  };
  const forecast = { task: 'forecasting', family: 'rnn', target: 'sales', params, seed: 1 } as const;

  test('goes on with a season from the last values, in their units', async () => {
    const { exported } = await train({ spec: forecast, train: series(120) });
    const predictor = await loadPredictor(exported.onnx, { threads: 1 });
    const [bare, named] = await predictor.predict([[900, 950, 1000, 1050], { sales: [1000, 1050, 900, 950] }]);
    const short = predictor.predict([{ sales: [1, 2, 3] }]);

    await expect(short).rejects.toMatchObject({ code: 'shape_mismatch', param: '/instances/0/sales' });
    await predictor.release();
    expect((bare as number[]).map((value) => Math.round(value / 50) * 50)).toEqual([900, 950]);
    expect((named as number[]).map((value) => Math.round(value / 50) * 50)).toEqual([1000, 1050]);
    expect(predictor.schema.features).toEqual([{ name: 'sales', type: 'tensor', required: true, shape: [4] }]);
  });

  test('learns a season of a hundred values by its defaults', async () => {
    const noise = Random.fromSeed(9).normal(100, 0, 2);
    const values = Float64Array.from(noise, (error, t) => 500 + 40 * Math.sin((2 * Math.PI * t) / 12) + error);
    const table: Table = { rows: 100, columns: [{ name: 'sales', type: 'number', values }] };

    const { exported } = await train({ spec: { ...forecast, params: {} }, train: table });

    expect(exported.metrics.validation['r2']).toBeGreaterThan(0.9);
  });

  test('refuses other features, window outside forecasting, and a validation that leaves nothing', async () => {
    const other = validate({ ...forecast, features: ['month'] }, series(50).columns);
    const strange = validate({ ...spec, params: { cell: 'gru', window: 3 } });
    const large = train({ spec: { ...forecast, params: { ...params, horizon: 12 } }, train: series(22) });

    expect(other).toThrow(
      expect.objectContaining({ param: '/features/0', message: expect.stringContaining('"month"') }),
    );
    expect(strange).toThrow(expect.objectContaining({ param: '/params/window' }));
    await expect(large).rejects.toMatchObject({ param: '/validation/fraction' });
  });
});

const validate =
  (
    training: Parameters<typeof validateTraining>[0],
    data: Parameters<typeof validateTraining>[1]['columns'] = columns,
  ) =>
  () =>
    validateTraining(training, { columns: data });

describe('refuses, naming layer and shapes,', () => {
  const softmax = { dense: { units: 10, activation: 'softmax' } };
  const cases: [string, object, string, string][] = [
    [
      'a recurrent layer on rows',
      { layers: [{ lstm: { units: 8 } }, { gru: { units: 4 } }, softmax] },
      '/params/layers/1',
      'gru_1: expected sequences [batch, time, features], got [batch, 8]: set "return_sequences": true in the recurrent layer before it',
    ],
    [
      'sequences at the end',
      { layers: [{ lstm: { units: 10, return_sequences: true } }] },
      '/params/layers/0',
      'lstm_1: expected an output of one dimension, got [batch, 28, 10]: end with a dense layer',
    ],
    [
      'too few units',
      { layers: [{ simple_rnn: { units: 8 } }, { dense: { units: 9 } }] },
      '/params/layers/1',
      'dense_1: expected 10 units for 10 classes, got 9',
    ],
    [
      'a softmax over steps',
      { layers: [softmax, 'flatten', softmax] },
      '/params/layers/0',
      'dense_1: the activation softmax is for rows [batch, units], got [batch, 28, 10]: put "flatten" or a recurrent layer without "return_sequences" before it',
    ],
    [
      'an embedding without the number of its ids',
      { layers: [{ embedding: { output_dim: 4 } }, softmax] },
      '/params/layers/0',
      'embedding_1: expected rows of ids [batch, time], got [batch, 28, 28]: an embedding is the first layer',
    ],
    ['layers and their shorthand', { layers: [softmax], units: 3 }, '/params', 'stands in place of "layers"'],
    [
      'two layers in one direction',
      { layers: [{ bidirectional: { layer: {} } }, softmax] },
      '/params',
      'expected one recurrent layer',
    ],
    [
      'too many units',
      { cell: 'lstm', units: 20_000 },
      '/params/units',
      'lstm_1: expected at most 1024 units, got 20000',
    ],
    [
      'too many parameters',
      { layers: [{ gru: { units: 1000 } }, { dense: { units: 60_000 } }, softmax] },
      '/params/layers/1',
      'dense_1: with this layer the network has 63150000 parameters, at most 50000000 can be trained',
    ],
    [
      'another loss',
      { cell: 'gru', loss: 'mean_squared_error' },
      '/params/loss',
      'the loss of classification is sparse_categorical_crossentropy',
    ],
  ];
  for (const [what, params, pointer, message] of cases) {
    test(what, () => {
      const run = validate({ ...spec, params: params as Record<string, unknown> });

      expect(run).toThrow(message);
      if (pointer !== '/params') expect(run).toThrow(expect.objectContaining({ param: pointer }));
    });
  }

  test('sequences of too many steps', () => {
    const long = [{ name: 'image', type: 'tensor', shape: [2000, 3] }, columns[1]] as const;

    expect(validate({ ...spec, params: { cell: 'gru' } }, long)).toThrow(
      'gru_1: expected sequences of at most 1024 steps, got [batch, 2000, 3]',
    );
  });
});
