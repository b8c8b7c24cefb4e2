/** The schedule of training on DynamoDB: racing jobs never hold more than the slots, and slots come back. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Schedules } from '../../../shared/stores/schedules.ts';
import { TABLES, TestClock, startStoresCloud } from './dynamo.ts';
import type { StoresCloud } from './dynamo.ts';

const SLOTS = 3;
const LEASE_MS = 60_000;
const clock = new TestClock(1_700_000_000_000);
let cloud: StoresCloud;

/** As another process would have it. */
const schedules = (): Schedules =>
  new Schedules(cloud.documents(), TABLES.quotas, { clock, capacity: { slots: SLOTS, leaseMs: LEASE_MS } });

/** Jobs of three tenants. */
const JOBS = Array.from({ length: 12 }, (_, i) => ({ job: `job${i}`, tenant: `tenant${i % 3}` }));

beforeAll(async () => {
  cloud = await startStoresCloud();
});
afterAll(() => cloud.stop());

describe('jobs that race for slots', () => {
  it('get no more than there are, and the next get them when these give theirs back', async () => {
    const answers = await Promise.all(JOBS.map(({ job, tenant }) => schedules().ask(job, tenant)));
    const holders = JOBS.filter((_, i) => answers[i]);
    const again = await Promise.all(holders.map(({ job, tenant }) => schedules().ask(job, tenant)));

    await Promise.all(holders.map(({ job }) => schedules().release(job)));
    const others = JOBS.filter((_, i) => !answers[i]);
    const next: boolean[] = [];
    for (const { job, tenant } of others) next.push(await schedules().ask(job, tenant));

    expect(holders.length).toBeLessThanOrEqual(SLOTS);
    expect(holders.length).toBeGreaterThan(0);
    expect(again.filter(Boolean).length).toBeLessThanOrEqual(holders.length);
    expect(next.filter(Boolean)).toHaveLength(SLOTS);
  });

  it('take over from holders that died', async () => {
    const before = await schedules().ask('late', 'tenant9');
    clock.advance(LEASE_MS + 1);

    const after = await schedules().ask('late', 'tenant9');

    expect([before, after]).toEqual([false, true]);
  });
});
