/**
 * A batch from its first row to its output: what the durable *train* function decides. Each lane is a chain of invocations of *fit*,
 * all side by side, and one more joins what they wrote. It is replayed from the top, like a job.
 */
import type { BatchError } from '../../resources/batch.ts';
import { FitFailed } from '../fit-failed.ts';
import { notifyUntilDone } from '../train.ts';
import type { Orchestration, TrainServices } from '../train.ts';
import type { CollectOutcome } from './collect.ts';
import { LaneChain, crashOf } from './lane-chain.ts';
import type { LaneEnd } from './lane-chain.ts';
import type { Lane } from './lanes.ts';

/** Everything else stands in the batch's record, so that nobody can start what a tenant has not asked for. */
export interface BatchEvent {
  readonly tenant_id: string;
  readonly batch: string;
}

export interface BatchPlan {
  /** It is there, and not over. */
  readonly isDue: boolean;
  readonly lanes: readonly Lane[];
  /** Rows of one run. */
  readonly step: number;
  /** There is a webhook to be told of the end. */
  readonly webhook: boolean;
}

export interface BatchOutcome {
  readonly status: 'succeeded' | 'failed' | 'cancelled';
  readonly error?: BatchError;
}

export interface BatchServices extends Pick<TrainServices, 'notify'> {
  plan(): Promise<BatchPlan>;
  /** The first row of the lane that has no line yet. */
  place(lane: Lane): Promise<number>;
  settle(outcome: BatchOutcome): Promise<void>;
}

export async function runBatch(event: BatchEvent, to: Orchestration, services: BatchServices): Promise<BatchOutcome> {
  const { batch } = event;
  const { isDue, lanes, step, webhook } = await to.step('plan', () => services.plan());
  if (!isDue) return { status: 'cancelled' };
  const run = (lane: Lane, own: Orchestration) => {
    const place = () => services.place(lane);
    return new LaneChain(batch, { to: own, lane, step, lanes: lanes.length, place }).toEnd();
  };
  const ends = lanes.length === 0 ? [] : await to.map('lanes', { items: lanes, maxParallel: lanes.length, run });
  const stopped = reasonOf(ends);
  const outcome = await collect(batch, stopped, to);
  await to.step('settle', () => services.settle(outcome));
  if (webhook) await notifyUntilDone(to, services);
  return outcome;
}

async function collect(batch: string, stopped: BatchError | undefined, to: Orchestration): Promise<BatchOutcome> {
  try {
    const reason = stopped === undefined ? {} : { reason: stopped };
    const { error } = await to.fit<CollectOutcome>('collect', { action: 'collect', batch, ...reason });
    return ending(error ?? stopped);
  } catch (error) {
    if (!(error instanceof FitFailed)) throw error;
    return ending(stopped ?? crashOf(error));
  }
}

/** Why there are rows without a prediction, where there are. */
function reasonOf(ends: readonly LaneEnd[]): BatchError | undefined {
  if (ends.some(({ status }) => status === 'cancelled'))
    return { code: 'cancelled', message: 'the batch was cancelled' };
  return ends.find(({ status }) => status === 'failed')?.error;
}

function ending(error: BatchError | undefined): BatchOutcome {
  if (error === undefined) return { status: 'succeeded' };
  return { status: error.code === 'cancelled' ? 'cancelled' : 'failed', error };
}
