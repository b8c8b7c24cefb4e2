/**
 * The rows that are clustered, prepared for products: float32 [x - mean | 1], so that one product with [-2c | |c|^2] gives
 * |x - c|^2 - |x|^2, and one with the assignment gives the sums and the counts of the clusters.
 */
import type { Features } from '../../data/feature-matrix.ts';
import { ServiceError } from '../../errors.ts';
import { tensor } from '../../tensor/tensor.ts';
import type { HostTensor } from '../../tensor/tensor.ts';

export class Points {
  readonly rows: number;
  /** Columns of a row, without the one. */
  readonly width: number;
  readonly mean: Float64Array;
  /** Mean over the columns of their variances: the scale of `tol`. */
  readonly variance: number;
  /** [rows, width + 1] */
  readonly values: Float32Array;
  /** |x - mean|^2 of each row. */
  readonly squares: Float32Array;
  /** Their sum. */
  readonly total: number;

  /** @throws training_diverged where a row is too large to square */
  constructor({ data, shape: [rows = 0, width = 0] }: Features) {
    this.rows = rows;
    this.width = width;
    this.mean = new Float64Array(width);
    for (let row = 0, at = 0; row < rows; row++) for (let j = 0; j < width; j++) this.mean[j]! += data[at++]! / rows;
    this.values = new Float32Array(rows * (width + 1)).fill(1);
    this.squares = new Float32Array(rows);
    let total = 0;
    for (let row = 0; row < rows; row++) {
      let square = 0;
      for (let j = 0; j < width; j++) {
        const value = data[row * width + j]! - this.mean[j]!;
        this.values[row * (width + 1) + j] = value;
        square += value * value;
      }
      this.squares[row] = square;
      total += square;
    }
    this.total = total;
    this.variance = total / (rows * width);
    if (!this.squares.every((square) => Number.isFinite(square))) {
      const message =
        'kmeans: the square of a row is too large for float32: scale the features down, or set "standardize" to true';
      throw new ServiceError('training_diverged', message);
    }
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

  /** [-2c | |c|^2] of centres [n, width]. */
  factors(centers: Float64Array): HostTensor<'float32'> {
    const columns = this.width + 1;
    const n = centers.length / this.width;
    const factors = new Float32Array(n * columns);
    for (let k = 0; k < n; k++) {
      let square = 0;
      for (let j = 0; j < this.width; j++) {
        const value = centers[k * this.width + j]!;
        factors[k * columns + j] = -2 * value;
        square += value * value;
      }
      factors[k * columns + this.width] = square;
    }
    return tensor('float32', [n, columns], factors);
  }

  /** The nearest centre of a row, the first of equals, and the squared distance to it. */
  nearest(row: number, centers: Float64Array): { cluster: number; square: number } {
    let [cluster, square] = [0, Infinity];
    for (let k = 0; k * this.width < centers.length; k++) {
      let distance = 0;
      for (let j = 0; j < this.width; j++)
        distance += (this.values[row * (this.width + 1) + j]! - centers[k * this.width + j]!) ** 2;
      if (distance < square) [cluster, square] = [k, distance];
    }
    return { cluster, square };
  }
}
