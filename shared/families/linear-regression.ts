/**
 * Linear regression, b free: OLS and ridge minimise |y - X w - b|^2 + alpha |w|^2 in closed form (scikit-learn's Ridge); with l1_ratio > 0
 * it is scikit-learn's ElasticNet, |y - X w - b|^2 / 2n + alpha l1_ratio |w|_1 + alpha (1 - l1_ratio) |w|^2 / 2, by coordinate descent.
 * The Gram matrix of the rows, their sums beside it, is summed in blocks by ONNX Runtime in float64 and centred, then Cholesky; where that is
 * too close to singular, a second pass makes the QR factorisation, and the solution of least norm is taken, as LAPACK's gelsd does.
 */
import * as z from 'zod';
import { emitMatrix } from '../data/encoding-graph.ts';
import { ServiceError } from '../errors.ts';
import type { Engine } from '../onnx/engine.ts';
import { GraphBuilder, toModel } from '../onnx/graph-builder.ts';
import { tensor, zeros } from '../tensor/tensor.ts';
import type { HostTensor } from '../tensor/tensor.ts';
import { defineFamily, rowCount } from './contract.ts';
import type { FitState, Problem, Progress } from './contract.ts';
import { descend } from './coordinate-descent.ts';
import type { ElasticNet } from './coordinate-descent.ts';
import { solveCholesky, solveLeastNorm, updateTriangular } from './least-squares.ts';
import { RowReader } from './row-reader.ts';
import type { RowRun } from './row-reader.ts';

const params = z.strictObject({
  fit_intercept: z.boolean().default(true).describe('Learn the constant term.'),
  alpha: z
    .number()
    .min(0)
    .default(0)
    .describe(
      'Weight of the penalty: 0 is ordinary least squares. With l1_ratio 0 it adds to the sum of squares, above to half their mean.',
    ),
  l1_ratio: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe('Share of the absolute penalty: 0 is ridge, 1 lasso, between them elastic net.'),
  max_iter: z.number().int().min(1).max(1_000_000).default(10_000).describe('Sweeps of coordinate descent at most.'),
  tol: z
    .number()
    .positive()
    .default(1e-10)
    .describe("Coordinate descent ends at a duality gap below this share of the target's sum of squares."),
});

type Params = z.infer<typeof params>;
type Phase = 'gram' | 'qr' | 'descent' | 'done';

const BLOCK_ROWS = 2048;
const QR_BLOCK_ROWS = 512;
const SAMPLE_ROWS = 256;
/** A column counts as near zero up to this ratio of squared mean to variance: its centred sums lose two digits. */
const NEAR_ZERO = 100;
/** Above this one the rows are summed again, around the means that are known by then. */
const FAR_FROM_ZERO = 1e4;
/** Multiplications between two yields of coordinate descent, about 20 ms. */
const DESCENT_WORK = 1e7;

export const linearRegression = defineFamily<Params>({
  name: 'linear_regression',
  tasks: ['regression'],
  params,
  featureTypes: ['number', 'integer', 'boolean', 'category', 'datetime'],
  standardize: false,
  readsBlocks: true,
  check() {
    // Every combination of the parameters is meaningful: without alpha the ratio has nothing to share.
  },
  emitFeatures: emitMatrix,
  start,
  fit,
  learned: ({ tensors }) => ({ coef: tensors['coef']!, intercept: tensors['intercept']! }),
  infer: (g, x, { coef, intercept }) => g.add(g.matMul(x, coef!), intercept!),
});

/** Nothing summed yet. Columns far from zero are moved there first, by what a sample says of them: sums of large squares would round. */
function start({ train, params: { fit_intercept: fitIntercept } }: Problem<Params>): FitState {
  const [rows = 0, width = 0] = train.x.shape;
  const shift = new Float64Array(width + 1);
  if (fitIntercept) {
    const sample = Math.min(rows, SAMPLE_ROWS);
    const valueAt = (i: number, j: number): number => {
      const row = Math.floor((i * rows) / sample);
      return j < width ? train.x.data[row * width + j]! : train.target.values[row]!;
    };
    for (let j = 0; j <= width; j++) {
      let [mean, squares] = [0, 0];
      for (let i = 0; i < sample; i++) mean += (valueAt(i, j) - valueAt(0, j)) / sample;
      mean += valueAt(0, j);
      for (let i = 0; i < sample; i++) squares += (valueAt(i, j) - mean) ** 2 / sample;
      if (mean ** 2 > NEAR_ZERO * squares) shift[j] = mean;
    }
  }
  return {
    position: { phase: 'gram', row: 0 },
    tensors: {
      shift: tensor('float64', [width + 1], shift),
      sums: zeros('float64', [width + 2, width + 2]),
      coef: zeros('float64', [width, 1]),
      intercept: zeros('float64', [1]),
    },
  };
}

