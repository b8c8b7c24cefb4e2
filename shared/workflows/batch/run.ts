/**
 * A batch from its first row to its output: what the durable *train* function decides. Each lane is a chain of invocations of *fit*,
 * all side by side, and one more joins what they wrote. It is replayed from the top, like a job.
 */
import type { BatchError } from '../../resources/batch.ts';
import { crashCode } from '../failure.ts';
import { FitFailed } from '../fit-failed.ts';
import { notifyUntilDone } from '../train.ts';
import type { Orchestration, TrainServices } from '../train.ts';
import type { CollectOutcome } from './collect.ts';
import type { Lane } from './lanes.ts';
import type { LaneOutcome } from './predict.ts';

/** Everything else stands in the batch's record, so that nobody can start what a tenant has not asked for. */
export interface BatchEvent {
  readonly tenant_id: string;
  readonly batch: string;
}

export interface BatchPlan {
  /** It is there, and not over. */
  readonly isDue: boolean;
  readonly lanes: readonly Lane[];
  /** There is a webhook to be told of the end. */
  readonly webhook: boolean;
}

export interface BatchOutcome {
  readonly status: 'succeeded' | 'failed' | 'cancelled';
  readonly error?: BatchError;
}

export interface BatchServices extends Pick<TrainServices, 'notify'> {
  plan(): Promise<BatchPlan>;
  settle(outcome: BatchOutcome): Promise<void>;
}

/** Of all lanes together: with questions for slots, tries and pauses they stay below the 3,000 operations of an execution. */
const MAX_INVOCATIONS = 400;

export async function runBatch(event: BatchEvent, to: Orchestration, services: BatchServices): Promise<BatchOutcome> {
  const { batch } = event;
  const { isDue, lanes, webhook } = await to.step('plan', () => services.plan());
  if (!isDue) return { status: 'cancelled' };
  const run = (lane: Lane, own: Orchestration) =>
    runLane(batch, lane, { to: own, most: MAX_INVOCATIONS / lanes.length });
  const ends = lanes.length === 0 ? [] : await to.map('lanes', { items: lanes, maxParallel: lanes.length, run });
  const stopped = reasonOf(ends);
  const outcome = await collect(batch, stopped, to);
  await to.step('settle', () => services.settle(outcome));
  if (webhook) await notifyUntilDone(to, services);
  return outcome;
}

/** Stretch after stretch, until the last row. */
async function runLane(
  batch: string,
  lane: Lane,
  { to, most }: { to: Orchestration; most: number },
): Promise<Omit<LaneOutcome, 'seconds'>> {
  try {
    for (let i = 0; i < most; i++) {
      const { status, error } = await to.fit<LaneOutcome>(`rows-${i}`, { action: 'predict', batch, lane });
      if (status !== 'running') return { status, ...(error === undefined ? {} : { error }) };
    }
    const message = `the rows from ${lane.begin + 1} to ${lane.end} took more than ${most} invocations: send fewer in a batch`;
    return { status: 'failed', error: { code: 'training_timeout', message } };
  } catch (error) {
    if (!(error instanceof FitFailed)) throw error;
    return { status: 'failed', error: crashed(error) };
  }
}

async function collect(batch: string, stopped: BatchError | undefined, to: Orchestration): Promise<BatchOutcome> {
  try {
    const reason = stopped === undefined ? {} : { reason: stopped };
    const { error } = await to.fit<CollectOutcome>('collect', { action: 'collect', batch, ...reason });
    return ending(error ?? stopped);
  } catch (error) {
    if (!(error instanceof FitFailed)) throw error;
    return ending(stopped ?? crashed(error));
  }
}

/** Why there are rows without a prediction, where there are. */
function reasonOf(ends: readonly Omit<LaneOutcome, 'seconds'>[]): BatchError | undefined {
  if (ends.some(({ status }) => status === 'cancelled'))
    return { code: 'cancelled', message: 'the batch was cancelled' };
  return ends.find(({ status }) => status === 'failed')?.error;
}

function ending(error: BatchError | undefined): BatchOutcome {
  if (error === undefined) return { status: 'succeeded' };
  return { status: error.code === 'cancelled' ? 'cancelled' : 'failed', error };
}

/** The words of a model that could not be trained are not for one that could not be run. */
function crashed(error: FitFailed): BatchError {
  const code = crashCode(error.message);
  return { code: code === 'training_out_of_memory' ? code : 'internal', message: error.message };
}
