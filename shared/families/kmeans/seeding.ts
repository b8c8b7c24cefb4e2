/**
 * First centres: rows drawn at random, or k-means++ as scikit-learn does it: each next centre is drawn in proportion to the squared
 * distance to the centres so far, several times, and the draw that lowers the sum of these distances most is taken.
 * Source: D. Arthur, S. Vassilvitskii, "k-means++: the advantages of careful seeding" (2007), section 2 and its remark on greedy choice.
 */
import type { Engine, Session } from '../../onnx/engine.ts';
import { GraphBuilder, toModel } from '../../onnx/graph-builder.ts';
import { tensor } from '../../tensor/tensor.ts';
import type { Random } from '../../tensor/random.ts';
import { factorsOf } from './points.ts';
import type { Points } from './points.ts';

/** Values of a block of distances. */
const BLOCK_VALUES = 1 << 18;

/** Centres so far, and each row's squared distance to the nearest of them. */
export interface Seeds {
  readonly centers: Float64Array;
  readonly closest: Float32Array;
}

/** `k` different rows. */
export function randomCenters(points: Points, k: number, random: Random): Float64Array {
  const rows = random.permutation(points.rows).subarray(0, k);
  return Float64Array.from(Array.from(rows, (row) => [...points.center(row)]).flat());
}

export class Seeder {
  readonly #points: Points;
  readonly #session: Session;
  readonly #trials: number;

  private constructor(points: Points, session: Session, trials: number) {
    this.#points = points;
    this.#session = session;
    this.#trials = trials;
  }

  static async open(engine: Engine, points: Points, clusters: number): Promise<Seeder> {
    const session = await engine.createSession(distanceModel(points.width + 1));
    return new Seeder(points, session, 2 + Math.floor(Math.log(clusters)));
  }

  /** One centre more. */
  async next(seeds: Seeds | undefined, random: Random): Promise<Seeds> {
    const { rows, width } = this.#points;
    if (seeds === undefined) {
      const first = { centers: new Float64Array(0), closest: new Float32Array(rows).fill(Infinity) };
      return this.#add(first, [random.nextBelow(rows)]);
    }
    const draws = Array.from({ length: this.#trials }, () => random.nextDouble());
    const chosen = await this.#add(seeds, drawRows(seeds.closest, draws));
    return { ...chosen, centers: chosen.centers.subarray(0, seeds.centers.length + width) };
  }

  release(): Promise<void> {
    return this.#session.release();
  }

  /** Adds the candidate after which the distances sum to the least. */
  async #add({ centers, closest }: Seeds, candidates: readonly number[]): Promise<Seeds> {
    const points = this.#points;
    const w = factorsOf(Float64Array.from(candidates.flatMap((row) => [...points.center(row)])), points.width);
    const height = Math.max(1, Math.floor(BLOCK_VALUES / candidates.length));
    const sums = new Float64Array(candidates.length);
    const blocks: Float32Array[] = [];
    for (let begin = 0; begin < points.rows; begin += height) {
      const end = Math.min(begin + height, points.rows);
      const results = await this.#session.run({
        x: points.block(begin, end),
        w,
        squares: tensor('float32', [1, end - begin], points.squares.subarray(begin, end)),
        closest: tensor('float32', [1, end - begin], closest.subarray(begin, end)),
      });
      blocks.push(results['next']!.data as Float32Array);
      (results['sums']!.data as Float64Array).forEach((sum, k) => (sums[k]! += sum));
    }
    const best = sums.indexOf(Math.min(...sums));
    const next = new Float32Array(points.rows);
    blocks.forEach((block, b) => {
      const size = block.length / candidates.length;
      next.set(block.subarray(best * size, (best + 1) * size), b * height);
    });
    next[candidates[best]!] = 0;
    return { centers: Float64Array.of(...centers, ...points.center(candidates[best]!)), closest: next };
  }
}

/** Rows drawn in proportion to their weight; uniformly where all weights are zero. */
function drawRows(weights: Float32Array, draws: readonly number[]): number[] {
  let total = 0;
  for (const weight of weights) total += weight;
  if (!(total > 0)) return draws.map((draw) => Math.floor(draw * weights.length));
  const rows = new Array<number>(draws.length).fill(weights.length - 1);
  const order = draws.map((_, k) => k).sort((a, b) => draws[a]! - draws[b]!);
  let sum = 0;
  let next = 0;
  for (let row = 0; row < weights.length && next < order.length; row++) {
    sum += weights[row]!;
    while (next < order.length && draws[order[next]!]! * total < sum) rows[order[next++]!] = row;
  }
  return rows;
}

/** Per candidate (rows of w) each row's squared distance to it or to the centres so far, whichever is less, and their sum. */
function distanceModel(columns: number): Uint8Array {
  const g = new GraphBuilder('seed_distances');
  const x = g.input('x', 'float32', ['batch', columns]);
  const w = g.input('w', 'float32', ['candidates', columns]);
  const squares = g.input('squares', 'float32', [1, 'batch']);
  const closest = g.input('closest', 'float32', [1, 'batch']);
  const distances = g.max(g.add(g.gemm(w, x, { transB: true }), squares), 0);
  const next = g.min(distances, closest);
  g.output(next, 'next');
  g.output(g.reduceSum(g.cast(next, 'float64'), { axes: [1] }), 'sums');
  return toModel(g);
}
