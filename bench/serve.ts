/**
 * What a prediction costs: `npm run bench:serve -- [--json] [--runs 1000] [--only warm|cold]`. A line a model and batch: the bare run of its
 * graph, the function's handler in this process, the whole way through the local cloud, and a Python service of the same kind of model,
 * 250 requests of each in turns, so that a busy machine hurts them alike. Then a line for a cold start.
 */
import { parseArgs } from 'node:util';
import type { Session } from '../shared/onnx/engine.ts';
import { feedsOf } from '../shared/runtime/instances.ts';
import { loadPredictor } from '../shared/runtime/predictor.ts';
import type { Predictor } from '../shared/runtime/predictor.ts';
import { exportModel, runSegment } from '../shared/runtime/trainer.ts';
import { CASES, instancesOf } from './serve/cases.ts';
import type { ServeCase } from './serve/cases.ts';
import { measureCold } from './serve/cold.ts';
import { importBundled } from './serve/bundle.ts';
import type * as gateway from './serve/gateway.ts';
import type { Serving } from './serve/gateway.ts';
import { startHarness } from './serve/harness.ts';
import type { Harness } from './serve/harness.ts';
import { startPeer } from './serve/peer.ts';
import { startLocalStores } from './serve/stores.ts';
import { median, quantile, rounded } from './serve/statistics.ts';

const { values: options } = parseArgs({
  options: { json: { type: 'boolean' }, runs: { type: 'string' }, only: { type: 'string' } },
});
/** A multiple of a block's. */
const RUNS = Number(options.runs ?? 1000);
/** Until V8 has compiled what is run. */
const WARM_UP = 1_000;
/** Short enough that a busy moment hurts all sides, and long enough that each is served from the processor's caches. */
const BLOCK = 250;
const BATCHES = [1, 32];

/** What is timed of ours is what would be deployed. */
const { createSession, startServing } = await importBundled<typeof gateway>(
  new URL('serve/gateway.ts', import.meta.url),
);

interface Model extends ServeCase {
  readonly onnx: Uint8Array;
  readonly predictor: Predictor;
  readonly session: Session;
}

async function load(entry: ServeCase): Promise<Model> {
  const { family, target, params } = entry;
  const train = entry.table();
  const spec = { task: 'classification', family, target, params, validation: { fraction: 0 } } as const;
  const { checkpoint } = await runSegment({ spec, train, threads: 1, shouldStop: () => false });
  const { onnx } = await exportModel({ spec, train, checkpoint, threads: 1 });
  const session = await createSession(onnx, { threads: 1 });
  return { ...entry, onnx, session, predictor: await loadPredictor(onnx, { threads: 1 }) };
}

/** One side of a race: what is timed, and what its process has used of the processor. */
interface Side {
  readonly run: () => Promise<unknown>;
  /** What goes on behind an answer: counted as processor time, not as time to the answer. */
  readonly afterwards?: () => Promise<unknown>;
  readonly cpuMs?: () => number | undefined;
}

interface Timed {
  readonly ms: readonly number[];
  readonly cpuMs: number | undefined;
}

/** Runs all sides in turns. */
async function inTurns<Name extends string>(
  sides: Readonly<Partial<Record<Name, Side>>>,
): Promise<Partial<Record<Name, Timed>>> {
  const all = Object.entries<Side>(sides as Record<string, Side>).map(([name, side]) => ({
    name,
    side,
    ms: [] as number[],
    cpu: [] as number[],
  }));
  for (let run = -WARM_UP; run < RUNS; run += BLOCK) {
    for (const one of all) {
      const cpuBefore = one.side.cpuMs?.();
      for (let request = 0; request < BLOCK; request++) {
        const startedMs = performance.now();
        await one.side.run();
        if (run >= 0) one.ms.push(performance.now() - startedMs);
        await one.side.afterwards?.();
      }
      const cpuAfter = one.side.cpuMs?.();
      if (run >= 0 && cpuBefore !== undefined && cpuAfter !== undefined) one.cpu.push((cpuAfter - cpuBefore) / BLOCK);
    }
  }
  const timed = all.map(({ name, ms, cpu }): [string, Timed] => [
    name,
    { ms, cpuMs: cpu.length === 0 ? undefined : median(cpu) },
  ]);
  return Object.fromEntries(timed) as Partial<Record<Name, Timed>>;
}

