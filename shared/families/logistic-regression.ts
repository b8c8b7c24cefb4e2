/**
 * Logistic regression: minimise 0.5 |W|^2 + C sum_i w_i loss_i, where loss_i = log sum_k exp(z_ik) - z_iy, z = X W + b and b is free
 * (with two classes W is one vector and z = [0, x W + b], as in scikit-learn). Loss and gradient are ONNX Runtime's, in float64; the
 * solver works on coefficients of the centred and scaled columns, where the problem is well conditioned, and so reaches the optimum of raw data too.
 */
import * as z from 'zod';
import { emitMatrix } from '../data/encoding-graph.ts';
import { ServiceError } from '../errors.ts';
import type { Engine, Session } from '../onnx/engine.ts';
import { GraphBuilder, toModel } from '../onnx/graph-builder.ts';
import type { Value } from '../onnx/graph.ts';
import { fromNumbers, rowsOf, tensor } from '../tensor/tensor.ts';
import type { HostTensor } from '../tensor/tensor.ts';
import { defineFamily } from './contract.ts';
import type { FitState, ModelShape, Problem, Progress, Samples } from './contract.ts';
import { lbfgsStep } from './lbfgs.ts';
import type { Evaluation, LbfgsState } from './lbfgs.ts';

const params = z.strictObject({
  C: z.number().positive().default(1).describe('Inverse weight of the penalty: smaller is simpler.'),
  penalty: z.enum(['l2', 'l1', 'none']).default('l2').describe('l1 is not offered yet.'),
  fit_intercept: z.boolean().default(true).describe('Learn constant terms.'),
  class_weight: z
    .union([z.literal('balanced'), z.record(z.string(), z.number().positive())])
    .nullable()
    .default(null)
    .describe('Weight of a row by its class; "balanced" gives every class the same total.'),
  max_iter: z.number().int().min(1).max(100_000).default(1000),
  tol: z
    .number()
    .positive()
    .default(1e-9)
    .describe('Ends at gradients (of the mean loss, by scaled coefficients) below this.'),
});

type Params = z.infer<typeof params>;

/** Values of x per run: larger data are summed over blocks, always cut alike. */
const BLOCK_VALUES = 1 << 22;
const REPORT_EVERY = 10;

export const logisticRegression = defineFamily<Params>({
  name: 'logistic_regression',
  tasks: ['classification'],
  params,
  featureTypes: ['number', 'integer', 'boolean', 'category'],
  standardize: true,
  check({ penalty }) {
    if (penalty !== 'l1') return;
    throw new ServiceError('invalid_request', 'penalty: "l1" is not offered yet, choose "l2" or "none"', {
      param: '/params/penalty',
    });
  },
  emitFeatures: emitMatrix,
  start,
  fit,
  learned,
  infer: (g, x, { coef, intercept }, { outputs }) =>
    g.softmax(logits(g, g.gemm(x, coef!, { c: intercept! }), outputs), 1),
});

const columnsFor = (classes: number): number => (classes === 2 ? 1 : classes);

/** The point of zeros; means and scales of the columns. */
function start({ train, params: { fit_intercept: fitIntercept } }: Problem<Params>): FitState {
  const [rows = 0, width = 0] = train.x.shape;
  const { data } = train.x;
  const center = new Float64Array(width);
  const scale = new Float64Array(width);
  for (let at = 0; fitIntercept && at < rows * width; at++) center[at % width]! += data[at]! / rows;
  for (let at = 0; at < rows * width; at++) scale[at % width]! += (data[at]! - center[at % width]!) ** 2 / rows;
  const size = (width + 1) * columnsFor(classesOf(train));
  return {
    position: { iteration: 0, pairs: 0, value: null, first: null, is_done: false },
    tensors: {
      center: tensor('float64', [width], center),
      scale: tensor(
        'float64',
        [width],
        scale.map((variance, j) => scaleOf(Math.sqrt(variance), center[j]!)),
      ),
      point: tensor('float64', [size], new Float64Array(size)),
      gradient: tensor('float64', [size], new Float64Array(size)),
    },
  };
}

/** One over the deviation, or one for a column that is constant but for rounding. */
function scaleOf(deviation: number, mean: number): number {
  return deviation > 1e-10 * Math.abs(mean) ? 1 / deviation : 1;
}

