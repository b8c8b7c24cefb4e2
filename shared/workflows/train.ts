/**
 * A job from its first segment to its last: the body of the durable *train* function. It decides and never computes; each
 * segment and the publication is a chained invoke of *fit* with the tenant's id. It is replayed from the top, so there is no
 * clock, randomness or I/O outside its steps.
 */
import type { JobSpec } from '../resources/job.ts';
import type { JobError } from '../resources/training.ts';
import type { CollectAction } from './batch/collect.ts';
import type { PredictAction } from './batch/predict.ts';
import type { CheckAction } from './check-model.ts';
import { crashCode, failure } from './failure.ts';
import { FitFailed } from './fit-failed.ts';
import type { RunName } from './run.ts';
import type { Rung, SweepPlan } from './sweep.ts';

export interface TrainEvent {
  readonly tenant_id: string;
  readonly job: string;
  readonly sweep?: SweepPlan;
  /** There is a webhook to be told of the end. */
  readonly webhook?: boolean;
}

/** What *fit* is asked to do. */
export type FitEvent =
  | (RunName & { readonly action: 'segment'; readonly segment: number; readonly until_epoch?: number })
  | (RunName & { readonly action: 'publish'; readonly segment: number })
  | { readonly action: 'discard'; readonly job: string }
  | { readonly action: 'estimate'; readonly spec: JobSpec }
  | CheckAction
  | PredictAction
  | CollectAction;

export interface SegmentOutcome {
  /** `running`: there is more to do; `paused`: the epochs asked for are done; the others end the training. */
  readonly status: 'running' | 'paused' | 'finished' | 'cancelled' | 'over_budget' | 'over_quota' | 'failed';
  /** Of this attempt. */
  readonly seconds: number;
  /** The last segment that has a checkpoint, which can be published. */
  readonly checkpoint?: number;
  /** The figure by which a sweep compares. */
  readonly score?: number;
  readonly error?: JobError;
}

export interface PublishOutcome {
  readonly model?: { readonly name: string; readonly version: number };
  readonly seconds: number;
  readonly error?: JobError;
}

/** How a job ended. */
export interface JobOutcome {
  readonly status: 'succeeded' | 'failed' | 'cancelled';
  readonly model?: { readonly name: string; readonly version: number };
  readonly best_trial?: string;
  readonly error?: JobError;
}

/** The durable operations that the orchestration needs; the SDK's context carries them out. */
export interface Orchestration {
  /** A chained invoke of *fit*, tried again a bounded number of times. @throws {FitFailed} when it keeps failing */
  fit<T>(name: string, event: FitEvent, tries?: number): Promise<T>;
  /** One step with effects, run at least once. */
  step<T>(name: string, effect: () => Promise<T>): Promise<T>;
  wait(name: string, seconds: number): Promise<void>;
  /** Asks again and again, however often as one operation, until the answer is yes. @returns whether it ever was */
  until(name: string, question: Question): Promise<boolean>;
  /** The tasks at once, at most so many; each has operations of its own. */
  map<I, T>(name: string, tasks: Tasks<I, T>): Promise<T[]>;
}

export interface Question {
  readonly ask: () => Promise<boolean>;
  readonly times: number;
  /** Before the next time, by how often it was asked. */
  readonly pauseS: (asked: number) => number;
}

export interface Tasks<I, T> {
  readonly items: readonly I[];
  readonly maxParallel: number;
  readonly run: (item: I, to: Orchestration) => Promise<T>;
}

/** What *train* does besides, in steps. */
export interface TrainServices {
  settle(outcome: JobOutcome): Promise<void>;
  /** Notes that a trial has failed without *fit* being able to say so. */
  failTrial(trial: string, error: JobError): Promise<unknown>;
  /** @returns in how many seconds to try again, 0 when there is nothing more to try */
  notify(attempt: number): Promise<number>;
}

/** How a training ended, and from where it could be published. */
interface RunEnd {
  readonly name: RunName;
  readonly outcome: Omit<SegmentOutcome, 'seconds'>;
}

/** Of the 3,000 that a durable execution may have, two a segment; some are kept for waiting, retries, the publication and webhooks. */
const MAX_SEGMENTS = 1_000;
/** What ends all trials of a sweep, where it ends one. */
const ENDING_SWEEPS: ReadonlySet<SegmentOutcome['status']> = new Set(['cancelled', 'over_budget', 'over_quota']);

