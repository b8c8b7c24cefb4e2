/** What lanes of batches take of a month's predictions: never more than there are, and once, whatever becomes of calls and processes. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Items } from '../../../shared/stores/items.ts';
import { PredictionPool } from '../../../shared/stores/prediction-pool.ts';
import { TABLES, TestClock, startStoresCloud } from './dynamo.ts';
import type { StoresCloud } from './dynamo.ts';
import { FaultyProcess, NetworkError, randomOf } from './faulty-dynamo.ts';

let cloud: StoresCloud;
beforeAll(async () => {
  cloud = await startStoresCloud();
});
afterAll(() => cloud.stop());

const DAY = '2026-11-23';
const NOW_MS = Date.UTC(2026, 10, 23, 12);
const HOUR_S = 3600;
let runs = 0;

const scenarios = fc.record({
  seed: fc.nat(),
  limit: fc.integer({ min: 0, max: 400 }),
  /** Units of the parts of each lane, in their order. */
  lanes: fc.array(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 }), {
    minLength: 1,
    maxLength: 6,
  }),
  faults: fc.record({
    fails: fc.double({ min: 0, max: 0.2, noNaN: true }),
    losesAnswer: fc.double({ min: 0, max: 0.2, noNaN: true }),
    doubles: fc.double({ min: 0, max: 0.2, noNaN: true }),
    arrivesLate: fc.double({ min: 0, max: 0.2, noNaN: true }),
    dies: fc.double({ min: 0, max: 0.1, noNaN: true }),
  }),
});

type Scenario = typeof scenarios extends fc.Arbitrary<infer S> ? S : never;

/** Every lane takes its parts, each as often as it takes to hear an answer. */
async function play({ seed, limit, lanes, faults }: Scenario) {
  const dynamo = cloud.documents();
  const clock = new TestClock(NOW_MS);
  const random = randomOf(seed);
  const partition = `TENANT#takes-${runs++}`;
  const poolOf = (client = dynamo) => new PredictionPool(new Items(client, TABLES.quotas, partition), clock);
  const processes: FaultyProcess[] = [];

  async function laneOf(holder: string, parts: readonly number[]): Promise<number> {
    let taken = 0;
    let through = 0;
    for (const units of parts) {
      through += units;
      const granted = await untilHeard(() => {
        const process = new FaultyProcess(dynamo, faults, random);
        processes.push(process);
        return poolOf(process.client).take({ holder, day: DAY, through, units }, limit);
      });
      taken += granted;
      if (granted < units) break;
    }
    return taken;
  }

  const taken = await Promise.all(lanes.map((parts, lane) => laneOf(`batch/${lane}`, parts)));
  for (const process of processes) await process.deliverLate();
  for (const lane of lanes.keys()) await poolOf().endTakes({ holder: `batch/${lane}`, day: DAY });
  clock.advance(HOUR_S * 1000);
  await poolOf().sweep(DAY);
  const used = limit - (await poolOf().room(limit, DAY));
  const item = await new Items(dynamo, TABLES.quotas, partition).get(`MONTH#${DAY.slice(0, 7)}#predictions`);
  const notes = Object.keys(item ?? {}).filter((name) => name.startsWith('take#'));
  return { taken: taken.reduce((sum, n) => sum + n, 0), used, notes };
}

async function untilHeard<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error;
    }
  }
}

describe('what lanes of batches take', () => {
  it('is counted once and within the limit under failures, lost answers, copies, late arrivals and deaths', async () => {
    await fc.assert(
      fc.asyncProperty(scenarios, async (scenario) => {
        const { taken, used, notes } = await play(scenario);
        const wanted = scenario.lanes.flat().reduce((sum, units) => sum + units, 0);

        expect(used).toBe(taken);
        expect(taken).toBe(Math.min(wanted, scenario.limit));
        expect(notes).toEqual([]);
      }),
      { numRuns: 15, seed: 5 },
    );
  }, 120_000);
});
