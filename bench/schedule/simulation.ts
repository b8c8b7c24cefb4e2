/**
 * Jobs that ask the scheduler (shared/tenancy/schedule.ts) for their turns in virtual time, as the orchestration does: with its pauses, with attempts that die
 * and are tried again, with answers that are lost, and with holders that go without giving their slot back.
 */
import { EMPTY_SCHEDULE, decide, pauseS, release } from '../../shared/tenancy/schedule.ts';
import type { Capacity } from '../../shared/tenancy/schedule.ts';
import type { Random } from '../../shared/tensor/random.ts';
import { Agenda } from './agenda.ts';
import { segmentsOf } from './jobs.ts';
import type { Job } from './jobs.ts';

export interface Setting extends Capacity {
  readonly segmentMs: number;
  /** Of attempts that die, of releases that never come, and of answers that are lost, so that the same is asked again. */
  readonly crashRate: number;
}

/** An attempt at a segment, while a slot is held. */
export interface Attempt {
  readonly job: string;
  readonly segment: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly isDone: boolean;
}

export interface Trace {
  readonly attempts: readonly Attempt[];
  readonly lastMs: number;
  readonly reads: number;
  readonly writes: number;
  /** Of the schedule as it is stored. */
  readonly largestBytes: number;
}

const RETRY_MS = 5_000;
/** Every so many writes the schedule is weighed. */
const WEIGHED = 500;

export function simulate(jobs: readonly Job[], setting: Setting, random: Random): Trace {
  const { segmentMs, crashRate } = setting;
  const agenda = new Agenda();
  const attempts: Attempt[] = [];
  const isMishap = (): boolean => random.nextDouble() < crashRate;
  let schedule = EMPTY_SCHEDULE;
  let nowMs = 0;
  let reads = 0;
  let writes = 0;
  let largestBytes = 0;
  const write = (next: typeof schedule | undefined): void => {
    if (next === undefined) return;
    schedule = next;
    if (writes++ % WEIGHED === 0) largestBytes = Math.max(largestBytes, JSON.stringify(schedule).length);
  };
  const ask = (job: Job, segment: number, asked = 0): void => {
    reads++;
    const { isAdmitted, next } = decide(schedule, { job: job.id, tenant: job.tenant, nowMs }, setting);
    write(next);
    const isLost = isMishap();
    if (isAdmitted && !isLost) run(job, segment);
    else
      agenda.add(nowMs + (isLost ? RETRY_MS : pauseS(asked) * 1000), () => ask(job, segment, asked + Number(!isLost)));
  };
  const run = (job: Job, segment: number): void => {
    const wholeMs = Math.min(segmentMs, job.workMs - segment * segmentMs);
    const isDone = !isMishap();
    const toMs = nowMs + Math.ceil(isDone ? wholeMs : wholeMs * random.nextDouble());
    attempts.push({ job: job.id, segment, fromMs: nowMs, toMs, isDone });
    agenda.add(toMs, () => {
      // What died is tried again under the same turn; the next segment needs another.
      if (!isDone) agenda.add(nowMs + RETRY_MS, () => run(job, segment));
      else if (segment + 1 < segmentsOf(job, segmentMs)) ask(job, segment + 1);
      else if (!isMishap()) write(release(schedule, job.id));
    });
  };
  for (const job of jobs) agenda.add(job.submittedMs, () => ask(job, 0));
  for (let event = agenda.next(); event !== undefined; event = agenda.next()) {
    nowMs = event.atMs;
    event.act();
  }
  return { attempts, lastMs: nowMs, reads, writes, largestBytes };
}