export async function train(event: TrainEvent, to: Orchestration, services: TrainServices): Promise<JobOutcome> {
  const outcome = await runJob(event, to, services);
  await to.step('settle', () => services.settle(outcome));
  if (event.webhook === true) await notifyUntilDone(to, services);
  return outcome;
}

/** Tries of a webhook, until there is nothing more to try. */
export async function notifyUntilDone(to: Orchestration, services: Pick<TrainServices, 'notify'>): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const seconds = await to.step(`webhook-${attempt}`, () => services.notify(attempt));
    if (seconds === 0) return;
    await to.wait(`webhook-wait-${attempt}`, seconds);
  }
}

async function runJob(event: TrainEvent, to: Orchestration, services: TrainServices): Promise<JobOutcome> {
  const { job, sweep } = event;
  if (sweep === undefined) {
    const end = await runTraining({ job }, to, { maxSegments: MAX_SEGMENTS });
    return publish(end, ending(end.outcome), to);
  }
  const ends = await runSweep(job, sweep, { to, services });
  const best = bestOf(ends, sweep.mode);
  const outcome = await publish(best, sweepEnding(ends), to);
  return outcome.model === undefined || best.name.trial === undefined
    ? outcome
    : { ...outcome, best_trial: best.name.trial };
}

/** Segment after segment, until the training ends or comes to the epoch where it pauses. */
async function runTraining(
  name: RunName,
  to: Orchestration,
  limits: { maxSegments: number; first?: number; untilEpoch?: number | undefined },
): Promise<RunEnd> {
  const { first = 0, untilEpoch } = limits;
  let outcome: Omit<SegmentOutcome, 'seconds'> = {
    status: 'running',
    ...(first === 0 ? {} : { checkpoint: first - 1 }),
  };
  try {
    for (let segment = first; outcome.status === 'running'; segment++) {
      if (segment >= limits.maxSegments) {
        const message = `the training did not finish within ${limits.maxSegments} segments`;
        return {
          name,
          outcome: { ...outcome, status: 'failed', error: failure('training_timeout', 'train', { message }) },
        };
      }
      const until = untilEpoch === undefined ? {} : { until_epoch: untilEpoch };
      outcome = await to.fit<SegmentOutcome>(`segment-${segment}`, { action: 'segment', ...name, segment, ...until });
    }
    return { name, outcome };
  } catch (error) {
    if (!(error instanceof FitFailed)) throw error;
    return { name, outcome: { ...outcome, status: error.exhausted ?? 'failed', error: crashed(error, 'train') } };
  }
}

/** The trials of every rung at once, the best of which go on to the next. */
async function runSweep(
  job: string,
  plan: SweepPlan,
  { to, services }: { to: Orchestration; services: TrainServices },
): Promise<RunEnd[]> {
  const ends = new Map<string, RunEnd>();
  const maxSegments = Math.max(3, Math.floor(MAX_SEGMENTS / plan.trials.length));
  const run = (rung: Rung) => async (trial: string, own: Orchestration) => {
    const first = (ends.get(trial)?.outcome.checkpoint ?? -1) + 1;
    const end = await runTraining({ job, trial }, own, { maxSegments, first, untilEpoch: rung.epoch });
    const { error } = end.outcome;
    // What fit could tell of, it has told of; of a crash it could not.
    if (error !== undefined) await own.step('failed', () => services.failTrial(trial, error));
    return end;
  };
  for (const [i, rung] of plan.rungs.entries()) {
    const items = i === 0 ? plan.trials : promoted([...ends.values()], rung.keep, plan.mode);
    const done = await to.map(`rung-${i}`, { items, maxParallel: plan.max_parallel, run: run(rung) });
    for (const [k, end] of done.entries()) ends.set(items[k]!, end);
    if (done.some(({ outcome: { status } }) => ENDING_SWEEPS.has(status))) break;
  }
  return [...ends.values()];
}

/** The best trials that have something left to do. */
function promoted(ends: readonly RunEnd[], keep: number, mode: SweepPlan['mode']): string[] {
  const ranked = byScore(
    ends.filter(({ outcome }) => ['paused', 'finished'].includes(outcome.status)),
    mode,
  );
  return ranked.slice(0, keep).flatMap(({ name, outcome }) => (outcome.status === 'paused' ? [name.trial!] : []));
}

/** Best first; equals in their order. */
function byScore(ends: readonly RunEnd[], mode: SweepPlan['mode']): RunEnd[] {
  const value = ({ outcome: { score = NaN } }: RunEnd) =>
    Number.isNaN(score) ? Infinity : mode === 'min' ? score : -score;
  return ends.toSorted((a, b) => (value(a) === value(b) ? 0 : value(a) - value(b)));
}

