/**
 * Every optimizer of the table against the textbook's formulas, written out in float64 with moments as the papers define them (the graphs keep
 * rescaled ones). A noisy quadratic is followed over 60 steps on ONNX Runtime in float32, through the same training graph that families use.
 */
import { describe, expect, test } from '@jest/globals';

import { OPTIMIZERS, createOptimizer } from '../../../shared/optim/index.ts';
import type { OptimizerSpec } from '../../../shared/optim/index.ts';
import { createStepRunner } from '../../../shared/optim/step-runner.ts';
import { initialState } from '../../../shared/optim/training-step.ts';
import type { TrainingStep } from '../../../shared/optim/training-step.ts';
import { createEngine } from '../../../shared/runtime/session.ts';
import { Random } from '../../../shared/tensor/random.ts';
import { tensor } from '../../../shared/tensor/tensor.ts';

const SIZE = 12;
const STEPS = 60;

/** Yields the parameters after each step, given the gradient at the parameters. */
type Reference = (w: number[], gradient: (w: number[], step: number) => number[]) => Generator<number[], void>;

function* gradientDescent(w: number[], gradient: Parameters<Reference>[1], lr: number): Generator<number[], void> {
  for (let t = 1; t <= STEPS; t++) {
    const g = gradient(w, t);
    w = w.map((x, i) => x - lr * g[i]!);
    yield w;
  }
}

/** Keras's SGD with momentum: https://keras.io/api/optimizers/sgd. */
const momentumReference = (lr: number, m: number, nesterov: boolean): Reference =>
  function* (w, gradient) {
    let velocity = w.map(() => 0);
    for (let t = 1; t <= STEPS; t++) {
      const g = gradient(w, t);
      velocity = velocity.map((v, i) => m * v - lr * g[i]!);
      w = w.map((x, i) => x + (nesterov ? m * velocity[i]! - lr * g[i]! : velocity[i]!));
      yield w;
    }
  };

/** Kingma and Ba, algorithm 1; with decay, Loshchilov and Hutter, algorithm 2. */
const adamReference = (settings: {
  lr: number;
  b1: number;
  b2: number;
  eps: number;
  decay: number;
  clip?: number;
}): Reference =>
  function* (w, gradient) {
    const { lr, b1, b2, eps, decay, clip = Infinity } = settings;
    let [m, v] = [w.map(() => 0), w.map(() => 0)];
    for (let t = 1; t <= STEPS; t++) {
      const raw = gradient(w, t);
      const norm = Math.hypot(...raw);
      const g = raw.map((x) => x * Math.min(1, clip / norm));
      m = m.map((x, i) => b1 * x + (1 - b1) * g[i]!);
      v = v.map((x, i) => b2 * x + (1 - b2) * g[i]! ** 2);
      w = w.map((x, i) => x - lr * decay * x - (lr * m[i]!) / (1 - b1 ** t) / (Math.sqrt(v[i]! / (1 - b2 ** t)) + eps));
      yield w;
    }
  };

const CASES: readonly [title: string, spec: OptimizerSpec, reference: Reference][] = [
  ['sgd', { sgd: { learning_rate: 0.03 } }, (w, gradient) => gradientDescent(w, gradient, 0.03)],
  ['sgd by its defaults', 'sgd', (w, gradient) => gradientDescent(w, gradient, 0.01)],
  ['sgd with momentum', { sgd: { learning_rate: 0.02, momentum: 0.8 } }, momentumReference(0.02, 0.8, false)],
  ['momentum by its defaults', 'momentum', momentumReference(0.01, 0.9, false)],
  [
    'momentum with nesterov',
    { momentum: { learning_rate: 0.02, momentum: 0.7, nesterov: true } },
    momentumReference(0.02, 0.7, true),
  ],
  ['adam by its defaults', 'adam', adamReference({ lr: 0.001, b1: 0.9, b2: 0.999, eps: 1e-7, decay: 0 })],
  [
    'adam',
    { adam: { learning_rate: 0.05, beta_1: 0.8, beta_2: 0.95, epsilon: 1e-3 } },
    adamReference({ lr: 0.05, b1: 0.8, b2: 0.95, eps: 1e-3, decay: 0 }),
  ],
  ['adamw by its defaults', 'adamw', adamReference({ lr: 0.001, b1: 0.9, b2: 0.999, eps: 1e-7, decay: 0.004 })],
  [
    'adamw',
    { adamw: { learning_rate: 0.02, weight_decay: 0.3 } },
    adamReference({ lr: 0.02, b1: 0.9, b2: 0.999, eps: 1e-7, decay: 0.3 }),
  ],
  [
    'adam with a clipped gradient',
    { adam: { learning_rate: 0.05, global_clipnorm: 0.5 } },
    adamReference({ lr: 0.05, b1: 0.9, b2: 0.999, eps: 1e-7, decay: 0, clip: 0.5 }),
  ],
];

