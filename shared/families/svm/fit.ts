/** Solves the problems of a plan one after the other, from any checkpoint. */
import type { Engine } from '../../onnx/engine.ts';
import { tensor } from '../../tensor/tensor.ts';
import type { HostTensor } from '../../tensor/tensor.ts';
import { checkWeights, labelsOf } from '../class-weight.ts';
import type { FitState, Problem, Progress } from '../contract.ts';
import { coefColumn } from './infer.ts';
import { KernelRows, KernelSource, fitsInCache } from './kernel-rows.ts';
import type { SvmParams } from './params.ts';
import { SmoLoops } from './loops.ts';
import { heldOut, membersOf, planOf, problemOf, taskAt } from './plan.ts';
import type { SvmPlan, SvmTask } from './plan.ts';
import { fitSigmoid } from './platt.ts';
import { SmoSolver } from './smo.ts';
import type { SmoState, SmoStatus } from './smo.ts';

/** Elements that the solver passes over between two yields, some tens of milliseconds. */
const WORK_PER_YIELD = 1e7;

/** What is learned, as it fills: coefficients of all rows in the plan's order, and figures per pair. */
interface Solution {
  readonly coef: Float64Array;
  readonly intercept: Float64Array;
  readonly probA: Float64Array;
  readonly probB: Float64Array;
  readonly objective: Float64Array;
  readonly iterations: Float64Array;
  /** Decision values of the current pair's rows by the problems that held them out. */
  held: Float64Array;
}

/** The fields of a solution that a checkpoint holds as they are. */
const FIGURES = ['intercept', 'probA', 'probB', 'objective', 'iterations', 'held'] as const;

export function startSvm(problem: Problem<SvmParams>): FitState {
  checkWeights(problem.params, labelsOf(problem.train.target));
  const plan = planOf(problem);
  const solution: Solution = {
    coef: new Float64Array(plan.order.length * plan.columns),
    intercept: new Float64Array(plan.pairs.length),
    probA: new Float64Array(plan.pairs.length),
    probB: new Float64Array(plan.pairs.length),
    objective: new Float64Array(plan.pairs.length),
    iterations: new Float64Array(plan.pairs.length),
    held: new Float64Array(0),
  };
  return snapshot({ problem, plan, solution }, { task: 0, fraction: 0 });
}

export async function* fitSvm(
  problem: Problem<SvmParams>,
  state: FitState,
  engine: Engine,
): AsyncGenerator<Progress, void, undefined> {
  const plan = planOf(problem);
  const source = await KernelSource.open(engine, plan.kernel, plan.factors);
  try {
    const training = { problem, plan, solution: restore(state, plan), kernels: new PairKernels(plan, source) };
    let fraction = Number(state.position['fraction']);
    let spent = 0;
    let from = savedSolver(state);
    for (let task = Number(state.position['task']); task < plan.tasks; task++) {
      const solver = await openSolver(training, task, from);
      from = undefined;
      for (;;) {
        const before = solver.work;
        const status = await proceed(solver, WORK_PER_YIELD - spent);
        spent += solver.work - before;
        record(training, taskAt(plan, task), solver);
        if (status !== 'paused') break;
        fraction = Math.max(fraction, (task + nearness(solver, problem.params.tol)) / plan.tasks);
        Object.assign(state, snapshot(training, { task, fraction, solver: solver.state }));
        yield { fraction, step: solver.iteration };
        spent = 0;
      }
    }
    Object.assign(state, snapshot(training, { task: plan.tasks, fraction: 1 }));
  } finally {
    await source.release();
  }
  yield { fraction: 1 };
}

type Training = {
  readonly problem: Problem<SvmParams>;
  readonly plan: SvmPlan;
  readonly solution: Solution;
};

/** The kernel matrix of each pair in turn: a part of the whole one where that fits in the cache. */
class PairKernels {
  readonly #source: KernelSource;
  /** For one solver after the other. */
  readonly loops = new SmoLoops();
  readonly #everyRow: Int32Array;
  #all: KernelRows | undefined;
  #own: { readonly pair: number; readonly rows: KernelRows } | undefined;

  constructor(plan: SvmPlan, source: KernelSource) {
    this.#source = source;
    this.#everyRow = integersTo(plan.order.length);
  }

