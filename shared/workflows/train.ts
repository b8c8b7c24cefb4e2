/**
 * A job from its first segment to its last: the body of the durable *train* function. It decides and never computes; each
 * segment and the publication is a chained invoke of *fit* with the tenant's id. It is replayed from the top, so there is no
 * clock, randomness or I/O outside its steps.
 */
import type { JobError, JobSpec } from '../resources/job.ts';
import type { Metered } from '../tenancy/price.ts';

export interface TrainEvent {
  readonly tenant_id: string;
  readonly job: string;
}

/** What *fit* is asked to do. */
export type FitEvent =
  | { readonly action: 'segment'; readonly job: string; readonly segment: number; readonly seconds_used: number }
  | { readonly action: 'publish'; readonly job: string; readonly segment: number };

export interface SegmentOutcome {
  /** `running`: there is more to do; the others end the training. */
  readonly status: 'running' | 'finished' | 'cancelled' | 'over_budget' | 'failed';
  readonly usage: Metered;
  /** Whether a checkpoint exists that can be published. */
  readonly has_checkpoint: boolean;
  readonly error?: JobError;
}

export interface PublishOutcome {
  readonly model?: { readonly name: string; readonly version: number };
  readonly usage: Metered;
  readonly error?: JobError;
}

/** How a job ended. */
export interface JobOutcome {
  readonly status: 'succeeded' | 'failed' | 'cancelled';
  readonly usage: Metered;
  readonly model?: { readonly name: string; readonly version: number };
  readonly error?: JobError;
}

/** The durable operations that the orchestration needs; the SDK's context carries them out. */
export interface Orchestration {
  /** A chained invoke of *fit*, tried again a bounded number of times. @throws {FitFailed} when it keeps failing */
  fit<T>(name: string, event: FitEvent): Promise<T>;
  /** One step with effects, run at least once. */
  step(name: string, effect: () => Promise<void>): Promise<void>;
}

/** *fit* failed without an answer of its own: it crashed, ran out of memory or of time, as often as it was tried. */
export class FitFailed extends Error {
  override readonly name = 'FitFailed';
}

/** Segments of ten minutes: two weeks of training, and within the 3,000 operations of a durable execution. */
const MAX_SEGMENTS = 2_000;

export async function train(
  event: TrainEvent,
  to: Orchestration,
  settle: (outcome: JobOutcome) => Promise<void>,
): Promise<JobOutcome> {
  const outcome = await runJob(event.job, to);
  await to.step('settle', () => settle(outcome));
  return outcome;
}

async function runJob(job: string, to: Orchestration): Promise<JobOutcome> {
  let usage: Metered = { seconds: 0, gb_seconds: 0, usd: 0 };
  let phase: JobError['phase'] = 'train';
  try {
    for (let segment = 0; segment < MAX_SEGMENTS; segment++) {
      const result = await to.fit<SegmentOutcome>(`segment-${segment}`, {
        action: 'segment',
        job,
        segment,
        seconds_used: usage.seconds,
      });
      usage = plus(usage, result.usage);
      if (result.status === 'running') continue;
      if (!result.has_checkpoint) return ending(result, usage);
      phase = 'publish';
      const published = await to.fit<PublishOutcome>('publish', { action: 'publish', job, segment });
      usage = plus(usage, published.usage);
      const model = published.model === undefined ? {} : { model: published.model };
      if (published.error !== undefined) return { status: 'failed', usage, error: published.error };
      return { ...ending(result, usage), ...model };
    }
    return {
      status: 'failed',
      usage,
      error: {
        code: 'training_timeout',
        phase,
        message: `the job did not finish within ${MAX_SEGMENTS} segments`,
        hint: 'use fewer epochs, less data or a smaller model',
      },
    };
  } catch (error) {
    if (!(error instanceof FitFailed)) throw error;
    return {
      status: 'failed',
      usage,
      error: {
        code: 'internal',
        phase,
        message: error.message,
        hint: 'a smaller batch_size or model needs less memory; if it stays, ask your operator with the id of this job',
      },
    };
  }
}

function ending(result: SegmentOutcome, usage: Metered): JobOutcome {
  switch (result.status) {
    case 'finished':
    case 'running':
      return { status: 'succeeded', usage };
    case 'cancelled':
      return {
        status: 'cancelled',
        usage,
        error: { code: 'cancelled', phase: 'train', message: 'the job was cancelled' },
      };
    case 'over_budget':
      return {
        status: 'failed',
        usage,
        error: {
          code: 'budget_exceeded',
          phase: 'train',
          message: 'the job used up budget.max_seconds before it finished',
          hint: 'raise the budget, or use the version trained so far',
        },
      };
    case 'failed':
      return {
        status: 'failed',
        usage,
        error: result.error ?? { code: 'internal', phase: 'train', message: 'the training failed without saying why' },
      };
  }
}

function plus(a: Metered, b: Metered): Metered {
  return { seconds: a.seconds + b.seconds, gb_seconds: a.gb_seconds + b.gb_seconds, usd: a.usd + b.usd };
}

/** The columns that a job reads of its dataset, or undefined for all of them. */
export function columnsOf(spec: Pick<JobSpec, 'features' | 'target'>): readonly string[] | undefined {
  if (spec.features === undefined) return undefined;
  return spec.target === undefined ? spec.features : [...spec.features, spec.target];
}
