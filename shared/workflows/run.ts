/** One training as *fit* sees it: a job's only one, or a trial of its sweep, with the record that tells how it goes. */
import { epochS } from '../clock.ts';
import type { Attempt, JobRecord, JobSpec, TrialRecord } from '../resources/job.ts';
import type { Usage } from '../resources/training.ts';
import type { SegmentResult } from '../runtime/trainer.ts';
import type { Catalog } from '../stores/catalog.ts';
import type { EventLog } from '../stores/event-log.ts';
import type { Metered } from '../tenancy/price.ts';
import type { FitContext } from './fit-context.ts';
import { plannedTrials, sweepMetric, trialParams } from './sweep.ts';

/** What an attempt knows of its invocation. */
type AttemptContext = Pick<FitContext, 'stores' | 'clock' | 'endsMs' | 'memoryMb' | 'gbSecondUsd'>;

/** Which training. */
export interface RunName {
  readonly job: string;
  readonly trial?: string;
}

type RunFields = Partial<Pick<TrialRecord, 'status' | 'progress' | 'metrics' | 'usage' | 'error' | 'attempt'>>;

export interface Run {
  readonly name: RunName;
  readonly job: JobRecord;
  /** The job's, with the trial's parameters. */
  readonly spec: JobSpec;
  /** What it cost before this attempt. */
  readonly before: Metered;
  /** As it begins. */
  readonly attempt: Attempt;
  readonly events: EventLog;
  /** Writes what the training tells of itself. A job that has ended meanwhile stays as it is. */
  readonly patch: (fields: RunFields) => Promise<boolean>;
}

/** A trial in the place of its job: what it trains, publishes and shows on its card. */
export function specOf(job: JobRecord, trial: string | undefined): JobRecord {
  if (trial === undefined || job.sweep === undefined) return job;
  const planned = plannedTrials({ ...job, sweep: job.sweep }).find(({ id }) => id === trial);
  if (planned === undefined) throw new RangeError(`job ${job.id} has no trial ${trial}`);
  const { sweep: _, ...rest } = job;
  return { ...rest, params: trialParams(job.params, planned.params) };
}

/** Opens a training and marks it as running. @returns undefined when its job was erased, or cancelled before the training began */
export async function openRun(name: RunName, segment: number, context: AttemptContext): Promise<Run | undefined> {
  const { clock } = context;
  const { catalog } = context.stores;
  const job = await catalog.jobs.get(name.job);
  if (job === undefined || (job.cancel_requested === true && segment === 0)) return undefined;
  const events = catalog.events(job.id);
  const attempt = attemptOf(job, context);
  const noted = name.trial === undefined ? { attempt } : {};
  if (job.started_at === undefined || segment === 0) {
    const began = { status: 'running', started_at: job.started_at ?? epochS(clock) } as const;
    await catalog.jobs.patch(job.id, { ...began, ...noted }, ['queued', 'running']);
    const about = {
      type: 'status',
      level: 'info',
      message: 'the training began',
      data: { status: 'running' },
    } as const;
    await events.append('began', { ...about, created_at: began.started_at });
  } else if (name.trial === undefined) await catalog.jobs.patch(job.id, noted, ['running']);
  const run = { name, job, spec: specOf(job, name.trial), attempt, events };
  if (name.trial === undefined) {
    const patch = (fields: RunFields) => catalog.jobs.patch(job.id, ofJob(fields), ['running']);
    return { ...run, before: job.usage, patch };
  }
  const trial = await openTrial(job, name.trial, { catalog, attempt });
  if (segment === 0) {
    const data = { trial: trial.id, params: trial.params };
    await events.append(`${trial.id}-began`, {
      type: 'message',
      level: 'info',
      created_at: epochS(clock),
      message: `${trial.id} began`,
      data,
    });
  }
  return {
    ...run,
    before: trial.usage,
    patch: (fields) => catalog.trials(job.id).patch(trial.id, fields),
  };
}

export function metricsOf({ metrics }: Pick<SegmentResult, 'metrics'>): JobRecord['metrics'] {
  return { train: { ...metrics.train }, validation: { ...metrics.validation } };
}

/** The figure that a sweep compares its trials by. */
export function scoreOf(job: JobRecord, metrics: TrialRecord['metrics']): number | undefined {
  if (job.sweep === undefined) return undefined;
  const { part, name } = sweepMetric({ ...job, sweep: job.sweep });
  return metrics[part][name];
}

export function plus(a: Metered, b: Metered): Metered {
  const sum = (field: keyof Metered): number => Math.round((a[field] + b[field]) * 1e9) / 1e9;
  return { seconds: sum('seconds'), gb_seconds: sum('gb_seconds'), usd: sum('usd') };
}

/** What an attempt notes of itself as it begins. */
export function attemptOf(job: JobRecord, { clock, endsMs, memoryMb, gbSecondUsd }: AttemptContext): Attempt {
  const price = { memory_mb: memoryMb, gb_second_usd: job.gb_second_usd ?? gbSecondUsd };
  return { counted_to_ms: clock.nowMs(), ends_ms: endsMs, ...price };
}

/** An attempt for which no more is charged. */
export function over(attempt: Attempt): Attempt {
  return { ...attempt, ends_ms: attempt.counted_to_ms };
}

/** The name of the lease on the month's seconds that a segment or a publication has. */
export function leaseName(event: RunName & { action: 'segment' | 'publish'; segment: number }): string {
  if (event.action === 'publish') return `${event.job}/publish`;
  return [event.job, ...(event.trial === undefined ? [] : [event.trial]), event.segment].join('/');
}

export const NO_USAGE: Metered = { seconds: 0, gb_seconds: 0, usd: 0 };

async function openTrial(
  job: JobRecord,
  id: string,
  { catalog, attempt }: { catalog: Catalog; attempt: Attempt },
): Promise<TrialRecord> {
  const trials = catalog.trials(job.id);
  const known = await trials.get(id);
  if (known !== undefined) {
    await trials.patch(id, { status: 'running', attempt });
    return known;
  }
  const planned = plannedTrials({ ...job, sweep: job.sweep! }).find((each) => each.id === id);
  if (planned === undefined) throw new RangeError(`job ${job.id} has no trial ${id}`);
  const record: TrialRecord = {
    id,
    params: { ...planned.params },
    status: 'running',
    progress: { fraction: 0 },
    metrics: { train: {}, validation: {} },
    usage: NO_USAGE,
    attempt,
  };
  await trials.create(id, record);
  return record;
}

/** A job ends when it is settled, not when its training does. */
function ofJob({ status: _status, error: _error, usage, ...fields }: RunFields): Partial<JobRecord> {
  return { ...fields, ...(usage === undefined ? {} : { usage: usage satisfies Usage }) };
}
