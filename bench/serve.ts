/**
 * What a warm prediction costs beside the bare run of its graph: `npm run bench:serve -- [--json] [--runs 2000]`. A line a model; both
 * are timed in turns in one process, so that a busy machine hurts them alike.
 */
import { parseArgs } from 'node:util';
import { cellValue } from '../shared/data/columns.ts';
import type { Table } from '../shared/data/table.ts';
import { feedsOf } from '../shared/runtime/instances.ts';
import { loadPredictor } from '../shared/runtime/predictor.ts';
import { createSession } from '../shared/runtime/session.ts';
import { exportModel, runSegment } from '../shared/runtime/trainer.ts';
import { Random } from '../shared/tensor/random.ts';
import { mnist, takeRows } from '../test/fixtures/data-sets.ts';
import { startServing } from './serving.ts';

const { values: options } = parseArgs({ options: { json: { type: 'boolean' }, runs: { type: 'string' } } });
const RUNS = Number(options.runs ?? 2000);
const WARM_UP = 200;
const conv = (filters: number) => ({ conv2d: { filters, kernel_size: [3, 3], activation: 'relu' } });
const pool = { max_pooling2d: { pool_size: [2, 2] } };
const dense = (units: number, activation: string) => ({ dense: { units, activation } });
const layers = [conv(32), pool, conv(64), pool, 'flatten', dense(64, 'relu'), dense(10, 'softmax')];

const CASES = [
  { name: 'logistic', family: 'logistic_regression', target: 'y', params: {}, table: tenFeatures },
  { name: 'cnn', family: 'cnn', target: 'label', params: { layers, epochs: 1 }, table: images },
] as const;

function tenFeatures(): Table {
  const random = Random.fromSeed(1);
  const features = Array.from({ length: 10 }, (_, i) => ({
    name: `x${i}`,
    type: 'number' as const,
    values: Float64Array.from(random.uniform(400)),
  }));
  const y = Float64Array.from(features[0]!.values, (value, row) => Number(value + features[1]!.values[row]! > 1));
  return { rows: 400, columns: [...features, { name: 'y', type: 'integer', values: y }] };
}

function images(): Table {
  return takeRows(
    mnist().train,
    Array.from({ length: 320 }, (_, i) => i * 25),
  );
}

async function measure({ name, family, target, params, table }: (typeof CASES)[number]) {
  const train = table();
  const spec = { task: 'classification', family, target, params, validation: { fraction: 0 } } as const;
  const { checkpoint } = await runSegment({ spec, train, threads: 1, shouldStop: () => false });
  const { onnx } = await exportModel({ spec, train, checkpoint, threads: 1 });
  const features = train.columns.filter((column) => column.name !== target);
  const instances = [Object.fromEntries(features.map((column) => [column.name, cellValue(column, 0)]))];
  const body = JSON.stringify({ instances });
  const predictor = await loadPredictor(onnx, { threads: 1 });
  const feeds = feedsOf(predictor.schema.features, instances);
  const session = await createSession(onnx, { threads: 1 });
  const serving = await startServing(name, onnx);
  const [bare, handler]: [number[], number[]] = [[], []];
  let quiet = 0;
  for (let run = 0; run < WARM_UP + RUNS; run++) {
    let startedMs = performance.now();
    await session.run(feeds, Object.values(predictor.schema.outputs));
    const bareMs = performance.now() - startedMs;
    const callsBefore = serving.networkCalls();
    startedMs = performance.now();
    await serving.predict(body);
    const handlerMs = performance.now() - startedMs;
    if (run < WARM_UP) continue;
    bare.push(bareMs);
    handler.push(handlerMs);
    if (serving.networkCalls() === callsBefore) quiet += 1;
  }
  await serving.stop();
  await Promise.all([session.release(), predictor.release()]);
  return {
    case: `${name}, one instance`,
    bare_ms: quantile(bare, 0.5),
    handler_ms: quantile(handler, 0.5),
    overhead_ms: rounded(quantile(handler, 0.5) - quantile(bare, 0.5)),
    handler_p99_ms: quantile(handler, 0.99),
    without_network: rounded(quiet / RUNS),
    runs: RUNS,
  };
}

function quantile(values: readonly number[], q: number): number {
  return rounded(values.toSorted((a, b) => a - b)[Math.floor(values.length * q)]!);
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

for (const entry of CASES) {
  const line = await measure(entry);
  const { case: name, bare_ms: bareMs, handler_ms: handlerMs, overhead_ms: overheadMs, without_network: part } = line;
  const text = `${name}: session ${bareMs} ms, handler ${handlerMs} ms, overhead ${overheadMs} ms; ${part * 100} % without the network`;
  console.log(options.json === true ? JSON.stringify(line) : text);
}
process.exit(0);
