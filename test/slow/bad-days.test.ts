/**
 * Jobs of every family while one call in thirty to S3, DynamoDB and STS fails, is throttled, slow, or loses its answer: they end with the bytes,
 * metrics and events of a good day. FAULT_RATE and FAULT_SEED make other days.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Job } from '../../cli/resources.ts';
import { buildIfStale } from '../../scripts/local.ts';
import { KillableCloud, isOver } from '../e2e/killable-cloud.ts';
import type { JobEvent } from '../e2e/killable-cloud.ts';
import { FAMILY_JOBS } from './family-jobs.ts';

const RATE = Number(process.env['FAULT_RATE'] ?? 0.033);
const SEED = Number(process.env['FAULT_SEED'] ?? 1);
const environment = { SEGMENT_SECONDS: '1' };
const goodDay = new KillableCloud({ environment });
const badDay = new KillableCloud({ environment, faults: { rate: RATE, seed: SEED } });

interface Ending {
  readonly status: string;
  readonly error?: unknown;
  readonly metrics: Job['metrics'];
  readonly sha256: string;
  readonly events: readonly JobEvent[];
}

/** Asks again when the service says 500, as its clients do. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      if (tries === 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

async function until<T>(ask: () => Promise<T>, isDone: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await patiently(ask);
    if (isDone(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

async function play(on: KillableCloud, family: string): Promise<Ending> {
  const { rows, job } = FAMILY_JOBS[family]!;
  const made = await patiently(() =>
    on.api.call<{ id: string }>('createDataset', { body: { name: family, format: 'jsonl', rows } }),
  );
  await until(
    () => on.api.call<{ status: string }>('getDataset', { params: { id: made.id } }),
    ({ status }) => status === 'ready',
  );
  const body = { name: `by-${family}`, family, dataset: made.id, seed: 3, ...job };
  const { id } = await patiently(() => on.api.call<Job>('createJob', { body }));
  const ended = await until(() => on.jobOf(id), isOver);
  return {
    status: ended.status,
    error: ended.error,
    metrics: ended.metrics,
    sha256: ended.model === undefined ? '' : await patiently(() => on.sha256Of(ended)),
    events: await patiently(() => on.eventsOf(id)),
  };
}

beforeAll(async () => {
  buildIfStale(() => undefined);
  await goodDay.start();
  await badDay.start();
}, 300_000);
afterAll(async () => {
  await goodDay.end();
  await badDay.end();
});

describe('a bad day of AWS', () => {
  it.each(Object.keys(FAMILY_JOBS))(
    'changes nothing of what %s learns',
    async (family) => {
      const good = await play(goodDay, family);
      const bad = await play(badDay, family);

      expect(good.status).toBe('succeeded');
      expect(bad).toEqual(good);
    },
    600_000,
  );
});
