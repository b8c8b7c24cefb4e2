/**
 * 10,000 jobs of 1,000 tenants through the scheduler's decisions (shared/tenancy/schedule.ts) in virtual time: who gets which share of the slots, who
 * waits how long, and whether a job is lost. `npm run bench:schedule [-- --json]`. Jobs ask as the orchestration does, with its pauses; one in
 * fifty segments dies without giving its slot back.
 */
import { parseArgs } from 'node:util';
import { EMPTY_SCHEDULE, decide, pauseS, release } from '../shared/tenancy/schedule.ts';
import { Random } from '../shared/tensor/random.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    slots: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
  },
});

const TENANTS = 1000;
const JOBS = 10_000;
const SEGMENT_MS = 600_000;
const LEASE_MS = 2_700_000;
const CRASH_RATE = 0.02;
/** How often it is looked who holds what. */
const SAMPLE_MS = 60_000;
const capacity = { slots: Number(options.slots), leaseMs: LEASE_MS };
const random = Random.fromSeed(Number(options.seed));

interface Job {
  readonly id: string;
  readonly tenant: string;
  readonly submittedMs: number;
  /** Of training that is left. */
  leftMs: number;
  asked: number;
  startedMs: number | undefined;
  finishedMs: number | undefined;
}

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly act: () => void;
}

/** Events by time, those of one time in the order they were made: a binary heap. */
class Agenda {
  readonly #events: Event[] = [];
  #made = 0;

