/**
 * k-means against scikit-learn's KMeans: `npx tsx bench/kmeans.bench.ts [--json] [--runs 7] [--threads 2]`. One case times iterations from
 * first centres that are given to both, the other a whole training with k-means++.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { kmeans } from '../shared/families/kmeans/index.ts';
import { Lloyd } from '../shared/families/kmeans/lloyd.ts';
import { Points } from '../shared/families/kmeans/points.ts';
import { createEngine } from '../shared/runtime/session.ts';
import { Random } from '../shared/tensor/random.ts';
import { tensor } from '../shared/tensor/tensor.ts';
import { race, show } from './sklearn-peer.ts';

const ROWS = 100_000;
const WIDTH = 32;
const CLUSTERS = 16;
const ITERATIONS = 20;

const { values: options } = parseArgs({
  options: { json: { type: 'boolean' }, runs: { type: 'string' }, threads: { type: 'string' } },
});
const runs = Number(options.runs ?? 7);
const threads = Number(options.threads ?? 2);
const engine = createEngine({ threads });
const isJson = options.json === true;
const folder = mkdtempSync(join(tmpdir(), 'bench-kmeans-'));
const path = join(folder, 'rows.bin');

// Blobs that overlap, so that centres keep moving.
const random = Random.fromSeed(1);
const blobs = random.normal(CLUSTERS * WIDTH);
const data = Float64Array.from(random.normal(ROWS * WIDTH));
for (let at = 0; at < data.length; at++)
  data[at]! += 0.5 * blobs[(Math.floor(at / WIDTH) % CLUSTERS) * WIDTH + (at % WIDTH)]!;
const x = tensor('float64', [ROWS, WIDTH], data);
const points = new Points(x);

const read = `
from sklearn.cluster import KMeans
X = np.fromfile(${JSON.stringify(path)}).astype(np.float32).reshape(${ROWS}, ${WIDTH})
`;

async function iterations(): Promise<void> {
  const lloyd = await Lloyd.open(engine, points, CLUSTERS);
  await race({
    case: `k-means ${ROWS} x ${WIDTH}, ${CLUSTERS} clusters, ${ITERATIONS} iterations`,
    threads,
    runs,
    peer: `${read}
def fit():
    model = KMeans(${CLUSTERS}, init=X[:${CLUSTERS}], n_init=1, max_iter=${ITERATIONS}, tol=0, copy_x=False).fit(X)
    return {"inertia": model.inertia_}
`,
    async ours() {
      let centers: Float64Array = Float64Array.from(
        Array.from({ length: CLUSTERS }, (_, k) => [...points.center(k)]).flat(),
      );
      for (let i = 0; i < ITERATIONS; i++) centers = await lloyd.centersOf(await lloyd.assign(centers), centers);
      await lloyd.assign(centers);
    },
  }).then((line) => show(line, isJson));
  await lloyd.release();
}

async function training(): Promise<void> {
  const problem = {
    task: 'clustering',
    params: kmeans.params.parse({ n_clusters: CLUSTERS, n_init: 1, max_iter: 50 }),
    seed: 0,
    train: { x, target: { kind: 'none', values: new Float64Array(0) } },
  } as const;
  const line = await race({
    case: `k-means ${ROWS} x ${WIDTH}, ${CLUSTERS} clusters, k-means++, one start, at most 50 iterations`,
    threads,
    runs,
    peer: `${read}
def fit():
    model = KMeans(${CLUSTERS}, n_init=1, max_iter=50, random_state=0).fit(X)
    return {"inertia": model.inertia_, "iterations": model.n_iter_}
`,
    async ours() {
      const progress = kmeans.fit(problem, kmeans.start(problem), engine);
      while ((await progress.next()).done !== true);
    },
  });
  show(line, isJson);
}

try {
  writeFileSync(path, data);
  await iterations();
  await training();
} finally {
  rmSync(folder, { recursive: true });
}
