/** Leases on predictions against a model: never more than the limit, every unit settled once, what the dead had leased comes back. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startStoresCloud } from './dynamo.ts';
import type { StoresCloud } from './dynamo.ts';
import { NO_FAULTS } from './faulty-dynamo.ts';
import { play } from './prediction-model.ts';
import { checkOutcome, scenarios } from './prediction-properties.ts';

let cloud: StoresCloud;
beforeAll(async () => {
  cloud = await startStoresCloud();
});
afterAll(() => cloud.stop());

let runs = 0;
const tenant = (): string => `tenant-${runs++}`;

describe('leases on predictions', () => {
  it.each([false, true])(
    'let 200 concurrent callers have just the limit, and settle every unit once (kept awake: %s)',
    async (areKeptAwake) => {
      const counts = { limit: 1_500, environments: 8, callers: 200, waves: 3 };
      const scenario = { seed: 1, ...counts, areKeptAwake, faults: NO_FAULTS };

      const outcome = await play(scenario, cloud.documents(), tenant());

      expect(outcome.served).toBeGreaterThan(1_400);
      expect(outcome.served).toBeLessThanOrEqual(1_500);
      expect(outcome.used.at(-1)).toBe(outcome.served);
      expect(outcome.billed).toBe(outcome.served);
      checkOutcome(scenario, outcome);
    },
    60_000,
  );

  it('hold under failures, lost answers, copies, late arrivals and dying environments', async () => {
    const dynamo = cloud.documents();

    await fc.assert(
      fc.asyncProperty(scenarios({ callers: 25, waves: 5 }), async (scenario) => {
        checkOutcome(scenario, await play(scenario, dynamo, tenant()));
      }),
      { numRuns: 8, seed: 4 },
    );
  }, 120_000);
});