async function* fit(
  problem: Problem<Params>,
  state: FitState,
  engine: Engine,
): AsyncGenerator<Progress, void, undefined> {
  const reader = new RowReader(problem.train);
  const { rows } = reader;
  if (phaseOf(state) === 'gram') yield* sumGram(problem, state, engine);
  if (phaseOf(state) === 'descent') yield* descendToGap(problem, state);
  while (phaseOf(state) === 'qr') {
    const row = Number(state.position['row']);
    if (row >= rows) {
      finish(state, solveQr(state, problem));
      break;
    }
    const run = await reader.read(row, QR_BLOCK_ROWS);
    const block = centredBlock(run, state);
    const width = state.tensors['means']!.shape[0]!;
    const triangle = updateTriangular(state.tensors['sums']!.data as Float64Array, block, width);
    state.tensors = { ...state.tensors, sums: tensor('float64', [width, width], triangle) };
    state.position = { phase: 'qr', row: run.end };
    yield { fraction: 0.5 + (0.5 * run.end) / rows };
  }
  yield { fraction: 1 };
}

const phaseOf = (state: FitState): Phase => state.position['phase'] as Phase;

/** Sums Z'Z of Z = [X - s | y - s | 1], centres the sums and tries Cholesky. */
async function* sumGram(
  problem: Problem<Params>,
  state: FitState,
  engine: Engine,
): AsyncGenerator<Progress, void, undefined> {
  const reader = new RowReader(problem.train);
  const { rows } = reader;
  const session = await engine.createSession(gramModel(state.tensors['shift']!));
  try {
    for (let row = Number(state.position['row']); row < rows; row = Number(state.position['row'])) {
      const { x, y: values, end } = await reader.read(row, BLOCK_ROWS);
      const y = tensor('float64', [end - row, 1], values as Float64Array);
      const output = await session.run({ x, y, sums: state.tensors['sums']! });
      state.tensors = { ...state.tensors, sums: output['next']! };
      state.position = { phase: 'gram', row: end };
      yield { fraction: (0.5 * end) / rows };
    }
  } finally {
    await session.release();
  }
  if (!centreSums(problem, state)) {
    yield* sumGram(problem, state, engine);
    return;
  }
  const { alpha, l1_ratio: l1Ratio } = problem.params;
  if (alpha > 0 && l1Ratio > 0) {
    state.position = { phase: 'descent', iteration: 0, fraction: 0.5 };
    return;
  }
  const solution = solveGram(state, alpha);
  if (solution === undefined) {
    const { shape } = state.tensors['sums']!;
    state.tensors = { ...state.tensors, sums: zeros('float64', shape) };
    state.position = { phase: 'qr', row: 0 };
  } else finish(state, solution);
}

function gramModel(shift: HostTensor): Uint8Array {
  const g = new GraphBuilder('gram');
  const width = shift.shape[0]! - 1;
  const x = g.input('x', 'float64', ['batch', width]);
  const y = g.input('y', 'float64', ['batch', 1]);
  const sums = g.input('sums', 'float64', [width + 2, width + 2]);
  const rows = g.concat([x, y, g.add(g.mul(y, 0), 1)], 1);
  const moves = Float64Array.of(...(shift.data as Float64Array), 0);
  const isShifted = moves.some((value) => value !== 0);
  const z = isShifted ? g.sub(rows, g.constant(tensor('float64', [width + 2], moves))) : rows;
  // Not as the product's own addend, which is a third slower here.
  g.output(g.add(g.gemm(z, z, { transA: true }), sums), 'next');
  return toModel(g);
}

/**
 * From sums around the shift s to sums around the means: sum (z - s)(z - s)' - n (m - s)(m - s)'. False where that would round too much: then
 * the state is that of a pass around the means.
 */
function centreSums({ train, params: { fit_intercept: fitIntercept } }: Problem<Params>, state: FitState): boolean {
  const rows = rowCount(train);
  const shift = state.tensors['shift']!.data as Float64Array;
  const { data: sums, shape } = state.tensors['sums'] as HostTensor<'float64'>;
  const [outer, size] = [shape[0]!, shift.length];
  const offsets = shift.map((_, j) => (fitIntercept ? sums[j * outer + size]! / rows : 0));
  const means = shift.map((value, j) => value + offsets[j]!);
  const centred = Float64Array.from({ length: size * size }, (_, at) => {
    const [i, j] = [Math.floor(at / size), at % size];
    return sums[i * outer + j]! - rows * offsets[i]! * offsets[j]!;
  });
  const isFar = offsets.some((offset, j) => rows * offset ** 2 > FAR_FROM_ZERO * centred[j * size + j]!);
  // Once around the means there is nothing to gain.
  if (isFar && state.position['is_centred'] !== true) {
    state.tensors = { ...state.tensors, shift: tensor('float64', [size], means), sums: zeros('float64', shape) };
    state.position = { phase: 'gram', row: 0, is_centred: true };
    return false;
  }
  state.tensors = {
    ...state.tensors,
    means: tensor('float64', [size], means),
    sums: tensor('float64', [size, size], centred),
  };
  return true;
}

