/** What a job would take: *fit* times its first steps on its own data, and what would follow is reckoned from that. */
import type { JobError } from '../resources/training.ts';
import { peakMemory } from '../runtime/peak-memory.ts';
import { timeTraining } from '../runtime/timing.ts';
import type { Catalog } from '../stores/catalog.ts';
import { failureOf } from './failure.ts';
import type { FitContext } from './fit-context.ts';
import { trainingData } from './fit.ts';
import type { FitEvent } from './train.ts';
import { armWatchdog } from './watchdog.ts';

export interface EstimateOutcome {
  /** Of the timing itself. */
  readonly seconds: number;
  /** Of one training from its beginning to its publication. */
  readonly training_seconds?: number;
  readonly publish_seconds?: number;
  /** Of the training that was timed, in (0, 1]. */
  readonly timed_fraction?: number;
  /** The most that the process has held. */
  readonly memory_mb?: number;
  readonly error?: JobError;
}

/** How long an answer is waited for, within what API Gateway gives. */
export const ESTIMATE_S = 24;
/** Then nobody waits any more for what a step still computes. */
const GIVEN_UP_S = ESTIMATE_S + 2;
const BOX_S = 5;
/** A timing as short as this is made twice. */
const WARM_S = 2;
const REQUESTS = 5;
/** Starting and ending a segment: records, events, checkpoint; measured. */
const SEGMENT_OVERHEAD_S = 0.15;

export async function estimate(
  { spec }: Extract<FitEvent, { action: 'estimate' }>,
  context: FitContext,
): Promise<EstimateOutcome> {
  const { stores, clock, threads } = context;
  const startedMs = clock.nowMs();
  const seconds = () => (clock.nowMs() - startedMs) / 1000;
  const measure = async () => {
    const fromS = seconds();
    const data = await trainingData(spec, context);
    const readS = seconds() - fromS;
    return { readS, ...(await timeTraining({ spec, ...data, threads }, BOX_S)) };
  };
  const callOff = armWatchdog(GIVEN_UP_S, (context.endsMs - startedMs) / 1000);
  try {
    const first = await measure();
    // Of what takes no time the most is warming up, which the training that follows finds done.
    const time = seconds() < WARM_S ? await measure() : first;
    const { readS } = time;
    const eventsS = time.epochs * (await requestS(stores.catalog));
    return {
      seconds: seconds(),
      training_seconds: readS + time.prepareS + time.fitS + time.evaluateS + eventsS + SEGMENT_OVERHEAD_S,
      // It reads and encodes the data anew, evaluates, and compares the file with the trainer.
      publish_seconds: readS + time.prepareS + 2 * time.evaluateS + SEGMENT_OVERHEAD_S,
      timed_fraction: time.fraction,
      memory_mb: Math.ceil(peakMemory() / 2 ** 20),
    };
  } catch (error) {
    return { seconds: seconds(), error: failureOf(error, 'prepare') };
  } finally {
    await callOff();
  }
}

/** How long the table takes to answer, as it does for each epoch's event. */
async function requestS(catalog: Catalog): Promise<number> {
  const startedS = performance.now() / 1000;
  for (let i = 0; i < REQUESTS; i++) await catalog.jobs.get('none');
  return (performance.now() / 1000 - startedS) / REQUESTS;
}