  add(atMs: number, act: () => void): void {
    const events = this.#events;
    events.push({ atMs, order: this.#made++, act });
    for (let i = events.length - 1; i > 0;) {
      const parent = (i - 1) >> 1;
      if (!isSooner(events[i]!, events[parent]!)) break;
      [events[i], events[parent]] = [events[parent]!, events[i]!];
      i = parent;
    }
  }

  next(): Event | undefined {
    const events = this.#events;
    const [first] = events;
    const last = events.pop();
    if (last === undefined || first === undefined || events.length === 0) return first;
    events[0] = last;
    for (let i = 0; ;) {
      const [left, right] = [2 * i + 1, 2 * i + 2];
      let soonest = i;
      if (left < events.length && isSooner(events[left]!, events[soonest]!)) soonest = left;
      if (right < events.length && isSooner(events[right]!, events[soonest]!)) soonest = right;
      if (soonest === i) return first;
      [events[i], events[soonest]] = [events[soonest]!, events[i]!];
      i = soonest;
    }
  }
}

const isSooner = (a: Event, b: Event): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

/** One tenant has a tenth of all jobs, ten more a twentieth of the rest each, the others share what is left; all within two hours. */
function makeJobs(): Job[] {
  return Array.from({ length: JOBS }, (_, i) => {
    const draw = random.nextDouble();
    const tenant = draw < 0.1 ? 0 : draw < 0.5 ? 1 + random.nextBelow(10) : 11 + random.nextBelow(TENANTS - 11);
    // From a minute to hours, most of them short.
    const leftMs = 60_000 * Math.exp(3 * random.nextDouble() ** 2 * 1.6);
    return {
      id: `job${i}`,
      tenant: `tenant${tenant}`,
      submittedMs: Math.floor(random.nextDouble() * 7_200_000),
      leftMs,
      asked: 0,
      startedMs: undefined,
      finishedMs: undefined,
    };
  });
}

interface Share {
  /** Slot-milliseconds that the tenant had, and that an equal division would have given it, while it wanted more than it had. */
  had: number;
  due: number;
}

function simulate(jobs: readonly Job[]) {
  const agenda = new Agenda();
  let schedule = EMPTY_SCHEDULE;
  let nowMs = 0;
  let writes = 0;
  let reads = 0;
  const wanting = new Map<string, number>();
  const holding = new Map<string, number>();
  const shares = new Map<string, Share>();
  const add = (counts: Map<string, number>, tenant: string, n: number): void => {
    const count = (counts.get(tenant) ?? 0) + n;
    if (count === 0) counts.delete(tenant);
    else counts.set(tenant, count);
  };
  const ask = (job: Job): void => {
    reads++;
    const { isAdmitted, next } = decide(schedule, { job: job.id, tenant: job.tenant, nowMs }, capacity);
    if (next !== undefined) {
      writes++;
      schedule = next;
    }
    if (!isAdmitted) {
      agenda.add(nowMs + pauseS(job.asked++) * 1000, () => ask(job));
      return;
    }
    job.asked = 0;
    job.startedMs ??= nowMs;
    add(holding, job.tenant, 1);
    const isCrash = random.nextDouble() < CRASH_RATE;
    const ranMs = Math.min(job.leftMs, SEGMENT_MS) * (isCrash ? random.nextDouble() : 1);
    agenda.add(nowMs + ranMs, () => {
      add(holding, job.tenant, -1);
      if (!isCrash) job.leftMs -= ranMs;
      if (job.leftMs > 0) {
        ask(job);
        return;
      }
      job.finishedMs = nowMs;
      add(wanting, job.tenant, -1);
      // One holder in fifty is gone without a word: its slot comes back when the lease ends.
      if (random.nextDouble() >= CRASH_RATE) {
        writes++;
        schedule = release(schedule, job.id) ?? schedule;
      }
    });
  };
  for (const job of jobs) {
    agenda.add(job.submittedMs, () => {
      add(wanting, job.tenant, 1);
      ask(job);
    });
  }
  let accountedMs = 0;
  for (let event = agenda.next(); event !== undefined; event = agenda.next()) {
    if (event.atMs - accountedMs >= SAMPLE_MS) {
      account({ wanting, holding, shares }, event.atMs - accountedMs);
      accountedMs = event.atMs;
    }
    nowMs = event.atMs;
    event.act();
  }
  return { shares, lastMs: nowMs, reads, writes };
}

/** What each tenant that wants more than it has got of an equal division of the slots during `passedMs`. */
function account(
  now: { wanting: Map<string, number>; holding: Map<string, number>; shares: Map<string, Share> },
  passedMs: number,
): void {
  if (passedMs === 0) return;
  const level = maxMinLevel([...now.wanting.values()], capacity.slots);
  for (const [tenant, jobs] of now.wanting) {
    const held = now.holding.get(tenant) ?? 0;
    if (held >= jobs) continue;
    const share = now.shares.get(tenant) ?? { had: 0, due: 0 };
    share.had += held * passedMs;
    share.due += Math.min(jobs, level) * passedMs;
    now.shares.set(tenant, share);
  }
}

/** Slots that everyone may have who wants so many: max-min fair, fractions allowed. */
function maxMinLevel(wanted: readonly number[], slots: number): number {
  let left = slots;
  const sorted = wanted.toSorted((a, b) => a - b);
  for (const [i, jobs] of sorted.entries()) {
    const level = left / (sorted.length - i);
    if (jobs > level) return level;
    left -= jobs;
  }
  return Infinity;
}

const quantile = (sorted: readonly number[], q: number): number => sorted[Math.floor(q * (sorted.length - 1))] ?? 0;

const jobs = makeJobs();
const trainedMs = jobs.reduce((sum, { leftMs }) => sum + leftMs, 0);
const startedMs = performance.now();
const { shares, lastMs, reads, writes } = simulate(jobs);
const jobsOf = new Map<string, number>();
for (const { tenant } of jobs) jobsOf.set(tenant, (jobsOf.get(tenant) ?? 0) + 1);
const waits = (isKind: (count: number) => boolean): number[] =>
  jobs
    .filter(({ tenant }) => isKind(jobsOf.get(tenant)!))
    .map(({ startedMs: began, submittedMs }) => ((began ?? Infinity) - submittedMs) / 1000)
    .sort((a, b) => a - b);
const small = waits((count) => count <= 20);
const large = waits((count) => count > 20);
const ratios = [...shares.values()]
  .filter(({ due }) => due > 20 * SEGMENT_MS)
  .map(({ had, due }) => had / due)
  .sort((a, b) => a - b);
const result = {
  tenants: jobsOf.size,
  jobs: jobs.length,
  slots: capacity.slots,
  finished: jobs.filter(({ finishedMs }) => finishedMs !== undefined).length,
  largest_tenant_jobs: Math.max(...jobsOf.values()),
  hours: lastMs / 3_600_000,
  slots_used: trainedMs / (lastMs * capacity.slots),
  first_wait_s_small_tenants: { p50: quantile(small, 0.5), p99: quantile(small, 0.99), max: small.at(-1) },
  first_wait_s_large_tenants: { p50: quantile(large, 0.5), p99: quantile(large, 0.99), max: large.at(-1) },
  share_of_due: { min: ratios[0], p1: quantile(ratios, 0.01), p50: quantile(ratios, 0.5) },
  reads_per_s: reads / (lastMs / 1000),
  writes_per_s: writes / (lastMs / 1000),
  simulated_in_s: (performance.now() - startedMs) / 1000,
};
console.log(options.json ? JSON.stringify(result) : result);
