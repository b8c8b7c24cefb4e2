/** Watches one running segment: its deadline, the budget, the month's seconds, whether the tenant cancelled it; and writes what it reports. */
import { epochS } from '../clock.ts';
import type { Attempt, JobRecord } from '../resources/job.ts';
import type { SegmentResult, TrainingEvent } from '../runtime/trainer.ts';
import type { NewEvent } from '../stores/event-log.ts';
import { meter } from '../tenancy/price.ts';
import type { Metered } from '../tenancy/price.ts';
import type { FitContext } from './fit-context.ts';
import { leftS } from './budget.ts';
import { NO_USAGE, leaseName, metricsOf, over, plus } from './run.ts';
import type { Run } from './run.ts';
import type { SegmentOutcome } from './train.ts';
import { TrainingSeconds } from './training-seconds.ts';

/** How often a running training's record is refreshed, and asked whether it was cancelled. */
const REFRESH_MS = 1000;

export class RunWatch {
  #isCancelled = false;
  #refreshedMs = 0;
  #othersMs = 0;
  /** Of the last epoch. */
  #metrics: JobRecord['metrics'] | undefined;
  /** Of the job's other trials, when they were last asked, and how many of them run on. */
  #others: Metered = NO_USAGE;
  #othersRunning = 0;
  readonly #run: Run;
  readonly #context: FitContext;
  readonly #seconds: TrainingSeconds;

  constructor(run: Run, context: FitContext) {
    this.#run = run;
    this.#context = context;
    this.#isCancelled = run.job.cancel_requested === true;
    this.#seconds = new TrainingSeconds(context.stores.trainingSeconds, run.job.training_seconds_limit);
  }

  /** Has to be asked before the training begins. @returns how it ends at once, for lack of budget or of the month's seconds */
  async begin(segment: number): Promise<'over_budget' | 'over_quota' | undefined> {
    await this.#refreshOthers();
    if (this.isOverBudget()) return 'over_budget';
    const run = leaseName({ action: 'segment', ...this.#run.name, segment });
    return (await this.#seconds.open(run, this.#run.before.seconds)) ? undefined : 'over_quota';
  }

  /** The usage at the end, for which seconds are leased as far as there are any; the attempt is over. */
  async conclude(): Promise<{ usage: Metered; attempt: Attempt }> {
    await this.#seconds.cover(this.#taken());
    const { usage, attempt } = this.#spent();
    return { usage, attempt: over(attempt) };
  }

  /** Once the usage is written. */
  async end({ seconds }: Metered): Promise<void> {
    await this.#seconds.end(seconds);
  }

  /** Of the training so far, attempts that were killed included. */
  usage(): Metered {
    const { before } = this.#run;
    return plus(before, this.#metered(this.#seconds.counted(this.#taken()) - before.seconds));
  }

  /** What is written of it: the usage, and that it counts until now. */
  #spent(): { usage: Metered; attempt: Attempt } {
    const attempt = { ...this.#run.attempt, counted_to_ms: this.#context.clock.nowMs() };
    return { usage: this.usage(), attempt };
  }

  /** Seconds of the training so far, those that are not counted included. */
  #taken(): number {
    return this.#run.before.seconds + (this.#context.clock.nowMs() - this.#run.attempt.counted_to_ms) / 1000;
  }

  async #refreshOthers(): Promise<void> {
    const { job, name } = this.#run;
    if (name.trial === undefined || job.budget === undefined) return;
    this.#othersMs = this.#context.clock.nowMs();
    const { data } = await this.#context.stores.catalog.trials(job.id).list({ limit: 1000, order: 'ascending' });
    const others = data.filter(({ id }) => id !== name.trial);
    this.#others = others.reduce((sum, { usage }) => plus(sum, usage), NO_USAGE);
    this.#othersRunning = others.filter(({ status }) => status === 'running').length;
  }

  /** With what those that run must have cost since they were asked. */
  #othersNow(): Metered {
    const sinceS = (this.#context.clock.nowMs() - this.#othersMs) / 1000;
    return plus(this.#others, this.#metered(this.#othersRunning * sinceS));
  }

  #metered(seconds: number): Metered {
    const { memory_mb: memoryMb, gb_second_usd: gbSecondUsd } = this.#run.attempt;
    return meter(seconds, memoryMb, gbSecondUsd);
  }

  isOverBudget(): boolean {
    return this.leftS() <= 0;
  }

  /** In how many seconds the job's budget is used up, by this and the trials beside it. */
  leftS(): number {
    const { job, attempt } = this.#run;
    return leftS(job.budget, plus(this.#othersNow(), this.usage()), attempt) / (1 + this.#othersRunning);
  }

  shouldStop(): boolean {
    const isDue = this.#context.clock.nowMs() >= this.#context.deadlineMs;
    return this.#isCancelled || isDue || this.isOverBudget() || this.#seconds.isUsedUp(this.#taken());
  }

  statusOf(status: SegmentResult['status']): SegmentOutcome['status'] {
    if (status !== 'running') return status;
    if (this.#isCancelled) return 'cancelled';
    if (this.isOverBudget()) return 'over_budget';
    return this.#seconds.isUsedUp(this.#taken()) ? 'over_quota' : 'running';
  }

  async onEvent(event: TrainingEvent): Promise<void> {
    const { catalog } = this.#context.stores;
    const { job, name, events } = this.#run;
    if (event.type === 'metrics') {
      this.#metrics = metricsOf(event);
      const key = `${name.trial === undefined ? '' : `${name.trial}-`}epoch-${event.epoch}`;
      await events.append(key, this.#jobEvent(event));
    }
    const nowMs = this.#context.clock.nowMs();
    if (nowMs - this.#refreshedMs < REFRESH_MS) return;
    this.#refreshedMs = nowMs;
    await this.#seconds.renew(this.#taken());
    await this.#run.patch({
      progress: event.progress,
      ...this.#spent(),
      ...(this.#metrics === undefined ? {} : { metrics: this.#metrics }),
    });
    const current = await catalog.jobs.get(job.id);
    // An erased job is a cancelled one: it has nowhere to write to.
    this.#isCancelled = current === undefined || current.cancel_requested === true;
    await this.#refreshOthers();
  }

  #jobEvent(event: Extract<TrainingEvent, { type: 'metrics' }>): NewEvent {
    const { trial } = this.#run.name;
    return {
      type: 'metrics',
      level: 'info',
      created_at: epochS(this.#context.clock),
      data: { ...(trial === undefined ? {} : { trial }), ...event.data },
    };
  }
}
