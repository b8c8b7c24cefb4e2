/**
 * The rows that are clustered, prepared for products: float32 [x - mean | 1], so that one product with [-2c | |c|^2] gives
 * |x - c|^2 - |x|^2, and one with the assignment gives the sums and the counts of the clusters.
 */
import type { Features } from '../../data/feature-matrix.ts';
import { ServiceError } from '../../errors.ts';
import { tensor } from '../../tensor/tensor.ts';
import type { HostTensor } from '../../tensor/tensor.ts';
import type { Samples } from '../contract.ts';
import { RowReader } from '../row-reader.ts';

/** What is known of all rows. */
export interface Scale {
  /** Sum of |x - mean|^2. */
  readonly total: number;
  /** Mean over the columns of their variances: the scale of `tol`. */
  readonly variance: number;
}

/** Rows that passes read from the first to the last. */
export interface PointSet extends Scale {
  readonly rows: number;
  /** Columns of a row, without the one. */
  readonly width: number;
  /** Rows from `begin` on, at most `most`. */
  read(begin: number, most: number): Promise<HostTensor<'float32'>>;
}

export function meanOf({ data, shape: [rows = 0, width = 0] }: Features): Float64Array {
  const mean = new Float64Array(width);
  for (let row = 0, at = 0; row < rows; row++) for (let j = 0; j < width; j++) mean[j]! += data[at++]! / rows;
  return mean;
}

interface Centred {
  /** [rows, width + 1] */
  readonly values: Float32Array;
  /** |x - mean|^2 of each row. */
  readonly squares: Float32Array;
  readonly total: number;
}

/** @throws training_diverged where a row is too large to square */
export function centre({ data, shape: [rows = 0, width = 0] }: Features, mean: Float64Array): Centred {
  const values = new Float32Array(rows * (width + 1)).fill(1);
  const squares = new Float32Array(rows);
  let total = 0;
  for (let row = 0; row < rows; row++) {
    let square = 0;
    for (let j = 0; j < width; j++) {
      const value = data[row * width + j]! - mean[j]!;
      values[row * (width + 1) + j] = value;
      square += value * value;
    }
    squares[row] = square;
    total += square;
  }
  if (!squares.every((square) => Number.isFinite(square))) {
    const message =
      'kmeans: the square of a row is too large for float32: scale the features down, or set "standardize" to true';
    throw new ServiceError('training_diverged', message);
  }
  return { values, squares, total };
}

/** Rows in memory. */
export class Points implements PointSet {
  readonly rows: number;
  readonly width: number;
  readonly mean: Float64Array;
  readonly variance: number;
  readonly values: Float32Array;
  readonly squares: Float32Array;
  readonly total: number;

  constructor(x: Features, mean: Float64Array = meanOf(x)) {
    const [rows = 0, width = 0] = x.shape;
    const { values, squares, total } = centre(x, mean);
    this.rows = rows;
    this.width = width;
    this.mean = mean;
    this.values = values;
    this.squares = squares;
    this.total = total;
    this.variance = total / (rows * width);
  }

  read(begin: number, most: number): Promise<HostTensor<'float32'>> {
    return Promise.resolve(this.block(begin, Math.min(begin + most, this.rows)));
  }

  /** Rows [begin, end) as a tensor, not copied. */
  block(begin: number, end: number): HostTensor<'float32'> {
    const columns = this.width + 1;
    return tensor('float32', [end - begin, columns], this.values.subarray(begin * columns, end * columns));
  }

  /** A row as a centre. */
  center(row: number): Float64Array {
    const columns = this.width + 1;
    return Float64Array.from(this.values.subarray(row * columns, row * columns + this.width));
  }
}

/** Rows that memory does not hold. */
export class StoredPoints implements PointSet {
  readonly rows: number;
  readonly width: number;
  readonly total: number;
  readonly variance: number;
  readonly #reader: RowReader;
  readonly #mean: Float64Array;

  constructor(samples: Samples, mean: Float64Array, { total, variance }: Scale) {
    this.#reader = new RowReader(samples);
    this.#mean = mean;
    this.rows = this.#reader.rows;
    this.width = mean.length;
    this.total = total;
    this.variance = variance;
  }

  async read(begin: number, most: number): Promise<HostTensor<'float32'>> {
    const { x } = await this.#reader.read(begin, most);
    return tensor('float32', [x.shape[0]!, this.width + 1], centre(x, this.#mean).values);
  }
}

/** [-2c | |c|^2] of centres [n, width]. */
export function factorsOf(centers: Float64Array, width: number): HostTensor<'float32'> {
  const columns = width + 1;
  const n = centers.length / width;
  const factors = new Float32Array(n * columns);
  for (let k = 0; k < n; k++) {
    let square = 0;
    for (let j = 0; j < width; j++) {
      const value = centers[k * width + j]!;
      factors[k * columns + j] = -2 * value;
      square += value * value;
    }
    factors[k * columns + width] = square;
  }
  return tensor('float32', [n, columns], factors);
}

/** The centre [width] nearest to a row of points, the first of equals. */
export function nearestTo(point: Float32Array, centers: Float64Array): number {
  const width = point.length - 1;
  let [cluster, least] = [0, Infinity];
  for (let k = 0; k * width < centers.length; k++) {
    let distance = 0;
    for (let j = 0; j < width; j++) distance += (point[j]! - centers[k * width + j]!) ** 2;
    if (distance < least) [cluster, least] = [k, distance];
  }
  return cluster;
}
