/** What a warm environment takes ahead: fewer writes than calls, and no more served than the limits say. */
import fc from 'fast-check';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { UNAWAITED } from '../../../shared/afterwards.ts';
import type { Afterwards } from '../../../shared/afterwards.ts';
import { admitByRateAhead } from '../../../shared/http/rate.ts';
import { Items } from '../../../shared/stores/items.ts';
import { PredictionLease } from '../../../shared/stores/prediction-lease.ts';
import { PredictionPool } from '../../../shared/stores/prediction-pool.ts';
import { Quotas } from '../../../shared/stores/quotas.ts';
import { PLANS } from '../../../shared/tenancy/plan.ts';
import { pricesAtCost } from '../../../shared/tenancy/price.ts';
import type { Caller } from '../../../shared/tenancy/tenant.ts';
import { startStoresCloud, TABLES, TestClock } from './dynamo.ts';
import type { StoresCloud } from './dynamo.ts';

let cloud: StoresCloud;
beforeAll(async () => {
  cloud = await startStoresCloud();
});
afterAll(() => cloud.stop());

const START_MS = Date.UTC(2026, 10, 23, 12);
const PRICES = pricesAtCost(0.00001);

function callerWith(limits: Partial<Caller['limits']>): Caller {
  return { tenantId: 't', keyId: 'key_1', plan: 'p', limits: { ...PLANS.standard, ...limits }, prices: PRICES };
}

/** A client that counts what it writes. */
function counting(): { client: DynamoDBDocumentClient; writes: () => number } {
  const documents = cloud.documents();
  let writes = 0;
  const send = (command: unknown): Promise<unknown> => {
    if (command instanceof UpdateCommand) writes += 1;
    return documents.send(command as UpdateCommand);
  };
  return { client: { send } as unknown as DynamoDBDocumentClient, writes: () => writes };
}

/** A client whose writes stay on their way until they are let through. */
function held(): { client: DynamoDBDocumentClient; hold: () => void; release: () => void; underway: () => number } {
  const documents = cloud.documents();
  let gate = Promise.withResolvers<undefined>();
  gate.resolve(undefined);
  let underway = 0;
  const send = async (command: unknown): Promise<unknown> => {
    underway += 1;
    await gate.promise;
    underway -= 1;
    return documents.send(command as UpdateCommand);
  };
  return {
    client: { send } as unknown as DynamoDBDocumentClient,
    hold: () => (gate = Promise.withResolvers<undefined>()),
    release: () => gate.resolve(undefined),
    underway: () => underway,
  };
}

/** Of an environment that is kept awake: what is done when an answer has left. */
function awaited(): { afterwards: Afterwards; answered: () => Promise<void> } {
  const behind: (() => Promise<unknown>)[] = [];
  return {
    afterwards: { isAwaited: true, do: (work) => behind.push(work) },
    async answered() {
      while (behind.length > 0) await behind.shift()!();
    },
  };
}

let tenants = 0;
const items = (client: DynamoDBDocumentClient): Items => new Items(client, TABLES.quotas, `TENANT#ahead-${tenants++}`);

it('requests: an environment that is called four times a second writes about once a second', async () => {
  const { client, writes } = counting();
  const clock = new TestClock(START_MS);
  const quotas = new Quotas(items(client), clock);
  const admit = admitByRateAhead(() => quotas, clock);

  for (let i = 0; i < 40; i++) {
    await admit(callerWith({}));
    clock.advance(250);
  }

  expect(writes()).toBeLessThanOrEqual(2 * 14);
});

it.each([false, true])(
  'requests: in any span of T seconds no more than burst + rate * (T + 1) are served, by however many environments, and one more of each kept awake: %s',
  async (areKeptAwake) => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          rate: fc.constantFrom(2, 20, 100),
          burst: fc.constantFrom(1, 5, 40),
          environments: fc.integer({ min: 1, max: 6 }),
          calls: fc.array(fc.record({ at: fc.nat(5), pauseMs: fc.constantFrom(0, 0, 0, 5, 50, 400) }), {
            minLength: 60,
            maxLength: 90,
          }),
        }),
        async ({ rate, burst, environments, calls }) => {
          const clock = new TestClock(START_MS);
          const quotas = new Quotas(items(cloud.documents()), clock);
          const { afterwards, answered } = awaited();
          const admits = Array.from({ length: environments }, () =>
            admitByRateAhead(() => quotas, clock, areKeptAwake ? afterwards : UNAWAITED),
          );
          const caller = callerWith({ requests_per_second: rate, burst });
          const servedMs: number[] = [];

          for (const { at, pauseMs } of calls) {
            const isServed = await admits[at % environments]!(caller).then(
              () => true,
              () => false,
            );
            if (isServed) servedMs.push(clock.nowMs());
            await answered();
            clock.advance(pauseMs);
          }

          for (let from = 0; from < servedMs.length; from++)
            for (let to = from; to < servedMs.length; to++) {
              const seconds = (servedMs[to]! - servedMs[from]!) / 1000;
              // The one that finds the burst used up to the last microsecond is let in, too.
              expect(to - from + 1).toBeLessThanOrEqual(
                burst + 1 + rate * (seconds + 1) + (areKeptAwake ? environments : 0),
              );
            }
        },
      ),
      { seed: 8, numRuns: 8 },
    );
  },
  60_000,
);

