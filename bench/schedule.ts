/**
 * 10,000 jobs of 1,000 tenants through the scheduler's decisions in virtual time: who waits how long beside an ideal division of the slots, and whether a
 * segment was lost, done twice or out of turn. `npm run bench:schedule [-- --json]`. Fails where anything was.
 */
import { parseArgs } from 'node:util';
import { Random } from '../shared/tensor/random.ts';
import { breaches } from './schedule/audit.ts';
import { fluidEnds } from './schedule/fluid.ts';
import { SMALL, makeJobs } from './schedule/jobs.ts';
import type { Job } from './schedule/jobs.ts';
import { simulate } from './schedule/simulation.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    slots: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
  },
});

/** Of the function, and of each of the lease of its slot. */
const setting = { slots: Number(options.slots), segmentMs: 600_000, leaseMs: 50 * 60_000, crashRate: 0.02 };
const random = Random.fromSeed(Number(options.seed));
const jobs = makeJobs(random);
const startedMs = performance.now();
const { attempts, lastMs, reads, writes, largestBytes } = simulate(jobs, setting, random);
const found = breaches(jobs, attempts, setting);
const ideal = fluidEnds(jobs, setting.slots);
const byJob = Map.groupBy(attempts, ({ job }) => job);
const byTenant = Map.groupBy(jobs, ({ tenant }) => tenant);

const isSmall = (tenant: string): boolean => byTenant.get(tenant)!.length <= SMALL;
const firstWaitS = (job: Job): number => (byJob.get(job.id)![0]!.fromMs - job.submittedMs) / 1000;
const tookMs = (job: Job, endMs: number): number => endMs - job.submittedMs;
const endOf = (job: Job): number => Math.max(...byJob.get(job.id)!.map(({ toMs }) => toMs));
/** From submission to end, by the ideal's, over all jobs of a tenant. */
const slowdownOf = (own: readonly Job[]): number => {
  const sum = (of: (job: Job) => number) => own.reduce((total, job) => total + tookMs(job, of(job)), 0);
  return sum(endOf) / sum((job) => ideal.get(job.id)!);
};
/** How much later than by the ideal the last of a tenant's jobs ends. */
const lagS = (own: readonly Job[]): number =>
  (Math.max(...own.map(endOf)) - Math.max(...own.map(({ id }) => ideal.get(id)!))) / 1000;

function quantiles(values: readonly number[]) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (q: number): number => Number(sorted[Math.floor(q * (sorted.length - 1))]!.toPrecision(4));
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

function figuresOf(isKind: (tenant: string) => boolean) {
  const own = [...byTenant].filter(([tenant]) => isKind(tenant)).map(([, theirs]) => theirs);
  return {
    tenants: own.length,
    jobs: own.flat().length,
    first_wait_s: quantiles(own.flat().map(firstWaitS)),
    slowdown: quantiles(own.map(slowdownOf)),
    lag_s: quantiles(own.map(lagS)),
  };
}

const trainedMs = jobs.reduce((sum, { workMs }) => sum + workMs, 0);
const result = {
  tenants: byTenant.size,
  jobs: jobs.length,
  slots: setting.slots,
  segments: attempts.filter(({ isDone }) => isDone).length,
  attempts_that_died: attempts.filter(({ isDone }) => !isDone).length,
  breaches: found.length,
  hours: lastMs / 3_600_000,
  slots_used: trainedMs / (lastMs * setting.slots),
  small_tenants: figuresOf(isSmall),
  large_tenants: figuresOf((tenant) => !isSmall(tenant)),
  reads_per_s: reads / (lastMs / 1000),
  writes_per_s: writes / (lastMs / 1000),
  schedule_bytes: largestBytes,
  simulated_in_s: (performance.now() - startedMs) / 1000,
};
if (options.json) console.log(JSON.stringify(result));
else console.dir(result, { depth: 3 });
for (const breach of found.slice(0, 10)) console.error(breach);
if (found.length > 0) process.exitCode = 1;
