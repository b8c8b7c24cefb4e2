/**
 * The solvers' loop: L-BFGS for the smooth penalties, OWL-QN for l1; the state holds point, gradient and the last pairs, and of an iteration on its way
 * what it was told and the sums over the rows so far. Large data begin with a sample of their rows, whose optimum and curvature are near; all rows
 * follow in float32 until the gradient is near what that can tell, then in float64 to the end.
 */
import type { Engine } from '../../onnx/engine.ts';
import { tensor } from '../../tensor/tensor.ts';
import type { HostTensor } from '../../tensor/tensor.ts';
import type { FitState, Problem, Progress } from '../contract.ts';
import { isGain, lbfgsStep } from '../lbfgs.ts';
import type { Asking, Evaluation, LbfgsState } from '../lbfgs.ts';
import { owlqnStep, pseudoGradient } from '../owlqn.ts';
import { absoluteWeights, addRun, objective, openLoss } from './objective.ts';
import type { OpenLoss } from './objective.ts';
import { goalOf, phasesOf, precisionOf, problemIn } from './phases.ts';
import type { Phase } from './phases.ts';
import type { LogisticParams } from './params.ts';

const REPORT_EVERY = 10;
/** Of what is still to do, what a look at all rows counts for where it takes several runs. */
const PASS_SHARE = 1 / 32;
/** Of the whole, the sample of rows that memory does not hold. */
const READ_SAMPLE_SHARE = 0.05;

export async function* fit(
  problem: Problem<LogisticParams>,
  state: FitState,
  engine: Engine,
): AsyncGenerator<Progress, void, undefined> {
  if (state.position['is_done'] === true) {
    yield { fraction: 1, epoch: Number(state.position['iteration']) };
    return;
  }
  const phases = phasesOf(problem.train);
  const from = phases.indexOf((state.position['phase'] as Phase | undefined) ?? phases[0]!);
  for (const [at, phase] of phases.entries()) {
    if (at < from) continue;
    // The gradient of another phase is another one: a phase begins with it.
    if (state.position['phase'] !== phase) state.position = { ...state.position, phase, value: null };
    yield* descend(problem, state, { engine, phase });
  }
  state.position = { ...state.position, is_done: true };
  yield { fraction: 1, epoch: Number(state.position['iteration']) };
}

/** One phase of a fit. */
interface Descent {
  readonly problem: Problem<LogisticParams>;
  readonly state: FitState;
  readonly loss: OpenLoss;
  /** The largest part of what has to become zero. */
  slopeOf(at: LbfgsState): number;
  step(from: LbfgsState): Asking<LbfgsState | undefined>;
  /** A step that gains no more than float32 rounds is the last of its phase. */
  isSpent(from: LbfgsState, to: LbfgsState): boolean;
}

function descentOf({ problem, state, loss }: Pick<Descent, 'problem' | 'state' | 'loss'>, phase: Phase): Descent {
  const weights = absoluteWeights(problem, state);
  const isSmooth = problem.params.penalty !== 'l1';
  return {
    problem,
    state,
    loss,
    slopeOf: (at) => largest(isSmooth ? at.evaluation.gradient : pseudoGradient(at, weights)),
    step: (from) => (isSmooth ? lbfgsStep(from) : owlqnStep(from, weights)),
    isSpent: (from, to) => phase !== 'float64' && isSmooth && !isGain(from.evaluation, to.evaluation),
  };
}

/** Iterations of one phase, to where it ends. */
async function* descend(
  whole: Problem<LogisticParams>,
  state: FitState,
  { engine, phase }: { engine: Engine; phase: Phase },
): AsyncGenerator<Progress, void, undefined> {
  const problem = await problemIn(phase, whole);
  const { max_iter: maxIter, tol } = problem.params;
  const loss = await openLoss(problem, engine, { precision: precisionOf(phase), tensors: state.tensors });
  const descent = descentOf({ problem, state, loss }, phase);
  const share = phase === 'sample' && whole.train.blocks !== undefined ? READ_SAMPLE_SHARE : 1;
  try {
    let solver = restore(state) ?? (yield* begin(descent, phase));
    const { first, iteration: from } = state.position as { first: number; iteration: number };
    const goal = goalOf(phase, problem.params, first);
    for (let iteration = from; ; iteration++) {
      const isEnd = descent.slopeOf(solver) <= goal || iteration >= maxIter;
      const next = isEnd ? undefined : yield* answer(descent, descent.step(solver));
      const isSpent = next !== undefined && descent.isSpent(solver, next);
      solver = next ?? solver;
      const done = Math.log(first / descent.slopeOf(solver)) / Math.log(first / tol);
      const reached = share * Math.max(done, iteration / maxIter);
      const fraction = Math.min(0.99, Math.max(Number(state.position['fraction']), reached));
      save(state, solver, { iteration: iteration + (next ? 1 : 0), first, fraction, phase });
      if (next === undefined || isSpent) return;
      const isReported = phase !== 'sample' && (iteration + 1) % REPORT_EVERY === 0;
      const report = isReported ? { metrics: { loss: solver.evaluation.value } } : {};
      yield { fraction, epoch: iteration + 1, step: iteration + 1, ...report };
    }
  } finally {
    await loss.session.release();
  }
}