async function* fit(
  problem: Problem<Params>,
  state: FitState,
  engine: Engine,
): AsyncGenerator<Progress, void, undefined> {
  if (state.position['is_done'] === true) {
    yield { fraction: 1, epoch: Number(state.position['iteration']) };
    return;
  }
  const { max_iter: maxIter, tol } = problem.params;
  const classes = classesOf(problem.train);
  const session = await engine.createSession(lossModel(problem.train.x.shape[1]!, classes));
  const evaluate = (point: Float64Array): Promise<Evaluation> => objective(problem, { state, session, point });
  try {
    let solver = await restore(state, evaluate);
    const first = (state.position['first'] as number | null) ?? largest(solver.evaluation.gradient);
    for (let iteration = Number(state.position['iteration']); ; iteration++) {
      const gradient = largest(solver.evaluation.gradient);
      const next = gradient <= tol || iteration >= maxIter ? undefined : await lbfgsStep(solver, evaluate);
      solver = next ?? solver;
      save(state, solver, { iteration: iteration + (next ? 1 : 0), first, is_done: next === undefined });
      if (next === undefined) break;
      const done = Math.log(first / largest(solver.evaluation.gradient)) / Math.log(first / tol);
      const loss = (iteration + 1) % REPORT_EVERY === 0 ? { metrics: { loss: solver.evaluation.value } } : {};
      const fraction = Math.min(0.99, Math.max(0, done, iteration / maxIter));
      yield { fraction, epoch: iteration + 1, step: iteration + 1, ...loss };
    }
  } finally {
    await session.release();
  }
  yield { fraction: 1, epoch: Number(state.position['iteration']) };
}

/** The coefficients of the columns as they come: W = scale v, b = b' - center W. */
function learned({ tensors }: FitState, { outputs }: ModelShape<Params>): Record<string, HostTensor> {
  const columns = columnsFor(outputs);
  const { coef, intercept } = unscale(tensors['point']!.data as Float64Array, tensors, columns);
  return {
    coef: tensor('float64', [coef.length / columns, columns], coef),
    intercept: tensor('float64', [1, columns], intercept),
  };
}

function classesOf({ target }: Samples): number {
  return target.kind === 'classes' ? target.labels.length : 0;
}

function unscale(
  point: Float64Array,
  tensors: FitState['tensors'],
  columns: number,
): { coef: Float64Array; intercept: Float64Array } {
  const center = tensors['center']!.data as Float64Array;
  const scale = tensors['scale']!.data as Float64Array;
  const width = center.length;
  const coef = Float64Array.from({ length: width * columns }, (_, at) => point[at]! * scale[Math.floor(at / columns)]!);
  const intercept = point.slice(width * columns);
  coef.forEach((value, at) => (intercept[at % columns]! -= center[Math.floor(at / columns)]! * value));
  return { coef, intercept };
}

/** Logits of all classes: with two, the first class's are zero. */
function logits(g: GraphBuilder, z1: Value, classes: number): Value {
  return classes === 2 ? g.concat([g.mul(z1, 0), z1], 1) : z1;
}

/** Sums over a block of rows: weighted loss, and its gradient by coefficients and intercepts. */
function lossModel(width: number, classes: number): Uint8Array {
  const g = new GraphBuilder('logistic_loss');
  const columns = columnsFor(classes);
  const x = g.input('x', 'float64', ['batch', width]);
  const y = g.input('y', 'int32', ['batch', 1]);
  const weight = g.input('weight', 'float64', ['batch', 1]);
  const coef = g.input('coef', 'float64', [width, columns]);
  const intercept = g.input('intercept', 'float64', [1, columns]);
  const all = logits(g, g.gemm(x, coef, { c: intercept }), classes);
  const highest = g.reduceMax(all, { axes: [1], keepdims: true });
  const powers = g.exp(g.sub(all, highest));
  const sum = g.reduceSum(powers, { axes: [1], keepdims: true });
  const numbers = g.constant(
    fromNumbers(
      'int32',
      Array.from({ length: classes }, (_, k) => k),
      [1, classes],
    ),
  );
  const isClass = g.cast(g.equal(y, numbers), 'float64');
  const own = g.reduceSum(g.mul(isClass, all), { axes: [1], keepdims: true });
  const loss = g.mul(weight, g.sub(g.add(g.log(sum), highest), own));
  const residual = g.mul(g.sub(g.div(powers, sum), isClass), weight);
  const free = classes === 2 ? g.slice(residual, { axis: 1, start: 1, end: 2 }) : residual;
  g.output(g.reduceSum(loss), 'loss');
  g.output(g.gemm(x, free, { transA: true }), 'by_coef');
  g.output(g.reduceSum(free, { axes: [0] }), 'by_intercept');
  return toModel(g);
}

