/**
 * What an explanation of the reference CNN costs: rows that pass through the network, and the processor time, gradients included, beside that of bare forward passes
 * one by one and of 64 together, and of served predictions one by one (instance in, probabilities out, as an explanation is). All take turns, and the least counts.
 * npx tsx bench/explain.bench.ts [--threads 1]
 */
import { Explainer } from '../shared/explain/explainer.ts';
import { loadPredictor } from '../shared/runtime/predictor.ts';
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

/** Processor milliseconds of this process. */
async function cpuMs(run: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
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
const predictor = await loadPredictor(onnx, { threads });
const repeated = async (run: () => Promise<unknown>): Promise<void> => {
  for (let i = 0; i < 100; i++) await run();
};
const timed: Readonly<Record<'explain' | 'single' | 'batched' | 'served', () => Promise<number>>> = {
  explain: async () => (await cpuMs(() => explainer.explain(question))) / IMAGES,
  single: async () => (await cpuMs(() => repeated(() => explainer.subject.run(one)))) / 100,
  batched: async () => (await cpuMs(() => explainer.subject.run(many))) / 64,
  served: async () => (await cpuMs(() => repeated(() => predictor.predict(instances.slice(0, 1))))) / 100,
};
const least = { explain: Infinity, single: Infinity, batched: Infinity, served: Infinity };
for (let attempt = 0; attempt < 12; attempt++)
  for (const [name, time] of Object.entries(timed) as [keyof typeof least, () => Promise<number>][])
    least[name] = Math.min(least[name], await time());
const residuals = rows.map(({ completeness }) => completeness!.residual / (completeness!.tolerance / 0.01));
console.log(
  JSON.stringify({
    threads,
    steps: rows[0]!.steps,
    passes_per_image: passes,
    cpu_ms_per_image: Number(least.explain.toFixed(1)),
    cpu_ms_per_single_pass: Number(least.single.toFixed(3)),
    cpu_ms_per_pass_of_64: Number(least.batched.toFixed(3)),
    cpu_ms_per_served_prediction: Number(least.served.toFixed(3)),
    in_single_passes: Math.round(least.explain / least.single),
    in_passes_of_64: Math.round(least.explain / least.batched),
    in_served_predictions: Math.round(least.explain / least.served),
    all_passed: rows.every(({ completeness }) => completeness!.passed),
    largest_residual_of_range: Number(Math.max(...residuals).toFixed(5)),
  }),
);
await explainer.release();
