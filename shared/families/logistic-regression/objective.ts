/**
 * Loss and gradient of logistic regression over all rows, in memory or not: sums by ONNX Runtime over runs of rows, always cut alike. The products with the rows are in the
 * precision asked for; the terms of the loss and the sums over runs are float64 in both, or a line search would see noise.
 */
import type { Features } from '../../data/feature-matrix.ts';
import type { Target } from '../../data/target.ts';
import { ServiceError } from '../../errors.ts';
import { GraphBuilder, toModel } from '../../onnx/graph-builder.ts';
import type { Engine, Session } from '../../onnx/engine.ts';
import type { Value } from '../../onnx/graph.ts';
import { fromNumbers, tensor, zeros } from '../../tensor/tensor.ts';
import type { HostTensor } from '../../tensor/tensor.ts';
import { rowCount } from '../contract.ts';
import type { FitState, Problem, Samples } from '../contract.ts';
import type { Evaluation } from '../lbfgs.ts';
import { RowReader } from '../row-reader.ts';
import type { LogisticParams } from './params.ts';

/** Values of x per run: larger data are summed over several, always cut alike. */
const RUN_VALUES = 1 << 20;

/** In what the rows are multiplied. */
export type Precision = 'float32' | 'float64';

export const columnsFor = (classes: number): number => (classes === 2 ? 1 : classes);

export function classesOf({ target }: Samples): number {
  return target.kind === 'classes' ? target.labels.length : 0;
}

