/** The sweep behind test/conformance/stores/predictions.test.ts: 200 concurrent callers under every mixture of faults. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startStoresCloud } from '../conformance/stores/dynamo.ts';
import type { StoresCloud } from '../conformance/stores/dynamo.ts';
import { play } from '../conformance/stores/prediction-model.ts';
import { checkOutcome, scenarios } from '../conformance/stores/prediction-properties.ts';

const RUNS = 100;

let cloud: StoresCloud;
beforeAll(async () => {
  cloud = await startStoresCloud();
});
afterAll(() => cloud.stop());

test(`leases on predictions hold with 200 concurrent callers, ${RUNS} times`, async () => {
  const dynamo = cloud.documents();
  let runs = 0;
  let died = 0;

  await fc.assert(
    fc.asyncProperty(scenarios({ callers: 200, waves: 6 }), async (scenario) => {
      const outcome = await play(scenario, dynamo, `tenant-${runs++}`);
      died += outcome.died;
      checkOutcome(scenario, outcome);
    }),
    { numRuns: RUNS, seed: 2026 },
  );

  expect(died).toBeGreaterThan(RUNS / 2);
}, 7_200_000);