/** The trial to publish: of those that went well, or else of those that have a checkpoint at all. */
function bestOf(ends: readonly RunEnd[], mode: SweepPlan['mode']): RunEnd {
  const withCheckpoint = ends.filter(({ outcome }) => outcome.checkpoint !== undefined);
  const good = withCheckpoint.filter(({ outcome }) => outcome.status !== 'failed');
  return byScore(good.length > 0 ? good : withCheckpoint, mode)[0] ?? ends[0]!;
}

async function publish({ name, outcome }: RunEnd, ended: JobOutcome, to: Orchestration): Promise<JobOutcome> {
  try {
    if (outcome.checkpoint !== undefined) {
      const event = { action: 'publish', ...name, segment: outcome.checkpoint } as const;
      const published = await to.fit<PublishOutcome>('publish', event);
      if (published.model !== undefined) return { ...ended, model: published.model };
      // What made the training fail comes first.
      if (ended.error === undefined) return { status: 'failed', error: published.error! };
    }
    await to.fit('discard', { action: 'discard', job: name.job });
    return ended;
  } catch (error) {
    if (!(error instanceof FitFailed)) throw error;
    await discardUnpublished(name.job, to);
    return unpublished(ended, crashed(error, 'publish'));
  }
}

/** What is left of the training after a publication that crashed; where this crashes too, it stays. */
async function discardUnpublished(job: string, to: Orchestration): Promise<void> {
  try {
    await to.fit('discard-unpublished', { action: 'discard', job });
  } catch (error) {
    if (!(error instanceof FitFailed)) throw error;
  }
}

/** What ended the training comes first, but there is no version of it. */
function unpublished(ended: JobOutcome, crash: JobError): JobOutcome {
  const { error } = ended;
  if (error === undefined) return { status: 'failed', error: crash };
  const message = `${error.message}; what it had learned could not be published: ${crash.message}`;
  const { hint: _version, ...rest } = error;
  return { ...ended, error: { ...rest, message, ...(crash.hint === undefined ? {} : { hint: crash.hint }) } };
}

function crashed(error: FitFailed, phase: JobError['phase']): JobError {
  return failure(crashCode(error.message), phase, { message: error.message });
}

function ending({ status, error }: RunEnd['outcome']): JobOutcome {
  switch (status) {
    case 'finished':
    case 'paused':
    case 'running':
      return { status: 'succeeded' };
    case 'cancelled':
      return { status: 'cancelled', error: { code: 'cancelled', phase: 'train', message: 'the job was cancelled' } };
    case 'over_budget':
      return {
        status: 'failed',
        error: {
          code: 'budget_exceeded',
          phase: 'train',
          message: `the job used up its budget before it finished${because(error)}`,
          hint: error?.hint ?? 'raise the budget, or use the version trained so far',
        },
      };
    case 'over_quota':
      return {
        status: 'failed',
        error: {
          code: 'quota_exceeded',
          phase: 'train',
          message: `this month's training seconds were used up before the job finished${because(error)}`,
          hint: 'use the version trained so far; GET /v1/limits says when there are more',
        },
      };
    case 'failed':
      return {
        status: 'failed',
        error: error ?? failure('internal', 'train', { message: 'the training failed without saying why' }),
      };
  }
}

/** The crash by which it was noticed, where it was one. */
function because(error: JobError | undefined): string {
  return error === undefined ? '' : `: ${error.message}`;
}

/** A sweep succeeds where one trial does; it is cancelled, over its budget or the month's limit as a whole. */
function sweepEnding(ends: readonly RunEnd[]): JobOutcome {
  const of = (...statuses: SegmentOutcome['status'][]) => ends.find(({ outcome }) => statuses.includes(outcome.status));
  const decisive = of('cancelled') ?? of('over_budget') ?? of('over_quota') ?? of('finished', 'paused');
  if (decisive !== undefined) return ending(decisive.outcome);
  const { status, error } = ending(ends[0]!.outcome);
  const message = `all ${ends.length} trials failed; the first: ${error?.message ?? ''}`;
  return { status, ...(error === undefined ? {} : { error: { ...error, message } }) };
}

/** The columns that a job reads of its dataset, or undefined for all of them. */
export function columnsOf(spec: Pick<JobSpec, 'features' | 'target'>): readonly string[] | undefined {
  if (spec.features === undefined) return undefined;
  return spec.target === undefined ? spec.features : [...spec.features, spec.target];
}
