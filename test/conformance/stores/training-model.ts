/** Trainings that lease the month's seconds while calls fail and attempts die, against a model that keeps what their records say. */
import fc from 'fast-check';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { Items } from '../../../shared/stores/items.ts';
import { Quotas } from '../../../shared/stores/quotas.ts';
import { TrainingPool } from '../../../shared/stores/training-pool.ts';
import { TrainingSeconds } from '../../../shared/workflows/training-seconds.ts';
import { TABLES, TestClock } from './dynamo.ts';
import { FaultyProcess, randomOf } from './faulty-dynamo.ts';
import type { Faults } from './faulty-dynamo.ts';

export interface Scenario {
  readonly seed: number;
  readonly limit: number;
  readonly jobs: number;
  readonly segments: number;
  readonly faults: Faults;
}

const NOW_MS = Date.UTC(2026, 10, 23, 12);
const ATTEMPTS = 4;

/** Jobs that train at once; what `records` holds of them outlives their attempts. */
export class World {
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

/** What was counted at most, and at the end; and what the records of the jobs say. */
export interface Outcome {
  readonly most: number;
  readonly used: number;
  readonly counted: number;
}

export async function play(scenario: Scenario, dynamo: DynamoDBDocumentClient, tenant: string): Promise<Outcome> {
  const world = new World(scenario, dynamo, tenant);
  await Promise.all(Array.from({ length: scenario.jobs }, (_, i) => world.job(`job${i}`)));
  const used = await world.end();
  const counted = [...world.records.values()].reduce((sum, seconds) => sum + Math.ceil(seconds), 0);
  return { most: world.most, used, counted };
}

export function scenarios(): fc.Arbitrary<Scenario> {
  const part = (most: number): fc.Arbitrary<number> => fc.constantFrom(0, most / 4, most);
  return fc.record({
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
}