/** Mean loss with its penalty, and the gradient by the scaled coefficients. */
async function objective(
  { train, params: given }: Problem<Params>,
  at: { readonly state: FitState; readonly session: Session; readonly point: Float64Array },
): Promise<Evaluation> {
  const { tensors } = at.state;
  const classes = classesOf(train);
  const columns = columnsFor(classes);
  const { coef, intercept } = unscale(at.point, tensors, columns);
  const learnedNow = {
    coef: tensor('float64', [coef.length / columns, columns], coef),
    intercept: tensor('float64', [1, columns], intercept),
  };
  const sums = await sumLoss(train, weightsOf(train, given.class_weight), (feeds) =>
    at.session.run({ ...feeds, ...learnedNow }),
  );
  const rows = train.x.shape[0]!;
  const penalty = given.penalty === 'none' ? 0 : 1 / (given.C * rows);
  const center = tensors['center']!.data as Float64Array;
  const scale = tensors['scale']!.data as Float64Array;
  const gradient = new Float64Array(at.point.length);
  let value = sums.loss / rows;
  coef.forEach((w, i) => {
    const j = Math.floor(i / columns);
    value += 0.5 * penalty * w * w;
    gradient[i] = scale[j]! * ((sums.byCoef[i]! - center[j]! * sums.byIntercept[i % columns]!) / rows + penalty * w);
  });
  if (given.fit_intercept) sums.byIntercept.forEach((sum, k) => (gradient[coef.length + k] = sum / rows));
  if (!Number.isFinite(value) && at.state.position['value'] === null) {
    throw new ServiceError(
      'training_diverged',
      'logistic_regression: the loss is not finite at the start: scale the features down, or set "standardize" to true',
    );
  }
  return { value, gradient };
}

async function sumLoss(
  { x, target }: Samples,
  weights: Float64Array,
  run: (feeds: Record<string, HostTensor>) => Promise<Record<string, HostTensor>>,
): Promise<{ loss: number; byCoef: Float64Array; byIntercept: Float64Array }> {
  const [rows = 0, width = 1] = x.shape;
  const block = Math.max(1, Math.floor(BLOCK_VALUES / width));
  let loss = 0;
  let byCoef = new Float64Array(0);
  let byIntercept = new Float64Array(0);
  for (let begin = 0; begin < rows; begin += block) {
    const end = Math.min(begin + block, rows);
    const sums = await run({
      x: rowsOf<'float32' | 'float64'>(x, begin, end),
      y: tensor('int32', [end - begin, 1], (target.values as Int32Array).subarray(begin, end)),
      weight: tensor('float64', [end - begin, 1], weights.subarray(begin, end)),
    });
    const [coefPart, interceptPart] = [
      sums['by_coef']!.data as Float64Array,
      sums['by_intercept']!.data as Float64Array,
    ];
    loss += Number(sums['loss']!.data[0]);
    byCoef = begin === 0 ? coefPart.slice() : byCoef.map((sum, i) => sum + coefPart[i]!);
    byIntercept = begin === 0 ? interceptPart.slice() : byIntercept.map((sum, i) => sum + interceptPart[i]!);
  }
  return { loss, byCoef, byIntercept };
}

function weightsOf({ target }: Samples, weight: Params['class_weight']): Float64Array {
  if (target.kind !== 'classes' || weight === null) return new Float64Array(target.values.length).fill(1);
  const counts = new Float64Array(target.labels.length);
  for (const label of target.values) counts[label]!++;
  const rows = target.values.length;
  const byClass = target.labels.map((label, k) =>
    weight === 'balanced' ? rows / (counts.length * counts[k]!) : (weight[String(label)] ?? 1),
  );
  return Float64Array.from(target.values, (label) => byClass[label]!);
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
  position: { iteration: number; first: number; is_done: boolean },
): void {
  const vector = (data: Float64Array): HostTensor => tensor('float64', [data.length], data);
  const pairs = solver.pairs.flatMap(({ s, y }, k): [string, HostTensor][] => [
    [`s${k}`, vector(s)],
    [`y${k}`, vector(y)],
  ]);
  state.position = { ...position, pairs: solver.pairs.length, value: solver.evaluation.value };
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
