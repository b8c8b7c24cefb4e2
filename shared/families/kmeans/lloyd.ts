/**
 * Lloyd's iteration: every row to its nearest centre, every centre to the mean of its rows. Distances, assignment and sums are one graph
 * of ONNX Runtime over runs of rows that stay in a core's cache; they are summed in float64.
 */
import type { Engine, Session } from '../../onnx/engine.ts';
import { GraphBuilder, toModel } from '../../onnx/graph-builder.ts';
import type { HostTensor } from '../../tensor/tensor.ts';
import { factorsOf, nearestTo } from './points.ts';
import type { PointSet, Points } from './points.ts';

/** Values of a run: its rows, distances and assignment. */
const RUN_VALUES = 1 << 18;
/** Multiplications to find rows for empty clusters, about a second: of more rows than that allows, some runs are looked at. */
const RELOCATION_WORK = 1e10;

/** What a pass over the rows has found, up to a row. */
export interface Assignment {
  row: number;
  /** [clusters, width + 1]: sums of the rows of each cluster, and how many there are. */
  readonly sums: Float64Array;
  /** Sum of squared distances to the centres that the rows were assigned by; of the rows still to come, to the mean. */
  inertia: number;
}

export class Lloyd {
  readonly points: PointSet;
  readonly clusters: number;
  readonly #held: Points;
  readonly #session: Session;
  readonly #runRows: number;

  private constructor(points: PointSet, held: Points, { session, clusters }: { session: Session; clusters: number }) {
    this.points = points;
    this.clusters = clusters;
    this.#held = held;
    this.#session = session;
    this.#runRows = Math.max(64, Math.floor(RUN_VALUES / (points.width + 1 + 3 * clusters)));
  }

  /** @param held those of the points that an empty cluster may get */
  static async open(engine: Engine, clusters: number, held: Points, points: PointSet = held): Promise<Lloyd> {
    const session = await engine.createSession(assignmentModel(points.width + 1, clusters));
    return new Lloyd(points, held, { session, clusters });
  }

  /** A pass that has seen no row. */
  begin(): Assignment {
    const { total, width } = this.points;
    return { row: 0, sums: new Float64Array(this.clusters * (width + 1)), inertia: total };
  }

  /** Adds the next run of rows. @returns multiplications */
  async add(pass: Assignment, centers: Float64Array): Promise<number> {
    const { width } = this.points;
    const x = await this.points.read(pass.row, this.#runRows);
    const rows = x.shape[0]!;
    const results = await this.#session.run({ x, w: factorsOf(centers, width) }, ['sums', 'inertia']);
    let part = results['sums']!.data as ArrayLike<number>;
    // A row that is as near to one centre as to another was counted twice.
    if (countOf(part, width + 1) !== rows) part = assignOneByOne(x, centers);
    for (let at = 0; at < pass.sums.length; at++) pass.sums[at]! += part[at]!;
    pass.inertia += Number(results['inertia']!.data[0]);
    pass.row += rows;
    return rows * (width + 1) * this.clusters;
  }

  async assign(centers: Float64Array): Promise<Assignment> {
    const pass = this.begin();
    while (pass.row < this.points.rows) await this.add(pass, centers);
    return pass;
  }

  /** The centres of an assignment. Clusters without rows get the rows that are farthest from their centres, as in scikit-learn. */
  async centersOf({ sums }: Assignment, from: Float64Array): Promise<Float64Array> {
    const { width } = this.points;
    const countIn = (of: Float64Array, k: number): number => of[k * (width + 1) + width]!;
    const isAnyEmpty = Array.from({ length: this.clusters }, (_, k) => countIn(sums, k)).includes(0);
    const moved = isAnyEmpty ? await this.#relocate(sums.slice(), from) : sums;
    return Float64Array.from(from, (old, at) => {
      const k = Math.floor(at / width);
      const count = countIn(moved, k);
      return count === 0 ? old : moved[k * (width + 1) + (at % width)]! / count;
    });
  }

  release(): Promise<void> {
    return this.#session.release();
  }

  async #relocate(sums: Float64Array, centers: Float64Array): Promise<Float64Array> {
    const { width, values, rows } = this.#held;
    const columns = width + 1;
    const pointOf = (row: number): Float32Array => values.subarray(row * columns, (row + 1) * columns);
    const countIn = (k: number): number => sums[k * columns + width]!;
    const distances = await this.#distances(centers);
    const farthest = Int32Array.from(distances.keys()).sort((a, b) => distances[b]! - distances[a]! || a - b);
    let next = 0;
    for (let k = 0; k < this.clusters; k++) {
      if (countIn(k) !== 0) continue;
      // The last row of a cluster stays where it is.
      while (next < rows && countIn(nearestTo(pointOf(farthest[next]!), centers)) <= 1) next++;
      if (next === rows) break;
      const point = pointOf(farthest[next++]!);
      const old = nearestTo(point, centers);
      for (let j = 0; j < columns; j++) {
        sums[old * columns + j]! -= point[j]!;
        sums[k * columns + j] = point[j]!;
      }
    }
    return sums;
  }

  /** Squared distances of the held rows to their centres; -1 of those not looked at. */
  async #distances(centers: Float64Array): Promise<Float64Array> {
    const { rows, width, squares } = this.#held;
    const w = factorsOf(centers, width);
    const distances = new Float64Array(rows).fill(-1);
    const stride = Math.ceil((rows * (width + 1) * this.clusters) / RELOCATION_WORK);
    for (let begin = 0; begin < rows; begin += stride * this.#runRows) {
      const end = Math.min(begin + this.#runRows, rows);
      const { lowest } = await this.#session.run({ x: this.#held.block(begin, end), w }, ['lowest']);
      (lowest!.data as Float32Array).forEach((value, k) => (distances[begin + k] = value + squares[begin + k]!));
    }
    return distances;
  }
}

function assignOneByOne(
  { data, shape: [rows = 0, columns = 0] }: HostTensor<'float32'>,
  centers: Float64Array,
): Float64Array {
  const sums = new Float64Array((centers.length / (columns - 1)) * columns);
  for (let row = 0; row < rows; row++) {
    const point = data.subarray(row * columns, (row + 1) * columns);
    const cluster = nearestTo(point, centers);
    for (let j = 0; j < columns; j++) sums[cluster * columns + j]! += point[j]!;
  }
  return sums;
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
