/**
 * Training by mini-batches: rows reshuffled each epoch by (seed, epoch) (windows.ts), many steps per run of the step graph, validation and early
 * stopping at the end of each epoch. All that decides what follows is in the state, so the cuts change no bit.
 */
import { scaledFeatures } from '../../data/feature-matrix.ts';
import { ServiceError } from '../../errors.ts';
import type { Engine } from '../../onnx/engine.ts';
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import { sparseCategoricalCrossentropy, squaredError } from '../../onnx/losses.ts';
import { createOptimizer } from '../../optim/index.ts';
import type { ParameterLayout } from '../../optim/parameters.ts';
import { createStepRunner } from '../../optim/step-runner.ts';
import type { StepRunner } from '../../optim/step-runner.ts';
import type { BatchOutputs, TrainingState, TrainingStep } from '../../optim/training-step.ts';
import { tensor, zeros } from '../../tensor/tensor.ts';
import type { HostTensor } from '../../tensor/tensor.ts';
import { modelOf, rowCount } from '../contract.ts';
import type { Family, FitState, Metrics, Problem, Progress, Samples, Task } from '../contract.ts';
import { Evaluator } from '../evaluation.ts';
import type { NetworkInputs } from './network.ts';
import type { TrainingParams } from './params.ts';
import { stepLoss } from './steps.ts';
import { contextOf, tokenFigures } from './tokens.ts';
import { epochWindows } from './windows.ts';
import type { EpochWindow } from './windows.ts';

/** How long a run of steps should take: short enough to report and stop several times a second. */
const RUN_MS = 150;
const MAX_STEPS_PER_RUN = 1000;
/** A loss of so many times the first is on its way to infinity. */
const EXPLODED = 1e6;

/** Where a fit stands; kept as the state's position. */
interface Position {
  /** Epochs done, and rows of the current one. */
  readonly epoch: number;
  readonly row: number;
  readonly step: number;
  /** Sums over the current epoch's rows. */
  readonly loss: number;
  readonly right: number;
  /** Of the first step: what later losses are held against. */
  readonly first_loss: number | null;
  /** The monitored figure at its best, and how many epochs ago that was. */
  readonly best: number | null;
  readonly waited: number;
  readonly is_done: boolean;
}

/** From a batch [batch, ...] to logits or numbers [batch, outputs]. */
export type Forward = (g: GraphBuilder, x: Value, inputs: NetworkInputs) => Value;

export interface Fitting<P extends TrainingParams> {
  readonly family: Family<P>;
  readonly problem: Problem<P>;
  readonly state: FitState;
  readonly forward: Forward;
  readonly parameters: ParameterLayout;
  readonly buffers?: ParameterLayout;
  /** What the network predicts of a number y is (y - mean) / deviation; by default y. */
  readonly scale?: { readonly mean: number; readonly deviation: number };
}

/** What a fit keeps open, and how many steps its runs take: measured, and without influence on the result. */
interface Tools {
  readonly runner: StepRunner;
  readonly evaluator: Evaluator | undefined;
  stepsPerRun: number;
}

export function startPosition(): Record<string, number | boolean | null> {
  return { epoch: 0, row: 0, step: 0, loss: 0, right: 0, first_loss: null, best: null, waited: 0, is_done: false };
}

export async function* fitNetwork<P extends TrainingParams>(
  fitting: Fitting<P>,
  engine: Engine,
): AsyncGenerator<Progress, void, undefined> {
  const { family, state, problem } = fitting;
  const { epochs } = problem.params;
  if (positionOf(state).is_done) {
    yield { fraction: 1, epoch: positionOf(state).epoch, epochs };
    return;
  }
  const runner = createStepRunner(engine, trainingStep(fitting));
  const model = modelOf(problem);
  const example = { x: problem.train.x, learned: family.learned(state, model) };
  const evaluator = problem.validation === undefined ? undefined : await Evaluator.open(engine, family, model, example);
  const tools: Tools = { runner, evaluator, stepsPerRun: 1 };
  try {
    while (!positionOf(state).is_done) yield* fitEpoch(fitting, tools);
  } finally {
    await runner.release();
    await evaluator?.release();
  }
}

async function* fitEpoch<P extends TrainingParams>(
  fitting: Fitting<P>,
  tools: Tools,
): AsyncGenerator<Progress, void, undefined> {
  const { state, problem } = fitting;
  const { epochs } = problem.params;
  const { epoch, row } = positionOf(state);
  for (const window of epochWindows(problem, { epoch, from: row })) yield* fitWindow(fitting, tools, window);
  const metrics = await endEpoch(fitting, tools.evaluator);
  const { is_done: isDone, step } = positionOf(state);
  yield { fraction: isDone ? 1 : (epoch + 1) / epochs, epoch: epoch + 1, epochs, step, metrics };
}

