/** Lloyd's iterations from first centres that are given to both sides. */
import { Lloyd } from '../../shared/families/kmeans/lloyd.ts';
import { Points } from '../../shared/families/kmeans/points.ts';
import type { Features } from '../../shared/data/feature-matrix.ts';
import { Random } from '../../shared/tensor/random.ts';
import { tensor } from '../../shared/tensor/tensor.ts';
import type { BenchCase } from '../contract.ts';

const [ROWS, WIDTH, CLUSTERS, ITERATIONS] = [100_000, 32, 16, 20];

/** Blobs that overlap, so that centres keep moving. */
function blobs(): ReturnType<BenchCase['data']> {
  const random = Random.fromSeed(1);
  const centers = random.normal(CLUSTERS * WIDTH);
  const x = random.normal(ROWS * WIDTH);
  for (let at = 0; at < x.length; at++)
    x[at]! += 0.5 * centers[(Math.floor(at / WIDTH) % CLUSTERS) * WIDTH + (at % WIDTH)]!;
  return { x: tensor('float32', [ROWS, WIDTH], x) };
}

export const cases: readonly BenchCase[] = [
  {
    name: `k-means 100k x ${WIDTH}, k ${CLUSTERS}, ${ITERATIONS} iterations`,
    peer: 'scikit-learn',
    data: blobs,
    async open({ x }, engine) {
      const train = async (): Promise<number[]> => {
        const points = new Points(x as Features);
        const lloyd = await Lloyd.open(engine, CLUSTERS, points);
        const first = Array.from({ length: CLUSTERS }, (_, k) => [...points.center(k)]).flat();
        let centers: Float64Array = Float64Array.from(first);
        for (let i = 0; i < ITERATIONS; i++) centers = await lloyd.centersOf(await lloyd.assign(centers), centers);
        await lloyd.assign(centers);
        await lloyd.release();
        return Array.from(centers, (value, at) => value + points.mean[at % WIDTH]!);
      };
      return { run: train, solution: train };
    },
    python: `
from sklearn.cluster import KMeans
def run():
    x = data["x"]
    return KMeans(${CLUSTERS}, init=x[:${CLUSTERS}], n_init=1, max_iter=${ITERATIONS}, tol=0).fit(x)
def solution():
    return run().cluster_centers_
`,
  },
];
