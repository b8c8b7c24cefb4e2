/**
 * A million rows through a logistic model in the local cloud: within a function's memory and time and an execution's operations. Again with
 * functions and the cloud killed meanwhile: the same bytes, and every row counted once.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildIfStale } from '../../scripts/local.ts';
import { KillableCloud } from '../e2e/killable-cloud.ts';
import { rowsAs } from './csv-rows.ts';

const SLOW_MS = 1_800_000;
const ROWS = 1_000_000;
const TRAINED_ROWS = 2_000;
const LAMBDA_MB = 3538;
const LAMBDA_S = 900;
const MAX_OPERATIONS = 3_000;

interface Batch {
  readonly id: string;
  readonly status: string;
  readonly progress: {
    readonly rows: number;
    readonly predicted: number;
    readonly failed: number;
    readonly fraction: number;
  };
  readonly output?: { readonly bytes: number; readonly sha256: string };
  readonly usage: { readonly seconds: number; readonly gb_seconds: number; readonly usd: number };
  readonly error?: object;
}

/** Stretches of some seconds, so that each lane is several invocations. */
const cloud = new KillableCloud({ environment: { SEGMENT_SECONDS: '8' } });
let dataset = '';

/** Asks until the cloud, which may be dead at the moment, answers. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      if (tries === 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

async function makeDataset(name: string, file: Uint8Array | string): Promise<string> {
  interface Made {
    id: string;
    status: string;
    upload: { url: string };
  }
  const made = await cloud.api.call<Made>('createDataset', { body: { name, format: 'csv' } });
  await fetch(made.upload.url, { method: 'PUT', body: file as string });
  await cloud.api.call('completeDataset', { params: { id: made.id }, body: {} });
  const { status } = await cloud.api.until(
    () => cloud.api.call<Made>('getDataset', { params: { id: made.id } }),
    (now) => now.status === 'ready' || now.status === 'invalid',
  );
  expect(status).toBe('ready');
  return made.id;
}

const batchOf = (id: string): Promise<Batch> => patiently(() => cloud.api.call<Batch>('getBatch', { params: { id } }));
const start = () => cloud.api.call<Batch>('createBatch', { body: { model: 'gardens', dataset } });
const isOver = ({ status }: Batch): boolean => status !== 'queued' && status !== 'running';
const until = (id: string, isSo: (batch: Batch) => boolean) => cloud.api.until(() => batchOf(id), isSo);

async function predictionsUsed(): Promise<number> {
  const { data } = await cloud.api.call<{ data: { name: string; used: number }[] }>('getLimits');
  return data.find(({ name }) => name === 'predictions_per_month')!.used;
}

async function predictionsBilled(): Promise<number> {
  const { data } = await cloud.api.call<{ data: { predictions: number }[] }>('getUsage', {
    query: { group_by: 'model' },
  });
  return data.reduce((sum, { predictions }) => sum + predictions, 0);
}

/** The most that any process of *fit* holds, in MB. */
function peakMb(): number {
  const sizes = cloud.processesOf('fit').map((pid) => {
    try {
      return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
    } catch {
      return 0;
    }
  });
  return Math.max(0, ...sizes);
}

beforeAll(async () => {
  buildIfStale(() => undefined);
  await cloud.start();
  const fileOf = (rows: number): Buffer => Buffer.from([...rowsAs('csv', rows)].join(''));
  const trained = await makeDataset('some', fileOf(TRAINED_ROWS));
  dataset = await makeDataset('million', fileOf(ROWS));
  const job = { name: 'gardens', task: 'classification', family: 'logistic_regression', target: 'garden' };
  const { id } = await cloud.api.call<{ id: string }>('createJob', { body: { ...job, dataset: trained } });
  const ended = await cloud.api.until(
    () => cloud.jobOf(id),
    ({ status }) => status !== 'queued' && status !== 'running',
  );
  expect(ended.status).toBe('succeeded');
}, SLOW_MS);
afterAll(() => cloud.end());

describe(`a batch of ${ROWS} rows through a logistic model`, () => {
  let undisturbed: Batch;

  it(
    'stays within a function and an execution',
    async () => {
      const startedMs = performance.now();
      const { id } = await start();
      let peak = 0;
      undisturbed = await until(id, (batch) => {
        peak = Math.max(peak, peakMb());
        return isOver(batch);
      });
      const seconds = (performance.now() - startedMs) / 1000;
      const operations = await cloud.operationsOf(id);

      console.log({ seconds, peak, operations, usage: undisturbed.usage, output: undisturbed.output });
      expect(undisturbed).toMatchObject({ status: 'succeeded', progress: { rows: ROWS, predicted: ROWS, failed: 0 } });
      expect(peak).toBeLessThan(LAMBDA_MB);
      expect(undisturbed.usage.seconds).toBeLessThan(LAMBDA_S);
      expect(operations).toBeLessThan(MAX_OPERATIONS);
      expect([await predictionsUsed(), await predictionsBilled()]).toEqual([ROWS, ROWS]);
    },
    SLOW_MS,
  );

  it(
    'ends with the same bytes and counts every row once, though functions and the cloud are killed',
    async () => {
      const { id } = await start();
      let kills = 0;
      for (const victim of ['fit', 'train', 'fit', 'cloud', 'fit', 'cloud', 'control', 'fit']) {
        const { progress } = await batchOf(id);
        const before = progress.predicted;
        await until(id, (batch) => isOver(batch) || batch.progress.predicted > before);
        if (victim === 'cloud') {
          await cloud.kill();
          await cloud.start();
          kills++;
        } else if (await cloud.killFunction(victim, 3000)) kills++;
      }
      const ended = await until(id, isOver);

      console.log({ kills, usage: ended.usage });
      expect(kills).toBeGreaterThanOrEqual(6);
      expect(ended).toMatchObject({ status: 'succeeded', progress: { rows: ROWS, predicted: ROWS, failed: 0 } });
      expect(ended.output).toEqual(undisturbed.output);
      expect([await predictionsUsed(), await predictionsBilled()]).toEqual([2 * ROWS, 2 * ROWS]);
      expect((await cloud.objects()).filter((key) => key.includes('/parts/'))).toEqual([]);
    },
    SLOW_MS,
  );
});
