/** The sweep behind test/conformance/stores/training.test.ts: trainings at once under every mixture of faults. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startStoresCloud } from '../conformance/stores/dynamo.ts';
import type { StoresCloud } from '../conformance/stores/dynamo.ts';
import { NO_FAULTS } from '../conformance/stores/faulty-dynamo.ts';
import { play, scenarios } from '../conformance/stores/training-model.ts';

const RUNS = 100;

let cloud: StoresCloud;
beforeAll(async () => {
  cloud = await startStoresCloud();
});
afterAll(() => cloud.stop());

test(`leases on training seconds hold, ${RUNS} times`, async () => {
  const dynamo = cloud.documents();
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(scenarios(), async (scenario) => {
      const { most, used, counted } = await play(scenario, dynamo, `training-${runs++}`);

      expect(most).toBeLessThanOrEqual(scenario.limit);
      expect(used).toBe(counted);
    }),
    { numRuns: RUNS, seed: 2026 },
  );
}, 1_800_000);

test('200 trainings at once lease just the limit', async () => {
  const scenario = { seed: 1, limit: 1_500, jobs: 200, segments: 1, faults: NO_FAULTS };

  const { most, used, counted } = await play(scenario, cloud.documents(), 'training-200');

  expect(most).toBe(1_500);
  expect(used).toBe(counted);
}, 600_000);
