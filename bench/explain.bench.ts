/**
 * What an explanation of the reference CNN costs: rows that pass through the network, and the time, gradients included, beside that of predictions one by one and
 * of 64 together.
 * npx tsx bench/explain.bench.ts [--threads 1]
 */
import { Explainer } from '../shared/explain/explainer.ts';
import { exportModel, runSegment } from '../shared/runtime/trainer.ts';
import { cellValue } from '../shared/data/columns.ts';
import { mnist, takeRows } from '../test/fixtures/data-sets.ts';

const given = process.argv.indexOf('--threads');
const threads = given < 0 ? 1 : Number(process.argv[given + 1]);
const conv = (filters: number) => ({ conv2d: { filters, kernel_size: [3, 3], activation: 'relu' } });
const pool = { max_pooling2d: { pool_size: [2, 2] } };
const layers = [
  conv(32),
  pool,
  conv(64),
  pool,
  'flatten',
  { dense: { units: 64, activation: 'relu' } },
  { dense: { units: 10, activation: 'softmax' } },
];
const spec = {
  task: 'classification',
  family: 'cnn',
  target: 'label',
  params: { layers, epochs: 2, batch_size: 32 },
  validation: { fraction: 0 },
} as const;
const STEPS = 64;
const IMAGES = 20;

const { train: all } = mnist();
const train = takeRows(
  all,
  Array.from({ length: 2_000 }, (_, i) => i * 4),
);
const { checkpoint } = await runSegment({ spec, train, threads, shouldStop: () => false });
const { onnx } = await exportModel({ spec, train, checkpoint, threads });
const explainer = new Explainer(onnx, { threads });
const image = train.columns.find(({ name }) => name === 'image')!;
const instances = Array.from({ length: IMAGES }, (_, i) => cellValue(image, i * 97));
await explainer.explain({ instances: instances.slice(0, 1), steps: STEPS, method: 'integrated_gradients' });

/** Processor milliseconds of this process, the least of several tries: other work on the machine counts for little. */
async function cpuMs(run: () => Promise<unknown>): Promise<number> {
  let least = Infinity;
  for (let attempt = 0; attempt < 5; attempt++) {
    const before = process.cpuUsage();
    await run();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}

const pixels = (rows: number) =>
  ({
    image: { dtype: 'float32', shape: [rows, 28, 28], data: Float32Array.from({ length: rows * 784 }, Math.random) },
  }) as const;
const [one, many] = [pixels(1), pixels(64)];
const question = { instances, steps: STEPS, method: 'integrated_gradients', maxSeconds: 60 } as const;

const before = explainer.subject.passes;
const rows = await explainer.explain(question);
const passes = (explainer.subject.passes - before) / IMAGES;
const explainMs = (await cpuMs(() => explainer.explain(question))) / IMAGES;
const singleMs =
  (await cpuMs(async () => {
    for (let i = 0; i < 100; i++) await explainer.subject.run(one);
  })) / 100;
const batchedMs = (await cpuMs(() => explainer.subject.run(many))) / 64;
const residuals = rows.map(({ completeness }) => completeness!.residual / (completeness!.tolerance / 0.01));
console.log(
  JSON.stringify({
    threads,
    steps: rows[0]!.steps,
    passes_per_image: passes,
    cpu_ms_per_image: Number(explainMs.toFixed(1)),
    cpu_ms_per_single_pass: Number(singleMs.toFixed(3)),
    cpu_ms_per_pass_of_64: Number(batchedMs.toFixed(3)),
    in_single_passes: Number((explainMs / singleMs).toFixed(0)),
    in_passes_of_64: Number((explainMs / batchedMs).toFixed(0)),
    all_passed: rows.every(({ completeness }) => completeness!.passed),
    largest_residual_of_range: Number(Math.max(...residuals).toFixed(5)),
  }),
);
await explainer.release();