/** The solver at the point where a phase begins, of which nothing is known. */
async function* begin(descent: Descent, phase: Phase): AsyncGenerator<Progress, LbfgsState, undefined> {
  const { state } = descent;
  const solver = yield* answer(descent, firstLook(state));
  const { first, iteration, fraction } = state.position as {
    first: number | null;
    iteration: number;
    fraction: number;
  };
  save(state, solver, { iteration, first: first ?? descent.slopeOf(solver), fraction, phase });
  return solver;
}

function* firstLook(state: FitState): Asking<LbfgsState> {
  const { point, pairs } = pathOf(state);
  return { point, pairs, evaluation: yield point };
}

/** Tells an iteration what it asks for: what it was told before it was cut, then what the rows give. */
async function* answer<T>(descent: Descent, asking: Asking<T>): AsyncGenerator<Progress, T, undefined> {
  const { state } = descent;
  let asked = asking.next();
  for (const evaluation of toldOf(state)) asked = asking.next(evaluation);
  while (asked.done !== true) {
    const evaluation = yield* evaluate(descent, asked.value);
    tell(state, evaluation);
    asked = asking.next(evaluation);
  }
  return asked.value;
}

/** The objective at a point: a look at all rows, with a yield between two runs of them. */
async function* evaluate(
  { problem, state, loss }: Descent,
  point: Float64Array,
): AsyncGenerator<Progress, Evaluation, undefined> {
  const { rows } = loss.reader;
  const { fraction, iteration, row } = state.position as { fraction: number; iteration: number; row: number };
  const saved = state.tensors['sums']?.data as Float64Array | undefined;
  let sums = { row, sums: saved ?? new Float64Array(point.length + 1) };
  for (;;) {
    sums = await addRun(loss, sums, { point, state });
    if (sums.row >= rows) return objective(problem, sums, { state, loss, point });
    state.position = { ...state.position, row: sums.row };
    state.tensors = { ...state.tensors, sums: vector(sums.sums) };
    yield { fraction: fraction + (PASS_SHARE * (1 - fraction) * sums.row) / rows, epoch: iteration, step: iteration };
  }
}

/** Keeps what a look at all rows gave, for an iteration that is cut behind it. */
function tell(state: FitState, { value, gradient }: Evaluation): void {
  const { fraction, row } = state.position as { fraction: number; row: number };
  const told = toldOf(state).concat({ value, gradient });
  const { sums: _, ...tensors } = state.tensors;
  const passed = row > 0 ? PASS_SHARE * (1 - fraction) : 0;
  state.position = { ...state.position, row: 0, fraction: fraction + passed };
  state.tensors = { ...tensors, told: vector(Float64Array.from(told.flatMap((one) => [...one.gradient, one.value]))) };
}

/** What the iteration on its way was told. */
function toldOf({ tensors }: FitState): Evaluation[] {
  const size = tensors['point']!.data.length;
  const told = (tensors['told']?.data ?? new Float64Array(0)) as Float64Array;
  return Array.from({ length: told.length / (size + 1) }, (_, k) => {
    const gradient = told.slice(k * (size + 1), (k + 1) * (size + 1) - 1);
    return { value: told[(k + 1) * (size + 1) - 1]!, gradient };
  });
}

function pathOf({ position, tensors }: FitState): Pick<LbfgsState, 'point' | 'pairs'> {
  const data = (name: string): Float64Array => tensors[name]!.data as Float64Array;
  const pairs = Array.from({ length: Number(position['pairs']) }, (_, k) => ({ s: data(`s${k}`), y: data(`y${k}`) }));
  return { point: data('point'), pairs };
}

/** Undefined where the phase has not looked at its point yet. */
function restore(state: FitState): LbfgsState | undefined {
  const value = state.position['value'] as number | null;
  if (value === null) return undefined;
  return { ...pathOf(state), evaluation: { value, gradient: state.tensors['gradient']!.data as Float64Array } };
}

function save(
  state: FitState,
  solver: LbfgsState,
  position: { iteration: number; first: number; fraction: number; phase: Phase },
): void {
  const pairs = solver.pairs.flatMap(({ s, y }, k): [string, HostTensor][] => [
    [`s${k}`, vector(s)],
    [`y${k}`, vector(y)],
  ]);
  state.position = { ...position, row: 0, pairs: solver.pairs.length, value: solver.evaluation.value, is_done: false };
  state.tensors = {
    center: state.tensors['center']!,
    scale: state.tensors['scale']!,
    point: vector(solver.point),
    gradient: vector(solver.evaluation.gradient),
    ...Object.fromEntries(pairs),
  };
}

const vector = (data: Float64Array): HostTensor => tensor('float64', [data.length], data);

function largest(values: Float64Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}
