/**
 * At least a hundred kills over all families: functions and the whole cloud die by SIGKILL at random moments, and every job ends with the bytes,
 * metrics and events of its undisturbed run, with exact usage and no object left over. KILL_ROUNDS=24 rounds of five attempts each, of which the odd one finds nobody to kill.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Job } from '../../cli/resources.ts';
import { buildIfStale } from '../../scripts/local.ts';
import { FAMILIES } from '../../shared/families/registry.ts';
import { Random } from '../../shared/tensor/random.ts';
import { KillableCloud, isOver } from '../e2e/killable-cloud.ts';
import type { JobEvent } from '../e2e/killable-cloud.ts';
import { FAMILY_JOBS, flowers } from './family-jobs.ts';

const ROUNDS = Number(process.env['KILL_ROUNDS'] ?? 24);
const KILLS_PER_ROUND = 5;
const SEED = Number(process.env['KILL_SEED'] ?? 1);

interface Ending {
  readonly status: string;
  readonly metrics: Job['metrics'];
  readonly sha256: string;
  readonly events: readonly JobEvent[];
}

const cloud = new KillableCloud({ environment: { SEGMENT_SECONDS: '1' } });
const random = Random.fromSeed(SEED);
const datasets = new Map<string, string>();
const jobs: Job[] = [];

const pauseMs = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, random.nextDouble() * 3000));

/** Asks until the cloud, which may be dead at the moment, answers. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      if (tries === 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

async function makeDataset(name: string, rows: readonly object[]): Promise<string> {
  const unique = `${name}-${jobs.length}`;
  const made = await patiently(() =>
    cloud.api.call<{ id: string }>('createDataset', { body: { name: unique, format: 'jsonl', rows } }),
  );
  for (;;) {
    const { status } = await patiently(() =>
      cloud.api.call<{ status: string }>('getDataset', { params: { id: made.id } }),
    );
    if (status === 'ready') return made.id;
    if (status === 'invalid') throw new Error(`dataset ${name} is invalid`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const startJob = (family: string): Promise<Job> =>
  cloud.api.call<Job>('createJob', {
    body: {
      name: `by-${family}`,
      family,
      dataset: datasets.get(family),
      seed: 3,
      ...FAMILY_JOBS[family]?.job,
    },
  });

async function endingOf(id: string): Promise<Ending> {
  for (;;) {
    const job = await patiently(() => cloud.jobOf(id));
    if (!isOver(job)) {
      await new Promise((resolve) => setTimeout(resolve, 250));
      continue;
    }
    jobs.push(job);
    const sha256 = await patiently(() => cloud.sha256Of(job));
    return { status: job.status, metrics: job.metrics, sha256, events: await patiently(() => cloud.eventsOf(id)) };
  }
}

/** Five kills at random moments; no segment is hit more often than it is tried. */
async function disturb(round: number): Promise<number> {
  const victims =
    round % 2 === 0 ? ['fit', 'train', 'fit', 'train', 'control'] : ['fit', 'cloud', 'ingest', 'train', 'cloud'];
  let kills = 0;
  for (const victim of victims) {
    await pauseMs();
    if (victim === 'cloud') {
      await cloud.kill();
      await cloud.start();
      kills++;
    } else if (await cloud.killFunction(victim, 3000)) kills++;
  }
  return kills;
}

beforeAll(async () => {
  buildIfStale(() => undefined);
  await cloud.start();
}, 300_000);
afterAll(() => cloud.end());

describe('jobs of every family, killed again and again', () => {
  it('covers every family', () => {
    expect(FAMILIES.map(({ name }) => name).filter((name) => !(name in FAMILY_JOBS))).toEqual([]);
  });

  it('end as if nothing had happened', async () => {
    const families = FAMILIES.map(({ name }) => name);
    for (const family of families) datasets.set(family, await makeDataset(family, FAMILY_JOBS[family]!.rows));
    const undisturbed = new Map<string, Ending>();
    for (const family of families) undisturbed.set(family, await endingOf((await startJob(family)).id));
    let kills = 0;

    for (let round = 0; round < ROUNDS; round++) {
      const started = await Promise.all(families.map((family) => patiently(() => startJob(family))));
      const extra = round % 2 === 1 ? makeDataset('extra', flowers) : undefined;
      kills += await disturb(round);
      await extra;
      for (const [i, family] of families.entries())
        expect({ round, family, ...(await endingOf(started[i]!.id)) }).toEqual({
          round,
          family,
          ...undisturbed.get(family),
        });
    }

    expect(kills).toBeGreaterThanOrEqual(Math.round(ROUNDS * KILLS_PER_ROUND * 0.84));
    process.stderr.write(`${kills} kills, ${jobs.length} jobs\n`);
    const limits = await cloud.api.call<{ data: { name: string; used: number }[] }>('getLimits');
    const used = (name: string) => limits.data.find((limit) => limit.name === name)?.used;
    expect(used('jobs_at_once')).toBe(0);
    expect(used('training_seconds_per_month')).toBe(jobs.reduce((sum, { usage }) => sum + Math.ceil(usage.seconds), 0));
    const usage = await cloud.api.call<{ data: { training_gb_seconds: number }[] }>('getUsage');
    const billed = usage.data.reduce((sum, { training_gb_seconds: gbSeconds }) => sum + gbSeconds, 0);
    expect(billed).toBeCloseTo(
      jobs.reduce((sum, { usage: { gb_seconds: gbSeconds } }) => sum + gbSeconds, 0),
      6,
    );
    const left = (await cloud.objects()).filter((key) => /\/jobs\//.test(key));
    expect(left).toEqual([]);
  }, 3_600_000);
});
