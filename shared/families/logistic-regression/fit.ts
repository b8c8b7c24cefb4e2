/**
 * The solvers' loop: L-BFGS for the smooth penalties, OWL-QN for l1; the state holds point, gradient and the last pairs. Large data begin with
 * a sample of their rows, whose optimum and curvature are near; all rows follow in float32 until the gradient is near what that can tell, then
 * in float64 to the end.
 */
import type { Engine } from '../../onnx/engine.ts';
import { tensor } from '../../tensor/tensor.ts';
import type { HostTensor } from '../../tensor/tensor.ts';
import type { FitState, Problem, Progress } from '../contract.ts';
import { isGain, lbfgsStep } from '../lbfgs.ts';
import type { Evaluation, LbfgsState } from '../lbfgs.ts';
import { owlqnStep, pseudoGradient } from '../owlqn.ts';
import { absoluteWeights, objective, openLoss } from './objective.ts';
import { goalOf, phasesOf, precisionOf, problemIn } from './phases.ts';
import type { Phase } from './phases.ts';
import type { LogisticParams } from './params.ts';

const REPORT_EVERY = 10;

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

/** Iterations of one phase, to where it ends. */
async function* descend(
  whole: Problem<LogisticParams>,
  state: FitState,
  { engine, phase }: { engine: Engine; phase: Phase },
): AsyncGenerator<Progress, void, undefined> {
  const problem = problemIn(phase, whole);
  const { max_iter: maxIter, tol } = problem.params;
  const loss = await openLoss(problem, engine, { precision: precisionOf(phase), tensors: state.tensors });
  const evaluate = (point: Float64Array): Promise<Evaluation> => objective(problem, { state, loss, point });
  const weights = absoluteWeights(problem, state);
  const isSmooth = problem.params.penalty !== 'l1';
  const slopeOf = (at: LbfgsState): number => largest(isSmooth ? at.evaluation.gradient : pseudoGradient(at, weights));
  const advance = (from: LbfgsState): Promise<LbfgsState | undefined> =>
    isSmooth ? lbfgsStep(from, evaluate) : owlqnStep(from, weights, evaluate);
  try {
    let solver = await restore(state, evaluate);
    const first = (state.position['first'] as number | null) ?? slopeOf(solver);
    const goal = goalOf(phase, problem.params, first);
    let fraction = Number(state.position['fraction']);
    for (let iteration = Number(state.position['iteration']); ; iteration++) {
      const next = slopeOf(solver) <= goal || iteration >= maxIter ? undefined : await advance(solver);
      // A step that gains no more than float32 rounds is the last of its phase.
      const isRounded = phase !== 'float64' && isSmooth;
      const isSpent = isRounded && next !== undefined && !isGain(solver.evaluation, next.evaluation);
      solver = next ?? solver;
      const done = Math.log(first / slopeOf(solver)) / Math.log(first / tol);
      fraction = Math.min(0.99, Math.max(fraction, done, iteration / maxIter));
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

async function restore(
  { position, tensors }: FitState,
  evaluate: (point: Float64Array) => Promise<Evaluation>,
): Promise<LbfgsState> {
  const data = (name: string): Float64Array => tensors[name]!.data as Float64Array;
  const value = position['value'] as number | null;
  const evaluation = value === null ? await evaluate(data('point')) : { value, gradient: data('gradient') };
  const pairs = Array.from({ length: Number(position['pairs']) }, (_, k) => ({ s: data(`s${k}`), y: data(`y${k}`) }));
  return { point: data('point'), evaluation, pairs };
}

function save(
  state: FitState,
  solver: LbfgsState,
  position: { iteration: number; first: number; fraction: number; phase: Phase },
): void {
  const vector = (data: Float64Array): HostTensor => tensor('float64', [data.length], data);
  const pairs = solver.pairs.flatMap(({ s, y }, k): [string, HostTensor][] => [
    [`s${k}`, vector(s)],
    [`y${k}`, vector(y)],
  ]);
  state.position = { ...position, pairs: solver.pairs.length, value: solver.evaluation.value, is_done: false };
  state.tensors = {
    center: state.tensors['center']!,
    scale: state.tensors['scale']!,
    point: vector(solver.point),
    gradient: vector(solver.evaluation.gradient),
    ...Object.fromEntries(pairs),
  };
}

function largest(values: Float64Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}
