/** What attempts cost that die without a word, by records in a real table. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Attempt, JobRecord, TrialRecord } from '../../../shared/resources/job.ts';
import { Catalog } from '../../../shared/stores/catalog.ts';
import { Items } from '../../../shared/stores/items.ts';
import { TrainingPool } from '../../../shared/stores/training-pool.ts';
import { chargeDeath } from '../../../shared/workflows/charge.ts';
import { TABLES, TestClock, startStoresCloud } from './dynamo.ts';
import type { StoresCloud } from './dynamo.ts';

const BEGAN_MS = Date.UTC(2026, 10, 23, 12);
/** 2 GB at a dollar a thousand GB-seconds: a fifth of a cent a second. */
const ATTEMPT: Attempt = {
  counted_to_ms: BEGAN_MS,
  ends_ms: BEGAN_MS + 900_000,
  memory_mb: 2048,
  gb_second_usd: 0.001,
};
const spent = (seconds: number) => ({ seconds, gb_seconds: 2 * seconds, usd: 0.002 * seconds });
const SEGMENT = { action: 'segment', job: 'job_1', segment: 0 } as const;

let cloud: StoresCloud;
beforeAll(async () => {
  cloud = await startStoresCloud();
});
afterAll(() => cloud.stop());

let tenants = 0;
async function setUp(fields: Partial<JobRecord> = {}) {
  const tenant = `charged-${tenants++}`;
  const clock = new TestClock(BEGAN_MS);
  const catalog = new Catalog(cloud.documents(), TABLES.catalog, tenant);
  const trainingSeconds = new TrainingPool(new Items(cloud.documents(), TABLES.quotas, `TENANT#${tenant}`), clock);
  const job = { id: 'job_1', status: 'running', usage: spent(0), attempt: ATTEMPT, ...fields } as JobRecord;
  await catalog.jobs.put('job_1', job);
  return { clock, catalog, trainingSeconds, job: async () => (await catalog.jobs.get('job_1'))! };
}

describe('an attempt that dies', () => {
  it('costs its time to its death, once', async () => {
    const { job, clock, ...stores } = await setUp();
    clock.advance(40_000);

    const first = await chargeDeath(SEGMENT, { ...stores, clock });
    clock.advance(40_000);
    const again = await chargeDeath(SEGMENT, { ...stores, clock });

    expect([first, again]).toEqual([undefined, undefined]);
    expect((await job()).usage).toEqual(spent(40));
    expect(await stores.trainingSeconds.used()).toBeGreaterThanOrEqual(40);
  });

  it('costs what it had told of, and the rest from there', async () => {
    const told = { usage: spent(100), attempt: { ...ATTEMPT, counted_to_ms: BEGAN_MS + 60_000 } };
    const { job, clock, ...stores } = await setUp(told);
    clock.advance(75_000);

    await chargeDeath(SEGMENT, { ...stores, clock });

    expect((await job()).usage).toEqual(spent(115));
  });

  it('costs no more than its invocation can have lasted, however late it is noticed', async () => {
    const { job, clock, ...stores } = await setUp();
    clock.advance(86_400_000);

    await chargeDeath(SEGMENT, { ...stores, clock });

    expect((await job()).usage).toEqual(spent(900));
  });

  it.each([
    ['nothing when the clock was set back', -40_000, ATTEMPT],
    ['nothing when it was over', 40_000, { ...ATTEMPT, ends_ms: BEGAN_MS }],
    ['nothing when it never began', 40_000, undefined],
  ])('costs %s', async (_, passedMs, attempt) => {
    const { job, clock, ...stores } = await setUp({ attempt: attempt as Attempt });
    clock.advance(passedMs);

    expect(await chargeDeath(SEGMENT, { ...stores, clock })).toBeUndefined();
    expect((await job()).usage).toEqual(spent(0));
  });

  it.each([
    ['max_seconds', { max_seconds: 30 }],
    ['max_usd', { max_usd: 0.06 }],
  ])('costs no more than the budget has left, and is the last: %s', async (_, budget) => {
    const told = { usage: spent(10), attempt: { ...ATTEMPT, counted_to_ms: BEGAN_MS + 10_000 } };
    const { job, clock, ...stores } = await setUp({ budget, ...told });
    clock.advance(900_000);

    const first = await chargeDeath(SEGMENT, { ...stores, clock });
    const again = await chargeDeath(SEGMENT, { ...stores, clock });

    expect([first, again]).toEqual(['over_budget', 'over_budget']);
    expect((await job()).usage).toEqual(spent(30));
  });

  it("costs no more than the month has left, and is the last: the limit is the tenant's", async () => {
    const { job, clock, ...stores } = await setUp({ training_seconds_limit: 50 });
    clock.advance(900_000);

    expect(await chargeDeath(SEGMENT, { ...stores, clock })).toBe('over_quota');
    expect((await job()).usage).toEqual(spent(50));
    expect(await stores.trainingSeconds.used()).toBe(50);
  });

  it('of a trial counts in its record, and against the budget with the trials beside it', async () => {
    const { job, clock, catalog, ...stores } = await setUp({
      sweep: { strategy: 'grid', parameters: { alpha: [0, 1] }, max_parallel: 2 },
      budget: { max_seconds: 100 },
    });
    const trial = { status: 'running', usage: spent(0), attempt: ATTEMPT } as TrialRecord;
    await catalog.trials('job_1').put('trial_0001', { ...trial, usage: spent(70) });
    await catalog.trials('job_1').put('trial_0002', trial);
    clock.advance(60_000);

    const end = await chargeDeath({ ...SEGMENT, trial: 'trial_0002' }, { ...stores, catalog, clock });

    expect(end).toBe('over_budget');
    expect((await catalog.trials('job_1').get('trial_0002'))?.usage).toEqual(spent(30));
    expect((await job()).usage).toEqual(spent(0));
  });

  it('while it publishes is charged, and tried again though the budget is used up', async () => {
    const { job, clock, ...stores } = await setUp({ budget: { max_seconds: 10 }, usage: spent(10) });
    clock.advance(20_000);

    expect(await chargeDeath({ ...SEGMENT, action: 'publish' }, { ...stores, clock })).toBeUndefined();
    expect((await job()).usage).toEqual(spent(30));
  });
});