/** The steps of a window's rows. */
async function* fitWindow<P extends TrainingParams>(
  fitting: Fitting<P>,
  tools: Tools,
  window: EpochWindow,
): AsyncGenerator<Progress, void, undefined> {
  const { state, problem, scale } = fitting;
  const { epochs, batch_size: batchSize } = problem.params;
  const { epoch } = positionOf(state);
  const rows = rowCount(problem.train);
  const { begin, end, order } = window;
  const data = dataOf(await window.load(), scale);
  for (let row = positionOf(state).row; row < end; row = positionOf(state).row) {
    const left = end - row;
    const size = Math.min(batchSize, left);
    const steps = Math.min(tools.stepsPerRun, Math.floor(left / size));
    const startedMs = performance.now();
    const batches = order.subarray(row - begin, row - begin + steps * size);
    await runSteps(fitting, tools.runner, { data, rows: batches, batchSize: size });
    const inTime = Math.round((RUN_MS * steps) / (performance.now() - startedMs));
    tools.stepsPerRun = Math.max(1, Math.min(MAX_STEPS_PER_RUN, 8 * tools.stepsPerRun, inTime));
    if (positionOf(state).row < rows)
      yield { fraction: (epoch + positionOf(state).row / rows) / epochs, epoch: epoch + 1, epochs };
  }
}

async function runSteps<P extends TrainingParams>(
  { problem, state }: Fitting<P>,
  runner: StepRunner,
  run: { data: Record<string, HostTensor>; rows: Int32Array; batchSize: number },
): Promise<void> {
  const position = positionOf(state);
  const results = await runner.run({
    ...run,
    state: trainingState(state),
    seed: problem.seed,
  });
  const firstLoss = position.first_loss ?? results.loss[0]!;
  refuseDivergence(results.loss, firstLoss, position);
  const sum = (values: Float32Array, start: number): number =>
    values.reduce((total, value) => total + value * run.batchSize, start);
  const right = results.metrics['accuracy'];
  state.tensors = {
    ...state.tensors,
    parameters: results.state.parameters,
    ...(state.tensors['buffers'] === undefined ? {} : { buffers: results.state.buffers }),
    ...Object.fromEntries(Object.entries(results.state.slots).map(([name, value]) => [`slot/${name}`, value])),
  };
  state.position = {
    ...state.position,
    row: position.row + run.rows.length,
    step: results.state.step,
    first_loss: firstLoss,
    loss: sum(results.loss, position.loss),
    right: right === undefined ? 0 : sum(right, position.right),
  };
}

/** A loss that is no number, or that has grown beyond all measure and will be none soon. */
function refuseDivergence(losses: Float32Array, first: number, { epoch, step }: Position): void {
  const limit = EXPLODED * Math.max(Math.abs(first), 1);
  const broken = losses.findIndex((loss) => !Number.isFinite(loss) || loss > limit);
  if (broken === -1) return;
  const loss = losses[broken]!;
  const what = Number.isFinite(loss)
    ? `exploded from ${first.toPrecision(3)} to ${loss.toPrecision(3)}`
    : `became ${loss}`;
  throw new ServiceError(
    'training_diverged',
    `the loss ${what} in epoch ${epoch + 1}, step ${step + broken + 1}: lower the learning rate, or scale the data`,
    { lastMetrics: Number.isFinite(first) ? { loss: losses[broken - 1] ?? first } : undefined },
  );
}

/** The epoch's figures; validates, keeps the best parameters, and decides whether to go on. */
async function endEpoch<P extends TrainingParams>(
  fitting: Fitting<P>,
  evaluator: Evaluator | undefined,
): Promise<Metrics> {
  const { family, state, problem, scale } = fitting;
  const { loss, right } = positionOf(state);
  const rows = rowCount(problem.train);
  const figures: Record<string, number> = {
    // In the units of the target.
    loss: (loss / rows) * (scale?.deviation ?? 1) ** 2,
    ...(countsRight(problem.task) ? { accuracy: right / rows } : {}),
    ...(problem.task === 'language_modelling' ? { perplexity: Math.exp(loss / rows) } : {}),
  };
  if (evaluator !== undefined) {
    const newest = { position: state.position, tensors: withoutBest(state.tensors) };
    const validation = await evaluator.measure(problem.validation!, family.learned(newest, modelOf(problem)));
    for (const [name, value] of Object.entries(validation)) figures[`validation_${name}`] = value;
  }
  keepBest(fitting, figures);
  return figures;
}

/** Goes on to the next epoch, with the best one's parameters beside the newest. */
function keepBest<P extends TrainingParams>({ state, problem }: Fitting<P>, figures: Metrics): void {
  const { epoch, best, waited } = positionOf(state);
  const { epochs, early_stopping: stopping } = problem.params;
  const isLast = epoch + 1 >= epochs;
  const next = { ...state.position, epoch: epoch + 1, row: 0, loss: 0, right: 0, is_done: isLast };
  state.position = next;
  const monitor = stopping?.monitor ?? (problem.validation === undefined ? 'loss' : 'validation_loss');
  const figure = figures[monitor];
  if (figure === undefined) return;
  const isBetter = best === null || improvement(monitor, figure, best) > (stopping?.min_delta ?? 0);
  if (isBetter) state.tensors = { ...state.tensors, ...bestOf(state.tensors) };
  const patience = waited + 1;
  state.position = isBetter
    ? { ...next, best: figure, waited: 0 }
    : { ...next, waited: patience, is_done: isLast || patience > (stopping?.patience ?? Infinity) };
  // Without early stopping the best epoch is the model only where the training is broken off.
  if (stopping === undefined && isLast) state.tensors = withoutBest(state.tensors);
}

