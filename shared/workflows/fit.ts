/**
 * What *fit* does for a job: one time-boxed segment of training, or the publication of the last checkpoint. A segment is a
 * pure function of its checkpoint, and its manifest is written last: run again after a kill it gives the same bytes, and
 * run again after its manifest was written it answers what it answered.
 */
import type { Clock } from '../clock.ts';
import { epochS } from '../clock.ts';
import type { Table } from '../data/table.ts';
import { ServiceError } from '../errors.ts';
import type { JobError, JobRecord } from '../resources/job.ts';
import { runSegment } from '../runtime/trainer.ts';
import type { SegmentResult, TrainingEvent } from '../runtime/trainer.ts';
import type { EventLog, NewEvent } from '../stores/event-log.ts';
import { paths } from '../stores/objects.ts';
import type { TenantStores } from '../stores/tenant-stores.ts';
import { meter } from '../tenancy/price.ts';
import type { Metered } from '../tenancy/price.ts';
import { readTable } from './tables.ts';
import type { FitEvent, SegmentOutcome } from './train.ts';
import { columnsOf } from './train.ts';

export interface FitContext {
  readonly stores: TenantStores;
  readonly clock: Clock;
  /** When the segment has to be over, in ms since the epoch, checkpoint written. */
  readonly deadlineMs: number;
  readonly threads: number;
  readonly memoryMb: number;
  /** For jobs from before there were price lists. */
  readonly gbSecondUsd: number;
}

/** How often a running job's record is refreshed, and asked whether it was cancelled. */
const REFRESH_MS = 500;

/** Trains from the last segment's checkpoint until the job is done or the time is over. */
export async function fitSegment(
  event: Extract<FitEvent, { action: 'segment' }>,
  context: FitContext,
): Promise<SegmentOutcome> {
  const { stores, clock } = context;
  const done = await stores.objects.get(manifestPath(event.job, event.segment));
  if (done !== undefined) return JSON.parse(Buffer.from(done).toString('utf8')) as SegmentOutcome;
  const startedMs = clock.nowMs();
  const job = await startedJob(event, stores, clock);
  const usage = usageSince(startedMs, job, context);
  if (job === undefined) return { status: 'cancelled', usage: usage(), has_checkpoint: false };
  try {
    const watch = new JobWatch(job, event, context);
    const result = await runSegment({
      spec: job,
      ...(await trainingData(job, stores)),
      ...(event.segment === 0
        ? {}
        : { checkpoint: await stores.objects.read(paths.checkpoint(event.job, event.segment - 1)) }),
      threads: context.threads,
      shouldStop: () => watch.shouldStop(),
      onEvent: (training) => watch.onEvent(training),
    });
    await stores.objects.put(paths.checkpoint(event.job, event.segment), result.checkpoint);
    await stores.catalog.jobs.patch(event.job, { progress: result.progress, metrics: metricsOf(result) }, ['running']);
    const outcome: SegmentOutcome = { status: watch.statusOf(result.status), usage: usage(), has_checkpoint: true };
    await stores.objects.put(manifestPath(event.job, event.segment), JSON.stringify(outcome), 'application/json');
    return outcome;
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    return { status: 'failed', usage: usage(), has_checkpoint: false, error: jobError(error, 'train') };
  }
}

/** What the work since `startedMs` costs, at the price that held when the job was made. */
export function usageSince(
  startedMs: number,
  job: Pick<JobRecord, 'gb_second_usd'> | undefined,
  { clock, memoryMb, gbSecondUsd }: Pick<FitContext, 'clock' | 'memoryMb' | 'gbSecondUsd'>,
): () => Metered {
  return () => meter((clock.nowMs() - startedMs) / 1000, memoryMb, job?.gb_second_usd ?? gbSecondUsd);
}