async function measureWarm(model: Model, batch: number, { harness, serving }: { harness: Harness; serving: Serving }) {
  const instances = instancesOf(model.table(), model.target, batch);
  const body = JSON.stringify({ instances });
  const feeds = feedsOf(model.predictor.schema.features, instances);
  const fetches = Object.values(model.predictor.schema.outputs);
  const target = harness.target(model.name);
  const peer = await startPeer(model.peer);
  let quiet = 0;
  const timed = await inTurns({
    session: { run: () => model.session.run(feeds, fetches) },
    handler: {
      async run() {
        const before = serving.networkCalls();
        await serving.predict(body);
        if (serving.networkCalls() === before) quiet += 1;
      },
      afterwards: () => serving.afterwards(),
      cpuMs: ownCpuMs,
    },
    ...(typeof peer === 'string' ? {} : { peer: { run: () => peer.predict(body), cpuMs: () => peer.cpuMs() } }),
  });
  const { session, handler, peer: python } = timed as Record<'session' | 'handler', Timed> & { peer?: Timed };
  // By itself: the others would wait for it most of the time.
  const { cloud } = (await inTurns({
    cloud: { run: () => target.post(body), cpuMs: () => harness.cpuMs() },
  })) as Record<'cloud', Timed>;
  target.close();
  if (typeof peer !== 'string') peer.stop();
  return {
    section: 'warm' as const,
    case: model.name,
    batch,
    session_ms: rounded(median(session.ms)),
    handler_ms: rounded(median(handler.ms)),
    handler_p99_ms: rounded(quantile(handler.ms, 0.99)),
    overhead_ms: rounded(median(handler.ms) - median(session.ms)),
    without_network: rounded(quiet / (RUNS + WARM_UP)),
    cloud_ms: rounded(median(cloud.ms)),
    cloud_p99_ms: rounded(quantile(cloud.ms, 0.99)),
    handler_requests_per_core_second: perSecond(handler),
    cloud_requests_per_core_second: perSecond(cloud),
    peer: typeof peer === 'string' ? null : peer.server,
    peer_ms: python ? rounded(median(python.ms)) : null,
    peer_p99_ms: python ? rounded(quantile(python.ms, 0.99)) : null,
    peer_requests_per_core_second: python ? perSecond(python) : null,
    runs: RUNS,
    ...(typeof peer === 'string' ? { reason: peer } : {}),
  };
}

/** Of all threads of this process. */
function ownCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Requests that the process serves in a second of processor time; null where the system does not tell. */
function perSecond({ cpuMs }: Timed): number | null {
  return cpuMs === undefined || cpuMs === 0 ? null : Math.round(1000 / cpuMs);
}

function print(line: { section: string; case: string }): void {
  const { section, case: name, ...figures } = line;
  const text = Object.entries(figures).map(([figure, value]) => `${figure} ${String(value)}`);
  console.log(options.json === true ? JSON.stringify(line) : `${section}, ${name}: ${text.join(', ')}`);
}

const models: Model[] = [];
for (const entry of CASES) models.push(await load(entry));
if (options.only !== 'cold') {
  const harness = await startHarness();
  try {
    for (const model of models) {
      await harness.train(model);
      const stores = await startLocalStores();
      const serving = await startServing(model, stores);
      for (const batch of BATCHES) print(await measureWarm(model, batch, { harness, serving }));
      await serving.stop();
      await stores.stop();
    }
  } finally {
    await harness.stop();
  }
}
if (options.only !== 'warm') {
  const { name, onnx, predictor, table, target } = models.at(-1)!;
  const feeds = feedsOf(predictor.schema.features, instancesOf(table(), target, 1));
  print(await measureCold(name, { onnx, feeds, runs: 15 }));
}
process.exit(0);
