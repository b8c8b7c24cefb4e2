/** Steps inside the graph: how they are cut into runs, the last smaller batch, buffers, and parameters as one vector. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { squaredError } from '../../../shared/onnx/losses.ts';
import { createOptimizer, optimizerSchema } from '../../../shared/optim/index.ts';
import { flatten, parameterCount, unflatten } from '../../../shared/optim/parameters.ts';
import { createStepRunner } from '../../../shared/optim/step-runner.ts';
import type { StepResults, StepRunner } from '../../../shared/optim/step-runner.ts';
import { initialState } from '../../../shared/optim/training-step.ts';
import type { TrainingState, TrainingStep } from '../../../shared/optim/training-step.ts';
import { createEngine } from '../../../shared/runtime/session.ts';
import { Random } from '../../../shared/tensor/random.ts';
import { tensor } from '../../../shared/tensor/tensor.ts';

const ROWS = 50;
const BATCH = 8;
const layout = { 'hidden/kernel': [6, 9], 'hidden/bias': [9], 'output/kernel': [9, 1] };

/** A small network on bytes with everything that a step may use: a buffer (running mean), a metric, and noise from the step's seed. */
const network: TrainingStep = {
  data: { x: { dtype: 'uint8', shape: [6] }, y: { dtype: 'float32', shape: [1] } },
  parameters: layout,
  buffers: { mean: [6] },
  optimizer: createOptimizer({ adam: { learning_rate: 0.02 } }),
  metrics: ['largest'],
  forward(g, { data, parameters, buffers, seed }) {
    const x = g.mul(g.cast(data['x']!, 'float32'), 1 / 255);
    const mean = g.add(g.mul(buffers['mean']!, 0.9), g.mul(g.reduceMean(x, { axes: [0] }), 0.1));
    const noise = g.mul(g.cast(g.mod(seed, 7), 'float32'), 1e-3);
    const hidden = g.tanh(
      g.gemm(g.add(g.sub(x, mean), noise), parameters['hidden/kernel']!, { c: parameters['hidden/bias']! }),
    );
    const loss = squaredError(g, g.gemm(hidden, parameters['output/kernel']!), data['y']!);
    return { loss: g.reduceMean(loss), metrics: { largest: g.reduceMax(loss) }, buffers: { mean } };
  },
};

const random = Random.fromSeed(5);
const data = {
  x: tensor(
    'uint8',
    [ROWS, 6],
    Uint8Array.from({ length: ROWS * 6 }, () => random.nextBelow(256)),
  ),
  y: tensor('float32', [ROWS, 1], random.normal(ROWS)),
};
const order = random.permutation(ROWS);
const parameters = random.normal(parameterCount(layout), 0, 0.5);
const beginning = (): TrainingState =>
  initialState(
    network,
    tensor('float32', [parameters.length], parameters.slice()),
    tensor('float32', [6], new Float32Array(6)),
  );

describe.each([1, 2])('steps on %i threads', (threads) => {
  let runner: StepRunner;

  beforeAll(() => {
    runner = createStepRunner(createEngine({ threads }), network);
  });
  afterAll(() => runner.release());

  /** Trains on the order's rows from `from` on, in runs of the given numbers of steps. */
  async function train(
    state: TrainingState,
    cuts: readonly number[],
    from = 0,
  ): Promise<{ state: TrainingState; runs: StepResults[] }> {
    const runs: StepResults[] = [];
    let row = from;
    for (const steps of cuts) {
      const rows = order.subarray(row, (row += steps * BATCH));
      const results = await runner.run({ data, state, rows, batchSize: BATCH, seed: 11 });
      runs.push(results);
      state = results.state;
    }
    return { state, runs };
  }

  test.each([[[1, 1, 1, 1, 1, 1]], [[2, 4]], [[5, 1]], [[3, 1, 2]]])(
    'give the same bits in one run and cut as %j',
    async (cuts) => {
      const whole = await train(beginning(), [6]);
      const cut = await train(beginning(), cuts);

      expect(cut.state).toEqual(whole.state);
      expect(cut.runs.flatMap(({ loss }) => [...loss])).toEqual([...whole.runs[0]!.loss]);
      expect(cut.runs.flatMap(({ metrics }) => [...metrics['largest']!])).toEqual([
        ...whole.runs[0]!.metrics['largest']!,
      ]);
    },
  );

  test('continue from a state that was stored', async () => {
    const whole = await train(beginning(), [6]);
    const first = (await train(beginning(), [2])).state;

    const stored = structuredClone(first);
    const rest = await train(stored, [4], 2 * BATCH);

    expect(rest.state).toEqual(whole.state);
  });

  test('take a last batch of another size', async () => {
    const { state } = await train(beginning(), [6]);

    const last = await runner.run({ data, state, rows: order.subarray(6 * BATCH), batchSize: ROWS - 6 * BATCH });

    expect(last.loss).toHaveLength(1);
    expect(last.state.step).toBe(7);
    expect(last.state.parameters.data).not.toEqual(state.parameters.data);
  });

  test('update buffers without a gradient', async () => {
    const { state } = await train(beginning(), [1]);

    const rows = [...order.subarray(0, BATCH)];
    const expected = [0, 1, 2, 3, 4, 5].map(
      (column) => (0.1 * rows.reduce((sum, row) => sum + data.x.data[row * 6 + column]! / 255, 0)) / BATCH,
    );
    expect(Math.max(...expected.map((mean, i) => Math.abs(mean - state.buffers.data[i]!)))).toBeLessThan(1e-6);
  });

  test('bring the loss down', async () => {
    let { state, runs } = await train(beginning(), [6]);
    const [before] = runs[0]!.loss;
    for (let epoch = 0; epoch < 60; epoch++) ({ state, runs } = await train(state, [6]));

    expect(runs[0]!.loss[0]!).toBeLessThan(before! / 2);
  });

  test('leave the state that they began with as it was', async () => {
    const state = beginning();
    await train(state, [3]);

    expect(state).toEqual(beginning());
  });
});

describe('parameters', () => {
  test('become one vector and come back', () => {
    const values = {
      'hidden/kernel': Float32Array.from({ length: 54 }, (_, i) => i),
      'hidden/bias': new Float32Array(9).fill(7),
      'output/kernel': new Float32Array(9).fill(8),
    };

    const flat = flatten(layout, values);

    expect(flat.shape).toEqual([72]);
    expect(
      Object.entries(unflatten(layout, flat)).map(([name, { shape, data: part }]) => [name, shape, [...part]]),
    ).toEqual(Object.entries(layout).map(([name, shape]) => [name, shape, [...values[name as keyof typeof values]]]));
  });

  test('of another size fail by name', () => {
    expect(() => flatten(layout, { 'hidden/kernel': new Float32Array(54) })).toThrow(
      "parameter 'hidden/bias': expected 9 elements, got none",
    );
  });
});

describe('hyper-parameters', () => {
  test.each([
    [{ adam: { learning_rate: -1 } }, 'learning_rate'],
    [{ adam: { lr: 0.1 } }, 'lr'],
    [{ sgd: { momentum: 1 } }, 'momentum'],
    [{ adam: {}, sgd: {} }, 'adam'],
    ['rmsprop', 'adam'],
  ])('%j is refused, naming %s', (spec, name) => {
    const result = optimizerSchema.safeParse(spec);

    expect(result.success).toBe(false);
    expect(JSON.stringify(result.error)).toContain(name);
  });
});