/** The tables that a job trains on. */
export async function trainingData(
  job: JobRecord,
  { objects }: TenantStores,
): Promise<{ train: Table; validation?: Table }> {
  const train = await readTable(objects, job.dataset, columnsOf(job));
  if (!('dataset' in job.validation)) return { train };
  const columns = train.columns.map(({ name }) => name);
  return { train, validation: await readTable(objects, job.validation.dataset, columns) };
}

export function jobError(error: ServiceError, phase: JobError['phase']): JobError {
  return {
    code: error.code,
    phase,
    message: error.message,
    ...(error.param === undefined ? {} : { param: error.param }),
    ...(error.details.length === 0 ? {} : { errors: [...error.details] }),
  };
}

export function metricsOf({ metrics }: Pick<SegmentResult, 'metrics'>): JobRecord['metrics'] {
  return { train: { ...metrics.train }, validation: { ...metrics.validation } };
}

function manifestPath(job: string, segment: number): string {
  return `${paths.checkpoint(job, segment)}.json`;
}

/** Marks the job as running at its first segment. @returns undefined when it was cancelled before it began, or erased */
async function startedJob(
  { job: id, segment }: { job: string; segment: number },
  stores: TenantStores,
  clock: Clock,
): Promise<JobRecord | undefined> {
  const job = await stores.catalog.jobs.get(id);
  if (job === undefined || (job.cancel_requested === true && segment === 0)) return undefined;
  if (segment === 0) {
    await stores.catalog.jobs.patch(id, { status: 'running', started_at: job.started_at ?? epochS(clock) }, [
      'queued',
      'running',
    ]);
    await stores.catalog.events(id).append('began', {
      type: 'status',
      level: 'info',
      created_at: epochS(clock),
      message: 'the training began',
      data: { status: 'running' },
    });
  }
  return job;
}

/** Watches one running segment: its deadline, its budget, whether the tenant cancelled it; and writes what it reports. */
class JobWatch {
  #isCancelled = false;
  #refreshedMs = 0;
  readonly #job: JobRecord;
  readonly #context: FitContext;
  readonly #budgetEndsMs: number;
  readonly #events: EventLog;

  constructor(job: JobRecord, event: { seconds_used: number }, context: FitContext) {
    this.#job = job;
    this.#context = context;
    this.#events = context.stores.catalog.events(job.id);
    const budgetS = job.budget?.max_seconds ?? Infinity;
    this.#budgetEndsMs = context.clock.nowMs() + (budgetS - event.seconds_used) * 1000;
    this.#isCancelled = job.cancel_requested === true;
  }

  shouldStop(): boolean {
    const nowMs = this.#context.clock.nowMs();
    return this.#isCancelled || nowMs >= this.#context.deadlineMs || nowMs >= this.#budgetEndsMs;
  }

  statusOf(status: SegmentResult['status']): SegmentOutcome['status'] {
    if (status === 'finished') return 'finished';
    if (this.#isCancelled) return 'cancelled';
    return this.#context.clock.nowMs() >= this.#budgetEndsMs ? 'over_budget' : 'running';
  }

  async onEvent(event: TrainingEvent): Promise<void> {
    const { catalog } = this.#context.stores;
    if (event.type === 'metrics') await this.#events.append(`epoch-${event.epoch}`, this.#jobEvent(event));
    const nowMs = this.#context.clock.nowMs();
    if (nowMs - this.#refreshedMs < REFRESH_MS && event.type !== 'metrics') return;
    this.#refreshedMs = nowMs;
    await catalog.jobs.patch(this.#job.id, { progress: event.progress }, ['running']);
    const job = await catalog.jobs.get(this.#job.id);
    // An erased job is a cancelled one: it has nowhere to write to.
    this.#isCancelled = job === undefined || job.cancel_requested === true;
  }

  #jobEvent(event: Extract<TrainingEvent, { type: 'metrics' }>): NewEvent {
    return {
      type: 'metrics',
      level: 'info',
      created_at: epochS(this.#context.clock),
      data: { ...event.data },
    };
  }
}
