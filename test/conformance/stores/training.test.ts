/** Leases on training seconds against a model: the limit holds at every moment, and every second that was counted is counted once. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Items } from '../../../shared/stores/items.ts';
import { startStoresCloud, TABLES } from './dynamo.ts';
import type { StoresCloud } from './dynamo.ts';
import { NO_FAULTS } from './faulty-dynamo.ts';
import { World, play, scenarios } from './training-model.ts';

let cloud: StoresCloud;
beforeAll(async () => {
  cloud = await startStoresCloud();
});
afterAll(() => cloud.stop());

let runs = 0;
const tenant = (): string => `training-${runs++}`;

describe('leases on training seconds', () => {
  it('let many trainings at once lease just the limit', async () => {
    const { most, used, counted } = await play(
      { seed: 1, limit: 300, jobs: 40, segments: 1, faults: NO_FAULTS },
      cloud.documents(),
      tenant(),
    );

    expect(most).toBe(300);
    // What the last gives back may find nobody who still waits for it.
    expect(used).toBe(counted);
  }, 60_000);

  it('hold under failures, lost answers, copies, late arrivals and dying attempts', async () => {
    await fc.assert(
      fc.asyncProperty(scenarios(), async (scenario) => {
        const { most, used, counted } = await play(scenario, cloud.documents(), tenant());

        expect(most).toBeLessThanOrEqual(scenario.limit);
        expect(used).toBe(counted);
      }),
      { numRuns: 6, seed: 5 },
    );
  }, 120_000);

  it('leave nothing behind in the item when the jobs are over', async () => {
    const world = new World(
      { seed: 1, limit: 1_000, jobs: 1, segments: 3, faults: NO_FAULTS },
      cloud.documents(),
      tenant(),
    );

    await world.job('job');

    const item = await new Items(cloud.documents(), TABLES.quotas, `TENANT#training-${runs - 1}`).get(
      'MONTH#2026-11#training_seconds',
    );
    expect(Object.keys(item!).sort()).toEqual(['pk', 'sk', 'used']);
  });
});
