/**
 * How long a training step of the reference CNN takes, and what looping the steps inside the graph costs or gains:
 * `npx tsx bench/train-step.bench.ts [--json] [--batch 32] [--threads 1,2]`. The variants take turns, so that a busy machine hurts them alike; the median
 * and the fastest tenth are told, the latter being what other processes disturb least.
 */
import { parseArgs } from 'node:util';

import { buildNetwork, initialParameters, planNetwork } from '../shared/families/cnn/network.ts';
import { cnnParams } from '../shared/families/cnn/params.ts';
import type { Session } from '../shared/onnx/engine.ts';
import { GraphBuilder, toModel } from '../shared/onnx/graph-builder.ts';
import { sparseCategoricalCrossentropy } from '../shared/onnx/losses.ts';
import { createOptimizer } from '../shared/optim/index.ts';
import { createStepRunner } from '../shared/optim/step-runner.ts';
import { initialState, trainStep } from '../shared/optim/training-step.ts';
import type { TrainingState, TrainingStep } from '../shared/optim/training-step.ts';
import { createEngine } from '../shared/runtime/session.ts';
import { Random } from '../shared/tensor/random.ts';
import { scalar, tensor, zeros } from '../shared/tensor/tensor.ts';
import type { HostTensor } from '../shared/tensor/tensor.ts';

/** Steps between two readings of the clock: few, so that some turns fall between what else the machine does. */
const STEPS = 20;
const LAYERS = [
  { conv2d: { filters: 32, kernel_size: [3, 3], activation: 'relu' } },
  { max_pooling2d: { pool_size: [2, 2] } },
  { conv2d: { filters: 64, kernel_size: [3, 3], activation: 'relu' } },
  { max_pooling2d: { pool_size: [2, 2] } },
  'flatten',
  { dense: { units: 64, activation: 'relu' } },
  { dense: { units: 10, activation: 'softmax' } },
];

const network = planNetwork(cnnParams.parse({ layers: LAYERS }).layers, [1, 28, 28]);

const cnn: TrainingStep = {
  data: { x: { dtype: 'uint8', shape: [1, 28, 28] }, y: { dtype: 'int32', shape: [] } },
  parameters: network.parameters,
  optimizer: createOptimizer('adam'),
  forward(g, { data, parameters }) {
    const logits = buildNetwork(g, g.mul(g.cast(data['x']!, 'float32'), 1 / 255), network, { parameters });
    return { loss: g.reduceMean(sparseCategoricalCrossentropy(g, logits, data['y']!)) };
  },
};

/** Half of the pixels are background, as in digits. */
function syntheticDigits(random: Random): Record<string, HostTensor> {
  const pixels = Uint8Array.from({ length: rowCount * 784 }, () =>
    random.nextBelow(2) === 0 ? 0 : random.nextBelow(256),
  );
  const labels = Int32Array.from({ length: rowCount }, () => random.nextBelow(10));
  return { x: tensor('uint8', [rowCount, 1, 28, 28], pixels), y: tensor('int32', [rowCount], labels) };
}

/** The same step without a Loop, as a graph of its own. */
function singleStepGraph(batchSize: number): Uint8Array {
  const g = new GraphBuilder('single');
  const rows = g.input('rows', 'int32', [batchSize]);
  const data = Object.entries(cnn.data).map(([name, { dtype, shape }]) => {
    return [name, g.gather(g.input(name, dtype, ['rows', ...shape]), rows)] as const;
  });
  const vector = (name: string) => g.input(name, 'float32', [initial.parameters.data.length]);
  const scalars = Object.keys(cnn.optimizer.scalars(1)).map((name) => [name, g.input(name, 'float32', [])] as const);
  const { carried, stacked } = trainStep(g, cnn, {
    data: Object.fromEntries(data),
    seed: g.scalar(0, 'int32'),
    scalars: Object.fromEntries(scalars),
    state: {
      parameters: vector('parameters'),
      buffers: g.constant(zeros('float32', [0])),
      slots: cnn.optimizer.slots.map(vector),
    },
  });
  const [parameters, , ...slots] = carried;
  for (const [i, value] of [parameters!, ...slots, ...stacked].entries()) g.output(value, `next_${i}`);
  return toModel(g);
}

