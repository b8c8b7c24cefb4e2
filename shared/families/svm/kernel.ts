/**
 * The kernels, once as nodes of the inference graph (float64) and once as a product of two prepared matrices, which is how the training
 * computes blocks of rows. rbf: exp(-gamma |x - z|^2); poly: (gamma x'z + coef0)^degree; sigmoid: tanh(gamma x'z + coef0); linear: x'z.
 */
import type { Features } from '../../data/feature-matrix.ts';
import { ServiceError } from '../../errors.ts';
import { GraphBuilder, toModel } from '../../onnx/graph-builder.ts';
import type { Value } from '../../onnx/graph.ts';
import type { SvmParams } from './params.ts';

export type Kernel = Pick<SvmParams, 'kernel' | 'degree' | 'coef0'> & { readonly gamma: number };

/** Past this exponent float32 would lose the fourth digit of exp(-gamma |x - z|^2) = exp(2 gamma x'z - gamma |x|^2 - gamma |z|^2). */
const LARGEST_FLOAT32_EXPONENT = 1e3;

/** The kernel of some training rows, with gamma as a number. */
export function kernelOf({ kernel, degree, coef0, gamma }: SvmParams, x: Features): Kernel {
  if (typeof gamma === 'number') return { kernel, degree, coef0, gamma };
  const width = x.shape[1]!;
  const spread = gamma === 'auto' ? 1 : variance(x.data);
  return { kernel, degree, coef0, gamma: 1 / (width * (spread > 0 ? spread : 1)) };
}

/** K(x, z) of rows x [batch, width] and z [n, width]: [batch, n]. Here gamma is a value of the graph. */
export function emitKernel(
  g: GraphBuilder,
  x: Value,
  z: Value,
  { gamma, ...kernel }: Omit<Kernel, 'gamma'> & { readonly gamma: Value },
): Value {
  if (kernel.kernel === 'linear') return g.gemm(x, z, { transB: true });
  if (kernel.kernel !== 'rbf') return shapeProduct(g, g.mul(g.gemm(x, z, { transB: true }), gamma), kernel);
  const squares = (rows: Value): Value => g.reduceSum(g.mul(rows, rows), { axes: [1], keepdims: true });
  const distances = g.add(g.gemm(x, z, { transB: true, alpha: -2, c: g.transpose(squares(z)) }), squares(x));
  return g.exp(g.neg(g.mul(distances, gamma)));
}

/** The kernel from the product that it is a function of. */
function shapeProduct(g: GraphBuilder, product: Value, { kernel, degree, coef0 }: Omit<Kernel, 'gamma'>): Value {
  switch (kernel) {
    case 'linear':
      return product;
    case 'rbf':
      return g.exp(product);
    case 'sigmoid':
      return g.tanh(coef0 === 0 ? product : g.add(product, coef0));
    case 'poly':
      return power(g, coef0 === 0 ? product : g.add(product, coef0), degree);
  }
}

/** base^exponent by repeated squaring: exact signs, and faster than Pow. */
function power(g: GraphBuilder, base: Value, exponent: number): Value {
  if (exponent === 0) return g.add(g.mul(base, 0), 1);
  if (exponent === 1) return base;
  const half = power(g, base, exponent >> 1);
  const square = g.mul(half, half);
  return exponent % 2 === 0 ? square : g.mul(square, base);
}

/** Two matrices of one row per sample with K = shape(left right'), and K's diagonal. */
export interface KernelFactors {
  readonly dtype: 'float32' | 'float64';
  readonly width: number;
  readonly left: Float32Array | Float64Array;
  readonly right: Float32Array | Float64Array;
  readonly diagonal: Float64Array;
  /** The column means, which a kernel of differences may leave out (and linear, as the coefficients sum to zero). */
  readonly center: Float64Array;
}

/** The factors of rows `order` of x, in that order. @throws training_diverged where a row's kernel is not finite */
export function factorsOf(x: Features, order: Int32Array, kernel: Kernel): KernelFactors {
  const width = x.shape[1]!;
  const n = order.length;
  const center = kernel.kernel === 'rbf' || kernel.kernel === 'linear' ? meansOf(x) : new Float64Array(width);
  const squares = Float64Array.from(order, (row) => {
    let sum = 0;
    for (let j = 0; j < width; j++) sum += (x.data[row * width + j]! - center[j]!) ** 2;
    return sum;
  });
  const diagonal = squares.map((square) => selfKernel(square, kernel));
  if (!diagonal.every((value) => Number.isFinite(value)) || !squares.every((value) => Number.isFinite(value))) {
    const message = `svm: the ${kernel.kernel} kernel of a row with itself is not finite: scale the features down, or set "standardize" to true`;
    throw new ServiceError('training_diverged', message);
  }
  const isRbf = kernel.kernel === 'rbf';
  const largest = isRbf ? kernel.gamma * squares.reduce((most, value) => Math.max(most, value), 0) : 0;
  const dtype = largest > LARGEST_FLOAT32_EXPONENT ? 'float64' : 'float32';
  const columns = isRbf ? width + 2 : width;
  const [left, right] = [n * columns, n * columns].map((size) =>
    dtype === 'float64' ? new Float64Array(size) : new Float32Array(size),
  ) as [Float32Array, Float32Array];
  const factor = isRbf ? 2 * kernel.gamma : kernel.kernel === 'linear' ? 1 : kernel.gamma;
  for (let i = 0; i < n; i++) {
    const at = i * columns;
    for (let j = 0; j < width; j++) {
      const value = x.data[order[i]! * width + j]! - center[j]!;
      left[at + j] = factor * value;
      right[at + j] = value;
    }
    if (!isRbf) continue;
    left[at + width] = right[at + width + 1] = -kernel.gamma * squares[i]!;
    left[at + width + 1] = right[at + width] = 1;
  }
  return { dtype, width: columns, left, right, diagonal, center };
}

/** A graph from blocks of left and right factors to float32 rows of the kernel, [rows, columns]. */
export function kernelModel(kernel: Kernel, { dtype, width }: KernelFactors): Uint8Array {
  const g = new GraphBuilder('kernel_rows');
  const left = g.input('left', dtype, ['rows', width]);
  const right = g.input('right', dtype, ['columns', width]);
  g.output(g.cast(shapeProduct(g, g.gemm(left, right, { transB: true }), kernel), 'float32'), 'kernel');
  return toModel(g);
}

function selfKernel(square: number, { kernel, gamma, degree, coef0 }: Kernel): number {
  switch (kernel) {
    case 'linear':
      return square;
    case 'rbf':
      return 1;
    case 'sigmoid':
      return Math.tanh(gamma * square + coef0);
    case 'poly':
      return (gamma * square + coef0) ** degree;
  }
}

function meansOf({ data, shape: [rows = 0, width = 0] }: Features): Float64Array {
  const sums = new Float64Array(width);
  for (let row = 0, at = 0; row < rows; row++) for (let j = 0; j < width; j++) sums[j]! += data[at++]!;
  return sums.map((sum) => sum / rows);
}

/** Population variance over all elements. */
function variance(data: Features['data']): number {
  let sum = 0;
  for (const value of data) sum += value;
  const mean = sum / data.length;
  let squares = 0;
  for (const value of data) squares += (value - mean) ** 2;
  return squares / data.length;
}
