/**
 * Many callers predict through a few environments while calls fail and environments die, against a model that only counts:
 * what was asked for, what was begun, what was served for certain.
 */
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { Items } from '../../../shared/stores/items.ts';
import { PredictionLease } from '../../../shared/stores/prediction-lease.ts';
import { PredictionPool } from '../../../shared/stores/prediction-pool.ts';
import { Usage } from '../../../shared/stores/usage.ts';
import { pricesAtCost } from '../../../shared/tenancy/price.ts';
import { TestClock, TABLES } from './dynamo.ts';
import { FaultyProcess, NO_FAULTS, randomOf } from './faulty-dynamo.ts';
import type { Faults } from './faulty-dynamo.ts';

export interface Scenario {
  readonly seed: number;
  readonly limit: number;
  readonly environments: number;
  /** All at once, in each of the waves. */
  readonly callers: number;
  readonly waves: number;
  /** Whether environments stay awake until what is done behind an answer is done. */
  readonly areKeptAwake: boolean;
  readonly faults: Faults;
}

export interface Outcome {
  /** Of the month's item after every wave, and at the end. */
  readonly used: readonly number[];
  /** Units whose model ran: their answers may or may not have got out. */
  readonly begun: number;
  /** Units of environments that live to the end: their answers got out. */
  readonly served: number;
  readonly billed: number;
  readonly billedOfLiving: number;
  readonly requestsBilled: number;
  /** Units that a newcomer can have at the end. */
  readonly free: number;
  readonly died: number;
}

const PRICES = pricesAtCost(0.00001);
const DAY = '2026-11-23';
const START_MS = Date.UTC(2026, 10, 23, 12);

class Environment {
  readonly process: FaultyProcess;
  readonly lease: PredictionLease;
  readonly key: string;
  readonly #behind: (() => Promise<unknown>)[] = [];
  served = 0;

  constructor(world: World, name: string, faults = world.scenario.faults) {
    this.process = new FaultyProcess(world.dynamo, faults, world.random);
    this.key = name;
    this.lease = new PredictionLease(world.poolOf(this.process.client), {
      clock: world.clock,
      afterwards: { isAwaited: world.scenario.areKeptAwake, do: (work) => this.#behind.push(work) },
      onDefect: () => undefined,
      later: () => undefined,
    });
  }

  /** An answer has left, and some die then. */
  async afterwards(): Promise<void> {
    if (this.process.isDead) return;
    await Promise.all(this.#behind.splice(0).map((work) => work()));
  }
}

class World {
  readonly scenario: Scenario;
  readonly dynamo: DynamoDBDocumentClient;
  readonly clock = new TestClock(START_MS);
  readonly random: () => number;
  readonly partition: string;
  begun = 0;

  constructor(scenario: Scenario, dynamo: DynamoDBDocumentClient, tenant: string) {
    this.scenario = scenario;
    this.dynamo = dynamo;
    this.random = randomOf(scenario.seed);
    this.partition = `TENANT#${tenant}`;
  }

  items(client = this.dynamo): Items {
    return new Items(client, TABLES.quotas, this.partition);
  }

  poolOf(client: DynamoDBDocumentClient): PredictionPool {
    return new PredictionPool(this.items(client), this.clock);
  }

  async used(): Promise<number> {
    return Number((await this.items().get('MONTH#2026-11#predictions'))?.['used'] ?? 0);
  }

  async call(environment: Environment): Promise<void> {
    const n = 1 + Math.floor(this.random() * 5);
    try {
      const taken = await environment.lease.take(n, this.scenario.limit);
      if (taken === undefined) return;
      // The model runs.
      await new Promise((resolve) => setImmediate(resolve));
      if (environment.process.isDead) return;
      if (this.random() < 0.1) {
        await taken.failed();
        return;
      }
      this.begun += n;
      await taken.served({ model: 'm', key: environment.key, prices: PRICES, gbSeconds: 0.001 });
      environment.served += n;
      await environment.afterwards();
    } catch {
      // The caller is told of an error and was not served.
    }
  }
}

export async function play(scenario: Scenario, dynamo: DynamoDBDocumentClient, tenant: string): Promise<Outcome> {
  const world = new World(scenario, dynamo, tenant);
  const all: Environment[] = [];
  const alive = (): Environment[] => all.filter(({ process }) => !process.isDead);
  const used: number[] = [];
  let names = 0;
  for (let wave = 0; wave < scenario.waves; wave++) {
    while (alive().length < scenario.environments) all.push(new Environment(world, `key_${names++}`));
    const environments = alive();
    const callers = Array.from({ length: scenario.callers }, () =>
      world.call(environments[Math.floor(world.random() * environments.length)]!),
    );
    await Promise.all(callers);
    used.push(await world.used());
    // Calls in quick succession, environments that fall silent for longer than their lease, and all between.
    world.clock.advance([10, 200, 1_500, 45_000, 90_000][Math.floor(world.random() * 5)]!);
    for (const { process } of all) if (world.random() < 0.5) await process.deliverLate();
  }
  for (const { lease, process } of all) {
    for (let tries = 0; tries < 20 && !process.isDead; tries++) await lease.close().catch(() => undefined);
    await process.deliverLate();
  }
  return settle(world, all, used);
}

async function settle(world: World, all: readonly Environment[], used: number[]): Promise<Outcome> {
  const { clock, scenario } = world;
  clock.advance(120_000);
  const pool = world.poolOf(world.dynamo);
  await pool.sweep(DAY);
  used.push(await world.used());
  const entries = await new Usage(world.items()).between(DAY, DAY);
  const living = new Set(all.filter(({ process }) => !process.isDead).map(({ key }) => key));
  const sum = (field: 'predictions' | 'requests', of = entries): number => of.reduce((n, entry) => n + entry[field], 0);
  return {
    used,
    begun: world.begun,
    served: all.filter(({ key }) => living.has(key)).reduce((n, { served }) => n + served, 0),
    billed: sum('predictions'),
    billedOfLiving: sum(
      'predictions',
      entries.filter(({ key }) => living.has(key)),
    ),
    requestsBilled: sum('requests'),
    free: await freeUnits(world, scenario.limit - used.at(-1)!),
    died: all.length - living.size,
  };
}

/** Whether a newcomer gets just the units that are left: all of them, and not one more. */
async function freeUnits(world: World, left: number): Promise<number> {
  const newcomer = new Environment(world, 'newcomer', NO_FAULTS);
  const one = await newcomer.lease.take(left + 1, world.scenario.limit);
  if (one !== undefined) return left + 1;
  if (left === 0) return 0;
  const taken = await newcomer.lease.take(left, world.scenario.limit);
  return taken === undefined ? -1 : left;
}
