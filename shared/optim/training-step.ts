/**
 * One training step as a graph: gather a mini-batch, forward, loss, backward, update. A family states the forward pass; this file adds the rest and
 * lays the steps of a run inside a Loop, so that one session run trains many steps: the reference CNN is about a tenth faster so than step by step
 * (bench/README.md), smaller models gain more.
 */
import { gradients } from '../autodiff/gradients.ts';
import { trainingForm } from '../autodiff/training-form.ts';
import { loop } from '../onnx/control.ts';
import type { TensorType, Value } from '../onnx/graph.ts';
import { GraphBuilder } from '../onnx/graph-builder.ts';
import type { HostTensor } from '../tensor/tensor.ts';
import { zeros } from '../tensor/tensor.ts';
import type { Optimizer } from './optimizer.ts';
import { parameterCount, viewsOf } from './parameters.ts';
import type { ParameterLayout } from './parameters.ts';

export interface BatchInputs {
  /** The batch's rows of each data tensor, `[batch, ...]` with the batch as a number. */
  readonly data: Readonly<Record<string, Value>>;
  readonly parameters: Readonly<Record<string, Value>>;
  /** Values that a step updates without a gradient, such as running means. */
  readonly buffers: Readonly<Record<string, Value>>;
  /** An int32 of no dimensions that differs from step to step: the seed of whatever is random. */
  readonly seed: Value;
}

export interface BatchOutputs {
  /** The mean over the batch, a float32 of no dimensions. */
  readonly loss: Value;
  /** More numbers to report, each of no dimensions. */
  readonly metrics?: Readonly<Record<string, Value>>;
  /** New values of all buffers. */
  readonly buffers?: Readonly<Record<string, Value>>;
}

export interface TrainingStep {
  /** Types of the data tensors, one row's shape each. */
  readonly data: Readonly<Record<string, TensorType>>;
  readonly parameters: ParameterLayout;
  readonly buffers?: ParameterLayout;
  readonly optimizer: Optimizer;
  /** Names of the metrics that `forward` yields besides the loss. */
  readonly metrics?: readonly string[];
  forward(g: GraphBuilder, batch: BatchInputs): BatchOutputs;
}

/** Everything that a step changes; with the data and the order of rows it determines all that follows. */
export interface TrainingState {
  readonly parameters: HostTensor<'float32'>;
  readonly buffers: HostTensor<'float32'>;
  readonly slots: Readonly<Record<string, HostTensor<'float32'>>>;
  /** Steps done. */
  readonly step: number;
}

/** The state before the first step. */
export function initialState(
  { parameters: layout, optimizer }: Pick<TrainingStep, 'parameters' | 'optimizer'>,
  parameters: HostTensor<'float32'>,
  buffers: HostTensor<'float32'> = zeros('float32', [0]),
): TrainingState {
  const slots = optimizer.slots.map((name): [string, HostTensor<'float32'>] => [
    name,
    zeros('float32', [parameterCount(layout)]),
  ]);
  return { parameters, buffers, slots: Object.fromEntries(slots), step: 0 };
}

/** The graph's names of inputs and outputs; `next` marks what a run hands back. */
export const stepNames = {
  parameters: 'parameters',
  buffers: 'buffers',
  /** [steps, batch], int32: which rows each step takes. */
  rows: 'rows',
  /** [steps], int32 */
  seeds: 'seeds',
  loss: 'loss',
  data: (name: string) => `data/${name}`,
  slot: (name: string) => `slot/${name}`,
  /** [steps], float32 */
  scalar: (name: string) => `scalar/${name}`,
  metric: (name: string) => `metric/${name}`,
  next: (name: string) => `next/${name}`,
} as const;

/** The graph of any number of steps over batches of one size. */
export function stepsGraph(step: TrainingStep, batchSize: number): GraphBuilder {
  const g = new GraphBuilder('training');
  const names = stepNames;
  const size = parameterCount(step.parameters);
  const entries = Object.entries(step.data);
  const tables = entries.map(([name, { dtype, shape }]) => g.input(names.data(name), dtype, ['rows', ...shape]));
  const rows = g.input(names.rows, 'int32', ['steps', batchSize]);
  const seeds = g.input(names.seeds, 'int32', ['steps']);
  const scalarNames = Object.keys(step.optimizer.scalars(1));
  const scalars = scalarNames.map((name) => g.input(names.scalar(name), 'float32', ['steps']));
  const stateNames = [names.parameters, names.buffers, ...step.optimizer.slots.map(names.slot)];
  const state = stateNames.map((name) =>
    g.input(name, 'float32', [name === names.buffers ? parameterCount(step.buffers ?? {}) : size]),
  );

  const count = g.reshape(g.slice(g.shapeOf(rows), { axis: 0, end: 1 }), []);
  const { carried, stacked } = loop(g, {
    count,
    carried: state,
    body: (body, turn, [parameters, buffers, ...slots]) => {
      const chosen = body.gather(rows, turn);
      const batch = entries.map(([name], i): [string, Value] => [name, body.gather(tables[i]!, chosen)]);
      return trainStep(body, step, {
        data: Object.fromEntries(batch),
        seed: body.gather(seeds, turn),
        scalars: Object.fromEntries(scalarNames.map((name, i) => [name, body.gather(scalars[i]!, turn)])),
        state: { parameters: parameters!, buffers: buffers!, slots },
      });
    },
  });
  for (const [i, value] of carried.entries()) g.output(value, names.next(stateNames[i]!));
  for (const [i, name] of [names.loss, ...(step.metrics ?? []).map(names.metric)].entries())
    g.output(stacked[i]!, name);
  return g;
}

interface StepValues {
  readonly data: Readonly<Record<string, Value>>;
  readonly seed: Value;
  readonly scalars: Readonly<Record<string, Value>>;
  readonly state: { readonly parameters: Value; readonly buffers: Value; readonly slots: readonly Value[] };
}

/** One step within the graph: the state after it, and the numbers that it reports. */
export function trainStep(g: GraphBuilder, step: TrainingStep, { data, seed, scalars, state }: StepValues) {
  const { optimizer } = step;
  const layout = step.buffers ?? {};
  const views = viewsOf(g, state.parameters, step.parameters);
  const outputs = step.forward(g, { data, seed, parameters: views, buffers: viewsOf(g, state.buffers, layout) });
  const reported = (step.metrics ?? []).map((name) => requireValue(outputs.metrics, name, 'metric'));
  const kept = Object.keys(layout).map((name) => requireValue(outputs.buffers, name, 'buffer'));
  const [loss, ...others] = trainingForm(g, [outputs.loss, ...reported, ...kept]) as [Value, ...Value[]];
  const [gradient] = gradients(g, loss, [state.parameters]) as [Value];
  const slots = Object.fromEntries(optimizer.slots.map((name, i) => [name, state.slots[i]!]));
  const next = g.scope('optimizer', () =>
    optimizer.update(g, { parameters: state.parameters, gradient, slots, scalars }),
  );
  const buffers = others.slice(reported.length).map((value) => g.reshape(value, [-1]));
  return {
    carried: [
      next.parameters,
      buffers.length > 0 ? g.concat(buffers, 0) : state.buffers,
      ...optimizer.slots.map((name) => next.slots[name]!),
    ],
    stacked: [loss, ...others.slice(0, reported.length)],
  };
}

function requireValue(values: Readonly<Record<string, Value>> | undefined, name: string, what: string): Value {
  const value = values?.[name];
  if (value === undefined) throw new TypeError(`training step: expected 'forward' to yield the ${what} '${name}'`);
  return value;
}
