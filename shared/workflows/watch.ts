/** Watches one running segment: its deadline, the budget, whether the tenant cancelled it; and writes what it reports. */
import { epochS } from '../clock.ts';
import type { JobRecord } from '../resources/job.ts';
import type { SegmentResult, TrainingEvent } from '../runtime/trainer.ts';
import type { NewEvent } from '../stores/event-log.ts';
import { meter } from '../tenancy/price.ts';
import type { Metered } from '../tenancy/price.ts';
import type { FitContext } from './fit-context.ts';
import { NO_USAGE, metricsOf, plus } from './run.ts';
import type { Run } from './run.ts';
import type { SegmentOutcome } from './train.ts';

/** How often a running training's record is refreshed, and asked whether it was cancelled. */
const REFRESH_MS = 1000;
/** How often the trials beside it are asked what they have cost. */
const OTHERS_MS = 5000;

export class RunWatch {
  #isCancelled = false;
  #refreshedMs = 0;
  #othersMs = 0;
  /** Of the last epoch. */
  #metrics: JobRecord['metrics'] | undefined;
  /** Of the job's other trials. */
  #others: Metered = NO_USAGE;
  readonly #run: Run;
  readonly #context: FitContext;
  readonly #startedMs: number;

  /** @param startedMs when the attempt began */
  constructor(run: Run, context: FitContext, startedMs: number) {
    this.#run = run;
    this.#context = context;
    this.#startedMs = startedMs;
    this.#isCancelled = run.job.cancel_requested === true;
  }

  /** Of the training so far, attempts that were killed included. */
  usage(): Metered {
    const seconds = (this.#context.clock.nowMs() - this.#startedMs) / 1000;
    const price = this.#run.job.gb_second_usd ?? this.#context.gbSecondUsd;
    return plus(this.#run.before, meter(seconds, this.#context.memoryMb, price));
  }

  /** Has to be asked once before the training begins. */
  async refreshOthers(): Promise<void> {
    const { job, name } = this.#run;
    if (name.trial === undefined || job.budget === undefined) return;
    this.#othersMs = this.#context.clock.nowMs();
    const { data } = await this.#context.stores.catalog.trials(job.id).list({ limit: 1000, order: 'ascending' });
    this.#others = data.filter(({ id }) => id !== name.trial).reduce((sum, { usage }) => plus(sum, usage), NO_USAGE);
  }

  isOverBudget(): boolean {
    const { max_seconds: maxSeconds = Infinity, max_usd: maxUsd = Infinity } = this.#run.job.budget ?? {};
    const { seconds, usd } = plus(this.#others, this.usage());
    return seconds >= maxSeconds || usd >= maxUsd;
  }

  shouldStop(): boolean {
    return this.#isCancelled || this.#context.clock.nowMs() >= this.#context.deadlineMs || this.isOverBudget();
  }

  statusOf(status: SegmentResult['status']): SegmentOutcome['status'] {
    if (status !== 'running') return status;
    if (this.#isCancelled) return 'cancelled';
    return this.isOverBudget() ? 'over_budget' : 'running';
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
    await this.#run.patch({
      progress: event.progress,
      usage: this.usage(),
      ...(this.#metrics === undefined ? {} : { metrics: this.#metrics }),
    });
    const current = await catalog.jobs.get(job.id);
    // An erased job is a cancelled one: it has nowhere to write to.
    this.#isCancelled = current === undefined || current.cancel_requested === true;
    if (nowMs - this.#othersMs >= OTHERS_MS) await this.refreshOthers();
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