export function unscale(
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
export function logits(g: GraphBuilder, z1: Value, classes: number): Value {
  return classes === 2 ? g.concat([g.mul(z1, 0), z1], 1) : z1;
}

/** Sums over a run of rows: weighted loss, and its gradient by coefficients and intercepts. */
export function lossModel(width: number, classes: number, precision: Precision): Uint8Array {
  const g = new GraphBuilder('logistic_loss');
  const columns = columnsFor(classes);
  const x = g.input('x', precision, ['batch', width]);
  const y = g.input('y', 'int32', ['batch', 1]);
  const weight = g.input('weight', 'float64', ['batch', 1]);
  const coef = g.input('coef', 'float64', [width, columns]);
  const intercept = g.input('intercept', 'float64', [1, columns]);
  const sums = (classes === 2 ? binarySums : multinomialSums)(g, { x, y, weight, coef, intercept });
  g.output(sums.loss, 'loss');
  g.output(g.cast(sums.byCoef, 'float64'), 'by_coef');
  g.output(sums.byIntercept, 'by_intercept');
  return toModel(g);
}

type LossInputs = Readonly<Record<'x' | 'y' | 'weight' | 'coef' | 'intercept', Value>>;

interface SumValues {
  readonly loss: Value;
  /** [width, columns] */
  readonly byCoef: Value;
  /** [1, columns] */
  readonly byIntercept: Value;
}

/**
 * log(1 + exp z) - y z without overflow, and sigmoid(z) - y, in the precision of x but for the sums. The rows' terms lie along a row, and the
 * intercept is not the product's own addend: products with one vector are then three times as fast.
 */
function binarySums(g: GraphBuilder, { x, y, weight, coef, intercept }: LossInputs): SumValues {
  const { dtype } = x;
  const alongRow = (value: Value): Value => g.reshape(value, [1, -1]);
  const z = g.add(alongRow(g.matMul(x, g.cast(coef, dtype))), g.cast(intercept, dtype));
  const isSecond = alongRow(g.cast(y, dtype));
  const rest = g.log(g.add(g.exp(g.neg(g.abs(z))), 1));
  const loss = g.sub(g.add(g.relu(z), rest), g.mul(isSecond, z));
  const residual = g.mul(g.sub(g.sigmoid(z), isSecond), alongRow(g.cast(weight, dtype)));
  return {
    loss: g.matMul(g.cast(loss, 'float64'), weight),
    byCoef: g.reshape(g.matMul(residual, x), [-1, 1]),
    byIntercept: g.reduceSum(g.cast(residual, 'float64'), { axes: [1], keepdims: true }),
  };
}

function multinomialSums(g: GraphBuilder, { x, y, weight, coef, intercept }: LossInputs): SumValues {
  const { dtype } = x;
  const z = g.cast(g.gemm(x, g.cast(coef, dtype), { c: g.cast(intercept, dtype) }), 'float64');
  const { loss, residual } = multinomialLoss(g, z, y);
  const weighted = g.mul(residual, weight);
  return {
    loss: g.reduceSum(g.mul(weight, loss)),
    byCoef: g.gemm(x, g.cast(weighted, dtype), { transA: true }),
    byIntercept: g.reduceSum(weighted, { axes: [0] }),
  };
}

interface Loss {
  /** [batch, 1] */
  readonly loss: Value;
  /** By the logits: [batch, columns]. */
  readonly residual: Value;
}

/** log sum_k exp z_k - z_y, and softmax(z) - [k = y] */
function multinomialLoss(g: GraphBuilder, z: Value, y: Value): Loss {
  const classes = Array.from({ length: z.shape[1] as number }, (_, k) => k);
  const highest = g.reduceMax(z, { axes: [1], keepdims: true });
  const powers = g.exp(g.sub(z, highest));
  const sum = g.reduceSum(powers, { axes: [1], keepdims: true });
  const isClass = g.cast(g.equal(y, g.constant(fromNumbers('int32', classes, [1, classes.length]))), 'float64');
  const own = g.reduceSum(g.mul(isClass, z), { axes: [1], keepdims: true });
  return { loss: g.sub(g.add(g.log(sum), highest), own), residual: g.sub(g.div(powers, sum), isClass) };
}

/** The rows in one of the precisions, and the open graph of their loss. */
export interface OpenLoss {
  readonly reader: RowReader;
  /** What is still to be taken from the columns of the rows. */
  readonly center: HostTensor;
  /** Of a row, by its class. */
  readonly weights: Float64Array;
  readonly session: Session;
}

export async function openLoss(
  { train, params }: Problem<LogisticParams>,
  engine: Engine,
  { precision, tensors }: { precision: Precision; tensors: FitState['tensors'] },
): Promise<OpenLoss> {
  const width = train.x.shape[1]!;
  const held = precision === 'float32' ? singles(train.x, tensors) : { x: train.x, center: tensors['center']! };
  return {
    reader: new RowReader({ ...train, x: held.x }),
    center: held.center,
    weights: weightsOf((train.blocks ?? train).target, params.class_weight),
    session: await engine.createSession(lossModel(width, classesOf(train), precision)),
  };
}

/** Deviations from zero of a column's mean from where float32 would keep too little of what tells its rows apart. */
const FAR_FROM_ZERO = 4;

/** The rows in float32, centred before they are rounded where columns are far from zero. */
function singles({ shape, data }: Features, tensors: FitState['tensors']): { x: Features; center: HostTensor } {
  const center = tensors['center']!;
  const means = center.data as Float64Array;
  const scale = tensors['scale']!.data as Float64Array;
  if (means.every((mean, j) => Math.abs(mean) * scale[j]! < FAR_FROM_ZERO))
    return { x: tensor('float32', shape, new Float32Array(data)), center };
  const values = new Float32Array(data.length);
  for (let at = 0; at < data.length; at += means.length)
    for (let j = 0; j < means.length; j++) values[at + j] = data[at + j]! - means[j]!;
  return { x: tensor('float32', shape, values), center: zeros('float64', center.shape) };
}

/** What was summed over the rows before one: the gradient by coefficients and intercepts, and behind it the loss. */
export interface RowSums {
  readonly row: number;
  readonly sums: Float64Array;
}

/** The sums with those of one run of rows more. */
export async function addRun(
  { reader, center, weights, session }: OpenLoss,
  { row, sums }: RowSums,
  at: { readonly point: Float64Array; readonly state: FitState },
): Promise<RowSums> {
  const width = center.shape[0]!;
  const columns = (sums.length - 1) / (width + 1);
  const { coef, intercept } = unscale(at.point, { ...at.state.tensors, center }, columns);
  const { x, y, end } = await reader.read(row, Math.max(1, Math.floor(RUN_VALUES / width)));
  const weight = new Float64Array(y.length);
  for (let i = 0; i < y.length; i++) weight[i] = weights[y[i]!]!;
  const part = await session.run({
    coef: tensor('float64', [width, columns], coef),
    intercept: tensor('float64', [1, columns], intercept),
    x,
    y: tensor('int32', [y.length, 1], y as Int32Array),
    weight: tensor('float64', [y.length, 1], weight),
  });
  const parts = ['by_coef', 'by_intercept', 'loss'].map((name) => part[name]!.data as Float64Array);
  const next = sums.slice();
  let to = 0;
  for (const values of parts) for (const value of values) next[to++]! += value;
  return { row: end, sums: next };
}

/** Mean loss with its squared penalty, and the gradient by the scaled coefficients, of the sums over all rows. */
export function objective(
  { train, params: given }: Problem<LogisticParams>,
  { sums }: RowSums,
  at: { readonly state: FitState; readonly loss: OpenLoss; readonly point: Float64Array },
): Evaluation {
  const tensors: FitState['tensors'] = { ...at.state.tensors, center: at.loss.center };
  const columns = columnsFor(classesOf(train));
  const { coef } = unscale(at.point, tensors, columns);
  const rows = rowCount(train);
  const penalty = given.penalty === 'l2' ? 1 / (given.C * rows) : 0;
  const center = tensors['center']!.data as Float64Array;
  const scale = tensors['scale']!.data as Float64Array;
  const byIntercept = sums.subarray(coef.length, -1);
  const gradient = new Float64Array(at.point.length);
  let value = sums.at(-1)! / rows;
  coef.forEach((w, i) => {
    const j = Math.floor(i / columns);
    value += 0.5 * penalty * w * w;
    gradient[i] = scale[j]! * ((sums[i]! - center[j]! * byIntercept[i % columns]!) / rows + penalty * w);
  });
  if (given.fit_intercept) byIntercept.forEach((sum, k) => (gradient[coef.length + k] = sum / rows));
  if (!Number.isFinite(value) && at.state.position['value'] === null) {
    throw new ServiceError(
      'training_diverged',
      'logistic_regression: the loss is not finite at the start: scale the features down, or set "standardize" to true',
    );
  }
  return { value, gradient };
}

/** What each scaled coefficient's absolute value costs beside that: 1 / (C n) of |W| under l1, nothing of intercepts. */
export function absoluteWeights(
  { train, params: { C, penalty } }: Problem<LogisticParams>,
  state: FitState,
): Float64Array {
  const scale = state.tensors['scale']!.data as Float64Array;
  const columns = columnsFor(classesOf(train));
  const weights = new Float64Array((scale.length + 1) * columns);
  if (penalty !== 'l1') return weights;
  const unit = 1 / (C * rowCount(train));
  return weights.map((_, at) => unit * (scale[Math.floor(at / columns)] ?? 0));
}

/** By class. */
function weightsOf(target: Target, weight: LogisticParams['class_weight']): Float64Array {
  if (target.kind !== 'classes') return new Float64Array(0);
  const counts = new Float64Array(target.labels.length);
  if (weight === null) return counts.fill(1);
  for (const label of target.values) counts[label]!++;
  const rows = target.values.length;
  return Float64Array.from(target.labels, (label, k) =>
    weight === 'balanced' ? rows / (counts.length * counts[k]!) : (weight[String(label)] ?? 1),
  );
}