/** Cholesky on the normal equations, or undefined where they are too close to singular. */
function solveGram({ tensors }: FitState, alpha: number): Float64Array | undefined {
  const { data, shape } = tensors['sums'] as HostTensor<'float64'>;
  requireFinite(data);
  const { gram, correlation } = splitSums(data, shape[0]!);
  for (let i = 0; i < correlation.length; i++) gram[i * (correlation.length + 1)]! += alpha;
  return solveCholesky(gram, correlation);
}

/** Coordinate descent to the gap asked for, or `max_iter` sweeps; the coefficients so far are the checkpoint. */
function* descendToGap(problem: Problem<Params>, state: FitState): Generator<Progress, void, undefined> {
  const { max_iter: maxIter, tol } = problem.params;
  const net = elasticNet(problem, state);
  const width = net.correlation.length;
  const sweepsPerYield = Math.max(1, Math.floor(DESCENT_WORK / (width * width)));
  for (;;) {
    const { iteration, fraction } = state.position as { iteration: number; fraction: number };
    const before = state.tensors['coef']!.data as Float64Array;
    const sweeps = Math.min(sweepsPerYield, maxIter - iteration);
    const { coef, gap, isDone, ...run } = descend(net, before, { sweeps, gap: tol * net.square });
    requireFinite(coef);
    if (isDone || iteration + run.sweeps >= maxIter) {
      finish(state, coef);
      return;
    }
    // The gap falls by about the same factor each sweep.
    const closed = Math.log(gap / net.square) / Math.log(tol);
    const next = Math.max(fraction, 0.5 + 0.49 * Math.min(1, closed));
    state.tensors = { ...state.tensors, coef: tensor('float64', [width, 1], coef) };
    state.position = { phase: 'descent', iteration: iteration + run.sweeps, fraction: next };
    yield { fraction: next, step: iteration + run.sweeps };
  }
}

/** The problem of n rows times n: scikit-learn's objective is a mean, the Gram matrix a sum. */
function elasticNet(
  { train, params: { alpha, l1_ratio: l1Ratio } }: Problem<Params>,
  { tensors }: FitState,
): ElasticNet {
  const { data, shape } = tensors['sums'] as HostTensor<'float64'>;
  const size = shape[0]!;
  requireFinite(data);
  const { gram, correlation } = splitSums(data, size);
  const weight = alpha * rowCount(train);
  return { gram, correlation, square: data[size * size - 1]!, l1: weight * l1Ratio, l2: weight * (1 - l1Ratio) };
}

/** X'X and X'y of [X | y]'[X | y]. */
function splitSums(sums: Float64Array, size: number): { gram: Float64Array; correlation: Float64Array } {
  const width = size - 1;
  return {
    gram: Float64Array.from({ length: width * width }, (_, at) => sums[Math.floor(at / width) * size + (at % width)]!),
    correlation: Float64Array.from({ length: width }, (_, i) => sums[i * size + width]!),
  };
}

/** Least norm solution from the triangular factor of [X | y], with sqrt(alpha) I below X for ridge. */
function solveQr({ tensors }: FitState, { params: { alpha } }: Problem<Params>): Float64Array {
  const size = tensors['means']!.shape[0]!;
  const width = size - 1;
  let triangle = tensors['sums']!.data as Float64Array;
  if (alpha > 0) {
    const ridge = new Float64Array(width * size);
    for (let i = 0; i < width; i++) ridge[i * size + i] = Math.sqrt(alpha);
    triangle = updateTriangular(triangle, ridge, size);
  }
  requireFinite(triangle);
  const r = Float64Array.from(
    { length: width * width },
    (_, at) => triangle[Math.floor(at / width) * size + (at % width)]!,
  );
  return solveLeastNorm(
    r,
    Float64Array.from({ length: width }, (_, i) => triangle[i * size + width]!),
  );
}

/** Rows of [X | y] without their means, row-major. */
function centredBlock({ x, y }: RowRun, state: FitState): Float64Array {
  const means = state.tensors['means']!.data as Float64Array;
  const width = means.length - 1;
  const block = new Float64Array(y.length * means.length);
  for (let row = 0; row < y.length; row++) {
    const at = row * means.length;
    for (let j = 0; j < width; j++) block[at + j] = x.data[row * width + j]! - means[j]!;
    block[at + width] = y[row]! - means[width]!;
  }
  return block;
}

function finish(state: FitState, coef: Float64Array): void {
  requireFinite(coef);
  const means = state.tensors['means']!.data as Float64Array;
  const width = coef.length;
  const intercept = coef.reduce((sum, value, i) => sum - value * means[i]!, means[width]!);
  state.tensors = {
    means: state.tensors['means']!,
    coef: tensor('float64', [width, 1], coef),
    intercept: tensor('float64', [1], Float64Array.of(intercept)),
  };
  state.position = { phase: 'done' };
}

function requireFinite(values: Float64Array): void {
  if (values.every((value) => Number.isFinite(value))) return;
  const message =
    'linear_regression: the sums of squares are not finite: a feature or the target has values too large to square; scale them down';
  throw new ServiceError('training_diverged', message);
}