const random = Random.fromSeed(3);
const curvature = [...random.uniform(SIZE, 0.2, 3)];
const target = [...random.normal(SIZE)];
const noise = random.normal(STEPS * SIZE);
const start = random.normal(SIZE);

/** The gradient of the step's loss: sum of c/2 (w - target)^2 + noise_t w. */
const gradientAt = (w: number[], step: number): number[] =>
  w.map((x, i) => curvature[i]! * (x - target[i]!) + noise[(step - 1) * SIZE + i]!);

const quadratic = (spec: OptimizerSpec): TrainingStep => ({
  data: { noise: { dtype: 'float32', shape: [SIZE] } },
  parameters: { w: [SIZE] },
  optimizer: createOptimizer(spec),
  forward(g, { data, parameters: { w } }) {
    const constant = (values: readonly number[]) => g.constant(tensor('float32', [SIZE], Float32Array.from(values)));
    const distance = g.sub(w!, constant(target));
    const bowl = g.mul(g.mul(g.mul(distance, distance), constant(curvature)), 0.5);
    return { loss: g.reduceSum(g.add(bowl, g.mul(g.reshape(data['noise']!, [SIZE]), w!))) };
  },
});

describe.each(CASES)('%s', (_title, spec, reference) => {
  test('follows its definition', async () => {
    const step = quadratic(spec);
    const runner = createStepRunner(createEngine({ threads: 1 }), step);
    const data = { noise: tensor('float32', [STEPS, SIZE], noise) };
    let state = initialState(step, tensor('float32', [SIZE], start.slice()));
    const expected = [...reference([...start], gradientAt)];

    let distance = 0;
    for (const [i, w] of expected.entries()) {
      ({ state } = await runner.run({ data, state, rows: Int32Array.of(i), batchSize: 1 }));
      distance = Math.max(distance, ...w.map((x, k) => Math.abs(x - state.parameters.data[k]!)));
    }
    await runner.release();

    expect(distance).toBeLessThan(1e-5);
    expect(Math.max(...expected.at(-1)!.map((x, k) => Math.abs(x - start[k]!)))).toBeGreaterThan(1e-2);
  });
});

test('every optimizer of the table is covered', () => {
  const covered = new Set(CASES.map(([, spec]) => (typeof spec === 'string' ? spec : Object.keys(spec)[0])));

  expect([...covered].toSorted()).toEqual(Object.keys(OPTIMIZERS).toSorted());
});

test('a schedule overrides the learning rate step by step', async () => {
  const step = quadratic({ sgd: { learning_rate: 123 } });
  const runner = createStepRunner(createEngine({ threads: 1 }), step);
  const data = { noise: tensor('float32', [STEPS, SIZE], noise) };

  const { state } = await runner.run({
    data,
    state: initialState(step, tensor('float32', [SIZE], start)),
    rows: Int32Array.of(0, 1),
    batchSize: 1,
    learningRate: (number) => 0.1 / number,
  });
  await runner.release();

  let w = [...start];
  for (const t of [1, 2]) w = w.map((x, i) => x - (0.1 / t) * gradientAt(w, t)[i]!);
  expect(Math.max(...w.map((x, k) => Math.abs(x - state.parameters.data[k]!)))).toBeLessThan(1e-5);
});
