/** Leases on training seconds against a model: the limit holds at every moment, and every second that was counted is counted once. */
import fc from 'fast-check';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Items } from '../../../shared/stores/items.ts';
import { Quotas } from '../../../shared/stores/quotas.ts';
import { TrainingPool } from '../../../shared/stores/training-pool.ts';
import { TrainingSeconds } from '../../../shared/workflows/training-seconds.ts';
import { startStoresCloud, TABLES, TestClock } from './dynamo.ts';
import type { StoresCloud } from './dynamo.ts';
import { FaultyProcess, NO_FAULTS, randomOf } from './faulty-dynamo.ts';
import type { Faults } from './faulty-dynamo.ts';

let cloud: StoresCloud;
beforeAll(async () => {
  cloud = await startStoresCloud();
});
afterAll(() => cloud.stop());

interface Scenario {
  readonly seed: number;
  readonly limit: number;
  readonly jobs: number;
  readonly segments: number;
  readonly faults: Faults;
}

const NOW_MS = Date.UTC(2026, 10, 23, 12);
const ATTEMPTS = 4;

/** Jobs that train at once; what `records` holds of them outlives their attempts. */
class World {
  readonly clock = new TestClock(NOW_MS);
  readonly records = new Map<string, number>();
  readonly random: () => number;
  readonly #scenario: Scenario;
  readonly #dynamo: DynamoDBDocumentClient;
  readonly #partition: string;
  readonly #processes: FaultyProcess[] = [];
  most = 0;

  constructor(scenario: Scenario, dynamo: DynamoDBDocumentClient, tenant: string) {
    this.#scenario = scenario;
    this.#dynamo = dynamo;
    this.#partition = `TENANT#${tenant}`;
    this.random = randomOf(scenario.seed);
  }

  pool(client = this.#dynamo): TrainingPool {
    return new TrainingPool(new Items(client, TABLES.quotas, this.#partition), this.clock);
  }

  /** A call of a process whose calls go wrong. */
  process(): FaultyProcess {
    const process = new FaultyProcess(this.#dynamo, this.#scenario.faults, this.random);
    this.#processes.push(process);
    return process;
  }

  async observe(): Promise<void> {
    this.most = Math.max(this.most, await this.pool().used());
    for (const process of this.#processes) if (this.random() < 0.3) await process.deliverLate();
  }

  async job(job: string): Promise<void> {
    const quotas = new Quotas(new Items(this.#dynamo, TABLES.quotas, this.#partition), this.clock);
    await quotas.acquireJob(job, 1_000);
    this.records.set(job, 0);
    for (let segment = 0; segment < this.#scenario.segments; segment++) {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        if (await this.#segment(job, segment).catch(() => false)) break;
      }
      await this.observe();
    }
    await this.pool().endJob(job, NOW_MS / 1000, () => this.records.get(job)!);
    await quotas.releaseJob(job);
  }

  /** As a segment of *fit*: it leases, trains, notes what is counted, and ends the lease behind that. */
  async #segment(job: string, segment: number): Promise<boolean> {
    const process = this.process();
    const seconds = new TrainingSeconds(this.pool(process.client), this.#scenario.limit);
    let taken = this.records.get(job)!;
    if (!(await seconds.open(`${job}/${segment}`, taken))) return true;
    const steps = Math.floor(this.random() * 6);
    for (let step = 0; step < steps && !seconds.isUsedUp(taken); step++) {
      taken += Math.round(this.random() * 25_000) / 1000;
      this.records.set(job, seconds.counted(taken));
      await seconds.renew(taken);
    }
    await seconds.cover(taken);
    this.records.set(job, seconds.counted(taken));
    await seconds.end(this.records.get(job)!);
    return true;
  }

  async end(): Promise<number> {
    for (const process of this.#processes) await process.deliverLate();
    this.clock.advance(30 * 60_000);
    // Who finds no room looks for leases that nobody will end.
    await this.pool().open('newcomer/0', 0, { seconds: 1, limit: 1 });
    await this.pool().endJob('newcomer', NOW_MS / 1000, () => 0);
    return this.pool().used();
  }
}

async function play(scenario: Scenario, tenant: string): Promise<{ most: number; used: number; counted: number }> {
  const world = new World(scenario, cloud.documents(), tenant);
  await Promise.all(Array.from({ length: scenario.jobs }, (_, i) => world.job(`job${i}`)));
  const used = await world.end();
  const counted = [...world.records.values()].reduce((sum, seconds) => sum + Math.ceil(seconds), 0);
  return { most: world.most, used, counted };
}

let runs = 0;
const tenant = (): string => `training-${runs++}`;

describe('leases on training seconds', () => {
  it('let 200 trainings at once lease just the limit', async () => {
    const { most, used, counted } = await play(
      { seed: 1, limit: 1_500, jobs: 200, segments: 1, faults: NO_FAULTS },
      tenant(),
    );

    expect(most).toBe(1_500);
    // What the last gives back may find nobody who still waits for it.
    expect(used).toBe(counted);
  }, 60_000);

  it('hold under failures, lost answers, copies, late arrivals and dying attempts', async () => {
    const part = (most: number): fc.Arbitrary<number> => fc.constantFrom(0, most / 4, most);
    const scenarios: fc.Arbitrary<Scenario> = fc.record({
      seed: fc.integer(),
      limit: fc.constantFrom(0, 1, 45, 400, 100_000),
      jobs: fc.integer({ min: 1, max: 12 }),
      segments: fc.constantFrom(1, 4),
      faults: fc.record({
        fails: part(0.2),
        losesAnswer: part(0.2),
        doubles: part(0.3),
        arrivesLate: part(0.3),
        dies: part(0.05),
      }),
    });

    await fc.assert(
      fc.asyncProperty(scenarios, async (scenario) => {
        const { most, used, counted } = await play(scenario, tenant());

        expect(most).toBeLessThanOrEqual(scenario.limit);
        expect(used).toBe(counted);
      }),
      { numRuns: Number(process.env['RUNS'] ?? 12), seed: 5 },
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
