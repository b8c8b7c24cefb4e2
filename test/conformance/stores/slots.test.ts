/** Slots for jobs at once: held by what runs, and taken back from requests that died before they had made their job. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { takeSlot } from '../../../shared/http/slots.ts';
import type { JobRecord } from '../../../shared/resources/job.ts';
import { tenantTables } from '../../../shared/stores/tenant-stores.ts';
import { madeAtMs, newId } from '../../../shared/tenancy/ids.ts';
import { PLANS } from '../../../shared/tenancy/plan.ts';
import { startStoresCloud, TABLES, TestClock } from './dynamo.ts';
import type { StoresCloud } from './dynamo.ts';

let cloud: StoresCloud;
beforeAll(async () => {
  cloud = await startStoresCloud();
});
afterAll(() => cloud.stop());

let tenants = 0;

function tenantWith(jobsAtOnce: number) {
  const clock = new TestClock(Date.UTC(2026, 10, 23, 12));
  const names = { catalog: TABLES.catalog, quotas: TABLES.quotas };
  const stores = tenantTables(cloud.documents(), names, { tenantId: `slots-${tenants++}`, clock });
  const limits = { ...PLANS.standard, jobs_at_once: jobsAtOnce };
  const take = (id: string) => takeSlot(id, { ...stores, limits }, { clock, refusal: 'too many' });
  const job = (status: JobRecord['status']): Promise<boolean> => {
    const id = newId('job', clock);
    return take(id).then(() => stores.catalog.jobs.create(id, { id, status } as JobRecord));
  };
  return { clock, stores, take, job };
}

describe('slots', () => {
  it.each(['job', 'batch'] as const)(
    'of a %s whose request died come back after a minute, and not before',
    async (kind) => {
      const { clock, take } = tenantWith(1);
      await take(newId(kind, clock));

      const early = take(newId('job', clock)).catch((error: unknown) => (error as Error).message);
      expect(await early).toBe('too many');
      clock.advance(61_000);

      await expect(take(newId('job', clock))).resolves.toBeUndefined();
    },
  );

  it('of jobs that run stay theirs, however many ask', async () => {
    const { clock, stores, take, job } = tenantWith(3);
    await Promise.all([job('running'), job('queued'), job('succeeded')]);
    clock.advance(10 * 60_000);

    const asked = await Promise.allSettled(Array.from({ length: 50 }, () => take(newId('job', clock))));

    expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await stores.quotas.runningJobs()).toHaveLength(3);
  });
});

it('an id tells when it was made', () => {
  const clock = new TestClock(1_795_000_123_456);

  expect(madeAtMs(newId('job', clock))).toBe(1_795_000_123_456);
});