  /** Kernel rows, and which of them the pair's rows are. */
  async of(pair: number, members: Int32Array): Promise<{ rows: KernelRows; index: Int32Array }> {
    const all = this.#everyRow;
    if (all.length === members.length || fitsInCache(all.length)) {
      this.#all ??= await KernelRows.open(this.#source, all);
      return { rows: this.#all, index: members };
    }
    if (this.#own?.pair !== pair) this.#own = { pair, rows: await KernelRows.open(this.#source, members) };
    return { rows: this.#own.rows, index: integersTo(members.length) };
  }
}

async function openSolver(
  { problem, plan, kernels }: Training & { readonly kernels: PairKernels },
  at: number,
  from: SmoState | undefined,
): Promise<SmoSolver> {
  const task = taskAt(plan, at);
  const kernel = await kernels.of(task.pair, membersOf(plan, task.pair));
  const { tol, max_iter: maxIter } = problem.params;
  const options = { tol, maxIter: maxIter === -1 ? Infinity : maxIter };
  return new SmoSolver(problemOf(plan, problem, task), { ...kernel, loops: kernels.loops }, options, from);
}

/** Runs a solver to its end, or until `budget` is used up. */
async function proceed(solver: SmoSolver, budget: number): Promise<SmoStatus> {
  for (const end = solver.work + budget; ;) {
    const status = solver.advance(end - solver.work);
    if (status === 'missing') await solver.load();
    else if (status === 'stale') await solver.refresh();
    else {
      // f is wanted of all rows, also where the steps were too few.
      if (status === 'max_iter') await solver.refresh();
      return status;
    }
  }
}

/** Of a problem on its way, in [0, 1), by the logarithm of how far it is from optimal. */
function nearness(solver: SmoSolver, tol: number): number {
  const gap = Math.max(tol, solver.gap);
  return 0.99 * Math.max(0, Math.min(1, 1 - Math.log(gap / tol) / Math.log(2 / Math.min(tol, 1))));
}

/** Writes what a solver has found, also on its way: then what a model made now would use. */
function record({ problem, plan, solution }: Training, task: SvmTask, solver: SmoSolver): void {
  const members = membersOf(plan, task.pair);
  const { f, intercept } = solver;
  if (task.fold !== undefined) {
    if (solution.held.length !== members.length) solution.held = new Float64Array(members.length);
    const { linear } = problemOf(plan, problem, task);
    heldOut(members.length, task, problem.seed).forEach((flag, t) => {
      if (flag === 1) solution.held[t] = linear[t]! - f[t]! + intercept;
    });
    return;
  }
  const [a, b] = plan.pairs[task.pair]!;
  const size = plan.starts[a + 1]! - plan.starts[a]!;
  members.forEach((member, t) => {
    const column = a === b ? 0 : t < size ? coefColumn(a, b) : coefColumn(b, a);
    solution.coef[member * plan.columns + column] = solver.coef[t]!;
  });
  solution.intercept[task.pair] = intercept;
  solution.objective[task.pair] = solver.objective;
  solution.iterations[task.pair] = solver.iteration;
  if (plan.folds === 0) return;
  const isFirst = Uint8Array.from(members, (_, t) => Number(t < size));
  const sigmoid = fitSigmoid(solution.held, isFirst);
  solution.probA[task.pair] = sigmoid.a;
  solution.probB[task.pair] = sigmoid.b;
}

interface Position {
  readonly task: number;
  readonly fraction: number;
  readonly solver?: SmoState;
}

/** A checkpoint: rows without a coefficient are left out, but each class keeps one. */
function snapshot({ problem, plan, solution }: Training, { task, fraction, solver }: Position): FitState {
  const { columns, order, starts } = plan;
  const coefOf = (row: number): Float64Array => solution.coef.subarray(row * columns, (row + 1) * columns);
  const byClass = starts.slice(1).map((end, c) => {
    const rows = Array.from({ length: end - starts[c]! }, (_, k) => starts[c]! + k);
    const used = rows.filter((row) => coefOf(row).some((value) => value !== 0));
    return used.length > 0 ? used : rows.slice(0, 1);
  });
  const support = byClass.flat();
  const width = problem.train.x.shape[1]!;
  const vectors = new Float64Array(support.length * width);
  const coef = new Float64Array(support.length * columns);
  support.forEach((row, k) => {
    const at = order[row]! * width;
    vectors.set(problem.train.x.data.subarray(at, at + width), k * width);
    coef.set(coefOf(row), k * columns);
  });
  const { kernel, center } = { kernel: plan.kernel, center: plan.factors.center };
  return {
    position: {
      task,
      fraction,
      n_support: byClass.map((rows) => rows.length),
      solver: solver === undefined ? null : [solver.iteration, solver.untilShrink, Number(solver.isUnshrunk)],
    },
    tensors: {
      gamma: tensor('float64', [1], Float64Array.of(kernel.gamma)),
      center: vector(center),
      support: tensor('int32', [support.length], Int32Array.from(support)),
      support_vectors: tensor('float64', [support.length, width], vectors),
      dual_coef: tensor('float64', [support.length, columns], coef),
      ...Object.fromEntries(FIGURES.map((name) => [name, vector(solution[name])])),
      ...(solver === undefined
        ? {}
        : {
            'solver/coef': vector(solver.coef),
            'solver/f': vector(solver.f),
            'solver/active': integers(solver.active),
          }),
    },
  };
}

function restore({ tensors }: FitState, plan: SvmPlan): Solution {
  const copy = (name: string): Float64Array => (tensors[name]!.data as Float64Array).slice();
  const coef = new Float64Array(plan.order.length * plan.columns);
  const saved = copy('dual_coef');
  (tensors['support']!.data as Int32Array).forEach((row, k) => {
    coef.set(saved.subarray(k * plan.columns, (k + 1) * plan.columns), row * plan.columns);
  });
  return { ...(Object.fromEntries(FIGURES.map((name) => [name, copy(name)])) as Omit<Solution, 'coef'>), coef };
}

function savedSolver({ position, tensors }: FitState): SmoState | undefined {
  if (position['solver'] === null) return undefined;
  const [iteration = 0, untilShrink = 0, isUnshrunk = 0] = position['solver'] as readonly number[];
  return {
    coef: tensors['solver/coef']!.data as Float64Array,
    f: tensors['solver/f']!.data as Float64Array,
    active: tensors['solver/active']!.data as Int32Array,
    iteration,
    untilShrink,
    isUnshrunk: isUnshrunk === 1,
  };
}

function integersTo(n: number): Int32Array {
  const integers = new Int32Array(n);
  for (let i = 0; i < n; i++) integers[i] = i;
  return integers;
}

const vector = (data: Float64Array): HostTensor => tensor('float64', [data.length], data.slice());
const integers = (data: Int32Array): HostTensor => tensor('int32', [data.length], data.slice());
