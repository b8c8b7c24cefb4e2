/**
 * Lloyd's iteration: every row to its nearest centre, every centre to the mean of its rows. Distances, assignment and sums are one graph
 * of ONNX Runtime over blocks of rows that stay in a core's cache; blocks are summed in float64.
 */
import type { Engine, Session } from '../../onnx/engine.ts';
import { GraphBuilder, toModel } from '../../onnx/graph-builder.ts';
import type { Points } from './points.ts';

/** Values of a block: its rows, distances and assignment. */
const BLOCK_VALUES = 1 << 18;

export interface Assignment {
  /** [clusters, width + 1]: sums of the rows of each cluster, and how many there are. */
  readonly sums: Float64Array;
  /** Sum of squared distances to the centres that the rows were assigned by. */
  readonly inertia: number;
}

export class Lloyd {
  readonly #points: Points;
  readonly #session: Session;
  readonly #blockRows: number;

  private constructor(points: Points, session: Session, clusters: number) {
    this.#points = points;
    this.#session = session;
    this.#blockRows = Math.max(64, Math.floor(BLOCK_VALUES / (points.width + 1 + 3 * clusters)));
  }

  static async open(engine: Engine, points: Points, clusters: number): Promise<Lloyd> {
    return new Lloyd(points, await engine.createSession(assignmentModel(points.width + 1, clusters)), clusters);
  }

  async assign(centers: Float64Array): Promise<Assignment> {
    const points = this.#points;
    const columns = points.width + 1;
    const w = points.factors(centers);
    const sums = new Float64Array((centers.length / points.width) * columns);
    let inertia = points.total;
    for (let begin = 0; begin < points.rows; begin += this.#blockRows) {
      const end = Math.min(begin + this.#blockRows, points.rows);
      const results = await this.#session.run({ x: points.block(begin, end), w }, ['sums', 'inertia']);
      inertia += Number(results['inertia']!.data[0]);
      let part = results['sums']!.data as ArrayLike<number>;
      // A row that is as near to one centre as to another was counted twice.
      if (countOf(part, columns) !== end - begin) part = this.#assignOneByOne(centers, begin, end);
      for (let at = 0; at < sums.length; at++) sums[at]! += part[at]!;
    }
    return { sums, inertia };
  }

  /** The centres of an assignment. Clusters without rows get the rows that are farthest from their centres, as in scikit-learn. */
  async centersOf({ sums }: Assignment, from: Float64Array): Promise<Float64Array> {
    const { width } = this.#points;
    const counts = Array.from({ length: from.length / width }, (_, k) => sums[k * (width + 1) + width]!);
    const moved = counts.includes(0) ? await this.#relocate(sums.slice(), from) : sums;
    return Float64Array.from(from, (_, at) => {
      const k = Math.floor(at / width);
      return moved[k * (width + 1) + (at % width)]! / moved[k * (width + 1) + width]!;
    });
  }

  release(): Promise<void> {
    return this.#session.release();
  }

  async #relocate(sums: Float64Array, centers: Float64Array): Promise<Float64Array> {
    const points = this.#points;
    const columns = points.width + 1;
    const distances = await this.#distances(centers);
    const farthest = Int32Array.from(distances.keys()).sort((a, b) => distances[b]! - distances[a]! || a - b);
    let next = 0;
    for (let k = 0; k < sums.length / columns; k++) {
      if (sums[k * columns + points.width] !== 0) continue;
      let row = farthest[next++]!;
      let old = points.nearest(row, centers).cluster;
      // The last row of a cluster stays where it is.
      while (sums[old * columns + points.width]! <= 1) {
        row = farthest[next++]!;
        old = points.nearest(row, centers).cluster;
      }
      for (let j = 0; j < columns; j++) {
        const value = points.values[row * columns + j]!;
        sums[old * columns + j]! -= value;
        sums[k * columns + j] = value;
      }
    }
    return sums;
  }

  /** Squared distances of all rows to their centres. */
  async #distances(centers: Float64Array): Promise<Float64Array> {
    const points = this.#points;
    const w = points.factors(centers);
    const distances = new Float64Array(points.rows);
    for (let begin = 0; begin < points.rows; begin += this.#blockRows) {
      const end = Math.min(begin + this.#blockRows, points.rows);
      const { lowest } = await this.#session.run({ x: points.block(begin, end), w }, ['lowest']);
      distances.set(lowest!.data as Float32Array, begin);
    }
    return distances.map((value, row) => value + points.squares[row]!);
  }

  #assignOneByOne(centers: Float64Array, begin: number, end: number): Float64Array {
    const columns = this.#points.width + 1;
    const sums = new Float64Array((centers.length / this.#points.width) * columns);
    for (let row = begin; row < end; row++) {
      const { cluster } = this.#points.nearest(row, centers);
      for (let j = 0; j < columns; j++) sums[cluster * columns + j]! += this.#points.values[row * columns + j]!;
    }
    return sums;
  }
}

function countOf(sums: ArrayLike<number>, columns: number): number {
  let count = 0;
  for (let at = columns - 1; at < sums.length; at += columns) count += sums[at]!;
  return count;
}

function assignmentModel(columns: number, clusters: number): Uint8Array {
  const g = new GraphBuilder('assign');
  const x = g.input('x', 'float32', ['batch', columns]);
  const w = g.input('w', 'float32', [clusters, columns]);
  // Clusters by rows: comparing along long lines is faster than along short ones.
  const distances = g.gemm(w, x, { transB: true });
  const lowest = g.reduceMin(distances, { axes: [0], keepdims: true });
  const isNearest = g.cast(g.equal(distances, lowest), 'float32');
  g.output(g.gemm(isNearest, x), 'sums');
  g.output(g.reduceSum(g.cast(lowest, 'float64')), 'inertia');
  g.output(lowest, 'lowest');
  return toModel(g);
}