async function runSingleSteps(session: Session, batchSize: number): Promise<void> {
  let [parameters, m, v]: HostTensor[] = [initial.parameters, initial.slots['m']!, initial.slots['v']!];
  for (let step = 1; step <= STEPS; step++) {
    const { learning_rate, epsilon } = cnn.optimizer.scalars(step);
    const results = await session.run({
      ...digits,
      rows: tensor('int32', [batchSize], order.subarray((step - 1) * batchSize, step * batchSize)),
      parameters: parameters!,
      m: m!,
      v: v!,
      learning_rate: scalar('float32', learning_rate!),
      epsilon: scalar('float32', epsilon!),
    });
    [parameters, m, v] = [results['next_0']!, results['next_1']!, results['next_2']!];
  }
}

interface Variant {
  readonly name: string;
  readonly train: () => Promise<void>;
  readonly release: () => Promise<void>;
  readonly wallMs: number[];
  readonly cpuMs: number[];
}

async function variantsOf(threads: number, batchSize: number): Promise<Variant[]> {
  const engine = createEngine({ threads });
  const runner = createStepRunner(engine, cnn);
  const single = await engine.createSession(singleStepGraph(batchSize), { hasStoredWeights: false });
  const looped = (perRun: number) => async () => {
    let state: TrainingState = initial;
    for (let step = 0; step < STEPS; step += perRun) {
      const rows = order.subarray(step * batchSize, (step + perRun) * batchSize);
      ({ state } = await runner.run({ data: digits, state, rows, batchSize }));
    }
  };
  const none = async (): Promise<void> => {};
  const entry = (name: string, train: Variant['train'], release = none): Variant => ({
    name,
    train,
    release,
    wallMs: [],
    cpuMs: [],
  });
  return [
    entry(`loop of ${STEPS} steps`, looped(STEPS), () => runner.release()),
    entry('loop of 1 step', looped(1)),
    entry(
      'no loop',
      () => runSingleSteps(single, batchSize),
      () => single.release(),
    ),
  ];
}

const quantile = (values: readonly number[], q: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(q * (values.length - 1))]!;

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean' },
    batch: { type: 'string' },
    threads: { type: 'string' },
    runs: { type: 'string' },
  },
});
const batchSize = Number(options.batch ?? 32);
const rowCount = STEPS * batchSize;
const random = Random.fromSeed(1);
const digits = syntheticDigits(random);
const order = random.permutation(rowCount);
const initial = initialState(cnn, initialParameters(network, 0));

for (const threads of (options.threads ?? '1,2').split(',').map(Number)) {
  const variants = await variantsOf(threads, batchSize);
  for (let run = 0; run <= Number(options.runs ?? 40); run++) {
    for (const { train, wallMs, cpuMs } of variants) {
      const [startedMs, startedCpu] = [performance.now(), process.cpuUsage()];
      await train();
      const { user, system } = process.cpuUsage(startedCpu);
      // The first run warms up.
      if (run > 0) wallMs.push((performance.now() - startedMs) / STEPS);
      if (run > 0) cpuMs.push((user + system) / 1000 / STEPS);
    }
  }
  for (const { name, wallMs, cpuMs, release } of variants) {
    await release();
    const line = {
      case: `reference CNN step, batch ${batchSize}, ${name}`,
      threads,
      runs: wallMs.length,
      median_ms: Number(quantile(wallMs, 0.5).toFixed(2)),
      fast_ms: Number(quantile(wallMs, 0.1).toFixed(2)),
      cpu_ms: Number(quantile(cpuMs, 0.1).toFixed(2)),
    };
    const text = `${line.case}, ${threads} threads: median ${line.median_ms} ms, fastest tenth ${line.fast_ms} ms, CPU ${line.cpu_ms} ms`;
    console.log(options.json ? JSON.stringify(line) : text);
  }
}