function improvement(monitor: string, figure: number, best: number): number {
  return /accuracy|r2/.test(monitor) ? figure - best : best - figure;
}

function positionOf(state: FitState): Position {
  return state.position as unknown as Position;
}

function bestOf({ parameters, buffers }: FitState['tensors']): FitState['tensors'] {
  return { 'best/parameters': parameters!, ...(buffers === undefined ? {} : { 'best/buffers': buffers }) };
}

function withoutBest(tensors: FitState['tensors']): FitState['tensors'] {
  return Object.fromEntries(Object.entries(tensors).filter(([name]) => !name.startsWith('best/')));
}

function trainingStep<P extends TrainingParams>({ problem, forward, ...layouts }: Fitting<P>): TrainingStep {
  const { task, params, train } = problem;
  const isClasses = task === 'classification';
  const isTokens = task === 'language_modelling';
  const x = { dtype: train.x.dtype, shape: train.x.shape.slice(1) };
  const { steps, outputs: count } = modelOf(problem);
  const times = steps === undefined ? [] : [steps[0]!];
  const y = { dtype: isClasses ? 'int32' : 'float32', shape: isClasses ? times : [...times, count] } as const;
  return {
    // A language model's rows hold what follows, too.
    data: isTokens ? { x } : { x, y },
    parameters: layouts.parameters,
    buffers: layouts.buffers ?? {},
    optimizer: createOptimizer(params.optimizer),
    metrics: countsRight(task) ? ['accuracy'] : [],
    forward(g, { data, parameters, buffers: current, seed }) {
      const buffers: Record<string, Value> = {};
      const keep = (name: string, value: Value): void => void (buffers[name] = value);
      const inputs = { parameters: { ...parameters, ...current }, seed, keep };
      if (isTokens) return { ...tokenLoss(g, forward(g, contextOf(g, data['x']!), inputs), data['x']!), buffers };
      let mask: Value | undefined;
      const onMask = (value: Value): void => void (mask = value);
      const outputs = forward(g, scaledFeatures(g, data['x']!), { ...inputs, onMask });
      const y = data['y']!;
      if (steps !== undefined) return { ...stepLoss(g, { outputs, y, mask }), buffers };
      if (!isClasses) return { loss: g.reduceMean(squaredError(g, outputs, y)), buffers };
      const isRight = g.equal(g.cast(g.argMax(outputs, 1), 'int32'), y);
      return {
        loss: g.reduceMean(sparseCategoricalCrossentropy(g, outputs, y)),
        buffers,
        metrics: { accuracy: g.reduceMean(g.cast(isRight, 'float32')) },
      };
    },
  };
}

const countsRight = (task: Task): boolean => task === 'classification' || task === 'language_modelling';

/** Means over the batch's tokens. */
function tokenLoss(g: GraphBuilder, logits: Value, ids: Value): BatchOutputs {
  const { losses, right, counted } = tokenFigures(g, logits, ids);
  const count = g.max(g.reduceSum(counted), 1);
  const mean = (values: Value): Value => g.div(g.reduceSum(values), count);
  return { loss: mean(losses), metrics: { accuracy: mean(right) } };
}

function trainingState({ position, tensors }: FitState): TrainingState {
  const slots = Object.entries(tensors).filter(([name]) => name.startsWith('slot/'));
  return {
    parameters: tensors['parameters'] as HostTensor<'float32'>,
    buffers: (tensors['buffers'] as HostTensor<'float32'> | undefined) ?? zeros('float32', [0]),
    slots: Object.fromEntries(
      slots.map(([name, value]) => [name.slice('slot/'.length), value as HostTensor<'float32'>]),
    ),
    step: Number(position['step']),
  };
}

function dataOf(
  { x, target }: Samples,
  { mean, deviation }: NonNullable<Fitting<TrainingParams>['scale']> = { mean: 0, deviation: 1 },
): Record<string, HostTensor> {
  const rows = x.shape[0]!;
  if (target.kind === 'none') return { x };
  const times = target.steps === undefined ? [] : [target.steps[0]!];
  if (target.kind === 'classes') return { x, y: tensor('int32', [rows, ...times], target.values) };
  const values = Float32Array.from(target.values, (value) => (value - mean) / deviation);
  const count = times.reduce((total, size) => total / size, values.length / rows);
  return { x, y: tensor('float32', [rows, ...times, count], values) };
}
