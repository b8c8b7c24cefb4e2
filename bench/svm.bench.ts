/**
 * Support vector classification against scikit-learn's SVC, kernel computation included:
 * `npx tsx bench/svm.bench.ts [--json] [--runs 7] [--threads 2]`. Both sides stop at tol 1e-3.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { svm } from '../shared/families/svm/index.ts';
import { createEngine } from '../shared/runtime/session.ts';
import { Random } from '../shared/tensor/random.ts';
import { tensor } from '../shared/tensor/tensor.ts';
import { digits } from '../test/fixtures/data-sets.ts';
import { race, show } from './sklearn-peer.ts';

interface Data {
  readonly x: Float64Array;
  readonly y: Int32Array;
  readonly width: number;
}

async function digitsData(): Promise<Data> {
  const { rows, columns } = await digits();
  const x = new Float64Array(rows * 64);
  columns.slice(0, 64).forEach(({ values }, j) => {
    for (let row = 0; row < rows; row++) x[row * 64 + j] = Number(values[row]);
  });
  return { x, y: Int32Array.from(columns[64]!.values as Float64Array), width: 64 };
}

/** Normal features, of which twelve decide, with a product that no plane can follow. */
function syntheticData(rows: number, width: number): Data {
  const x = Float64Array.from(Random.fromSeed(1).normal(rows * width));
  const y = Int32Array.from({ length: rows }, (_, row) => {
    const at = (j: number): number => x[row * width + j]!;
    const plane = Array.from({ length: 10 }, (__, j) => (j % 2 === 0 ? -at(j) : at(j))).reduce((a, b) => a + b, 0);
    return plane + 0.5 * at(10) * at(11) > 0 ? 1 : 0;
  });
  return { x, y, width };
}

const { values: options } = parseArgs({
  options: { json: { type: 'boolean' }, runs: { type: 'string' }, threads: { type: 'string' } },
});
const runs = Number(options.runs ?? 7);
const threads = Number(options.threads ?? 2);
const engine = createEngine({ threads });
const folder = mkdtempSync(join(tmpdir(), 'bench-svm-'));

async function fit({ x, y, width }: Data, given: Record<string, unknown>): Promise<void> {
  const labels = [...new Set(y)].sort((a, b) => a - b);
  const problem = {
    task: 'classification',
    params: svm.params.parse(given),
    seed: 0,
    train: { x: tensor('float64', [y.length, width], x), target: { kind: 'classes', labels, values: y } },
  } as const;
  const state = svm.start(problem);
  const progress = svm.fit(problem, state, engine);
  while ((await progress.next()).done !== true);
}

async function compare(name: string, data: Data, { C, gamma }: { C: number; gamma: number | 'scale' }): Promise<void> {
  const path = join(folder, `${name.replaceAll(/\W+/g, '-')}.bin`);
  writeFileSync(path, Buffer.concat([Buffer.from(data.x.buffer), Buffer.from(Float64Array.from(data.y).buffer)]));
  const rows = data.y.length;
  const peer = `
from sklearn.svm import SVC
data = np.fromfile(${JSON.stringify(path)})
X, y = data[:${data.x.length}].reshape(${rows}, -1), data[${data.x.length}:]
def fit():
    model = SVC(C=${C}, gamma=${JSON.stringify(gamma)}).fit(X, y)
    return {"support": len(model.support_)}
`;
  show(await race({ case: name, threads, runs, peer, ours: () => fit(data, { C, gamma }) }), options.json === true);
}

try {
  await compare('svc digits 1797 x 64, 10 classes', await digitsData(), { C: 1, gamma: 0.001 });
  const synthetic = syntheticData(5000, 50);
  for (const C of [1, 10]) await compare(`svc rbf 5000 x 50, C ${C}`, synthetic, { C, gamma: 'scale' });
} finally {
  rmSync(folder, { recursive: true });
}