it('predictions: an environment that is called four times a second writes once a call, and none before it serves', async () => {
  const { client, writes } = counting();
  const clock = new TestClock(START_MS);
  const pool = new PredictionPool(items(client), clock);
  const lease = new PredictionLease(pool, {
    clock,
    afterwards: UNAWAITED,
    onDefect: () => undefined,
    later: () => undefined,
  });
  const before: number[] = [];

  for (let i = 0; i < 40; i++) {
    const earlier = writes();
    const taken = await lease.take(2, 1_000_000);
    before.push(writes() - earlier);
    await taken!.served({ model: 'm', key: 'key_1', prices: PRICES, gbSeconds: 0.001 });
    clock.advance(250);
  }

  expect(before.slice(4).filter((count) => count > 0).length).toBeLessThanOrEqual(2);
  expect(writes()).toBeLessThanOrEqual(40 + 6);
  await lease.close();
  expect(await pool.served()).toBe(80);
});

it.each([150, 450, 1_500, 4_000, 25_000])(
  'an environment that is kept awake and called every %i ms writes nothing before its answer',
  async (pauseMs) => {
    const { client, writes } = counting();
    const clock = new TestClock(START_MS);
    const stored = items(client);
    const [quotas, pool] = [new Quotas(stored, clock), new PredictionPool(stored, clock)];
    const { afterwards, answered } = awaited();
    const admit = admitByRateAhead(() => quotas, clock, afterwards);
    const lease = new PredictionLease(pool, { clock, afterwards, onDefect: () => undefined, later: () => undefined });
    const before: number[] = [];
    const behind: number[] = [];

    for (let i = 0; i < 30; i++) {
      const earlier = writes();
      await admit(callerWith({}));
      const taken = await lease.take(3, 1_000_000);
      await taken!.served({ model: 'm', key: 'key_1', prices: PRICES, gbSeconds: 0.001 });
      before.push(writes() - earlier);
      await answered();
      behind.push(writes() - earlier);
      // What it has served is written before anybody can take it away.
      expect(await pool.served()).toBe(3 * (i + 1));
      clock.advance(pauseMs);
    }

    // The first call knows of nothing.
    expect(before.slice(1)).toEqual(Array.from({ length: 29 }, () => 0));
    expect(Math.max(...behind.slice(1))).toBeLessThanOrEqual(3);
    await lease.close();
    expect(await pool.served()).toBe(90);
  },
);

it('a busy environment does not wait for what it writes: neither for requests and predictions ahead, nor for what it has served', async () => {
  const { client, hold, release, underway } = held();
  const clock = new TestClock(START_MS);
  const stored = items(client);
  const quotas = new Quotas(stored, clock);
  const pool = new PredictionPool(stored, clock);
  const admit = admitByRateAhead(() => quotas, clock);
  const lease = new PredictionLease(pool, {
    clock,
    afterwards: UNAWAITED,
    onDefect: () => undefined,
    later: () => undefined,
  });
  const call = async (): Promise<void> => {
    await admit(callerWith({ requests_per_second: 1_000 }));
    const taken = await lease.take(1, 1_000_000);
    await taken!.served({ model: 'm', key: 'key_1', prices: PRICES, gbSeconds: 0.001 });
    clock.advance(10);
  };
  const calls = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await call();
  };
  await calls(300);

  // A hundred calls a second, and no write comes back: what is in hand lasts for some more calls.
  let writing = 0;
  for (let round = 0; round < 12; round++) {
    hold();
    await calls(8);
    writing = Math.max(writing, underway());
    release();
    await calls(20);
  }

  expect(writing).toBeGreaterThan(0);
  await lease.close();
  expect(await pool.served()).toBe(300 + 12 * 28);
});
