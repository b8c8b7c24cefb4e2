/**
 * Runs training steps: keeps one session per batch size, feeds the order of rows and the numbers of each step, and hands back the state. One run
 * trains many steps inside the graph; how the steps are cut into runs changes no bit of the result.
 */
import type { Engine, Session } from '../onnx/engine.ts';
import { toModel } from '../onnx/graph-builder.ts';
import { stepNames, stepsGraph } from './training-step.ts';
import type { TrainingState, TrainingStep } from './training-step.ts';
import { tensor } from '../tensor/tensor.ts';
import type { HostTensor } from '../tensor/tensor.ts';

export interface StepRun {
  /** All rows of each data tensor; kept by the caller and not copied. */
  readonly data: Readonly<Record<string, HostTensor>>;
  readonly state: TrainingState;
  /** Rows of the batches, one batch after the other; the length is a multiple of `batchSize`. */
  readonly rows: Int32Array;
  readonly batchSize: number;
  /** Overrides the optimizer's learning rate by step, steps counted from 1. */
  readonly learningRate?: (step: number) => number;
  /** Seed of what is random in a step; with the step's number it makes the step's own. */
  readonly seed?: number;
}

export interface StepResults {
  readonly state: TrainingState;
  /** Per step: the loss and each metric. */
  readonly loss: Float32Array;
  readonly metrics: Readonly<Record<string, Float32Array>>;
}

export interface StepRunner {
  run(steps: StepRun): Promise<StepResults>;
  release(): Promise<void>;
}

export function createStepRunner(engine: Engine, step: TrainingStep): StepRunner {
  const sessions = new Map<number, Promise<Session>>();
  const sessionFor = (batchSize: number): Promise<Session> => {
    let session = sessions.get(batchSize);
    if (session === undefined) {
      session = engine.createSession(toModel(stepsGraph(step, batchSize)), { hasStoredWeights: false });
      sessions.set(batchSize, session);
    }
    return session;
  };
  return {
    async run(steps) {
      const session = await sessionFor(steps.batchSize);
      const feeds = feedsOf(step, steps);
      return resultsOf(
        step,
        steps,
        await session.run(Object.fromEntries(session.inputs.map((name) => [name, feeds[name]!]))),
      );
    },
    async release() {
      for (const session of sessions.values()) await (await session).release();
      sessions.clear();
    },
  };
}

function feedsOf(
  step: TrainingStep,
  { data, state, rows, batchSize, learningRate, seed = 0 }: StepRun,
): Record<string, HostTensor> {
  const count = rows.length / batchSize;
  const numbers = Array.from({ length: count }, (_, i) => state.step + i + 1);
  const scalars = numbers.map((number) => step.optimizer.scalars(number, learningRate?.(number)));
  const column = (name: string): HostTensor =>
    tensor(
      'float32',
      [count],
      Float32Array.from(scalars, (row) => row[name]!),
    );
  const named = <T>(names: readonly string[], key: (name: string) => string, value: (name: string) => T) =>
    Object.fromEntries(names.map((name) => [key(name), value(name)]));
  return {
    [stepNames.parameters]: state.parameters,
    [stepNames.buffers]: state.buffers,
    [stepNames.rows]: tensor('int32', [count, batchSize], rows),
    [stepNames.seeds]: tensor(
      'int32',
      [count],
      Int32Array.from(numbers, (number) => stepSeed(seed, number)),
    ),
    ...named(step.optimizer.slots, stepNames.slot, (name): HostTensor => state.slots[name]!),
    ...named(Object.keys(scalars[0] ?? {}), stepNames.scalar, column),
    ...named(Object.keys(step.data), stepNames.data, (name): HostTensor => data[name]!),
  };
}

/** Far apart for steps next to each other (the multiplier is 2^32 over the golden ratio). */
const stepSeed = (seed: number, step: number): number =>
  (Math.imul(seed, 0x85ebca6b) + Math.imul(step, 0x9e3779b9)) | 0;

function resultsOf(
  step: TrainingStep,
  { state, rows, batchSize }: StepRun,
  outputs: Record<string, HostTensor>,
): StepResults {
  const floats = (name: string): HostTensor<'float32'> => outputs[name] as HostTensor<'float32'>;
  const next = (name: string): HostTensor<'float32'> => floats(stepNames.next(name));
  return {
    state: {
      parameters: next(stepNames.parameters),
      buffers: next(stepNames.buffers),
      slots: Object.fromEntries(step.optimizer.slots.map((name) => [name, next(stepNames.slot(name))])),
      step: state.step + rows.length / batchSize,
    },
    loss: floats(stepNames.loss).data,
    metrics: Object.fromEntries((step.metrics ?? []).map((name) => [name, floats(stepNames.metric(name)).data])),
  };
}
