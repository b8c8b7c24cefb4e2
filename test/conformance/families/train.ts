/** Trains through the public way in (segments, export, predictor), for the suites of this folder. */
import { decodeCheckpoint } from '../../../shared/runtime/checkpoint.ts';
import type { TrainingData } from '../../../shared/runtime/preparation.ts';
import { exportModel, runSegment } from '../../../shared/runtime/trainer.ts';
import type { ExportResult, SegmentResult, TrainingEvent } from '../../../shared/runtime/trainer.ts';

export interface Training extends TrainingData {
  readonly threads?: number;
}

export interface Trained {
  readonly result: SegmentResult;
  readonly exported: ExportResult;
  readonly events: readonly TrainingEvent[];
}

/** Trains in one segment and exports. */
export async function train(training: Training): Promise<Trained> {
  const options = { threads: 1, ...training };
  const events: TrainingEvent[] = [];
  const result = await runSegment({ ...options, shouldStop: () => false, onEvent: (event) => void events.push(event) });
  const exported = await exportModel({ ...options, checkpoint: result.checkpoint });
  return { result, exported, events };
}

/** Trains in segments that end after the numbers of yields in `cuts`, then to the end. */
export async function trainInSegments(training: Training, cuts: readonly number[]): Promise<SegmentResult> {
  const options = { threads: 1, ...training };
  let checkpoint: Uint8Array | undefined;
  for (const cut of [...cuts, Infinity]) {
    let yields = 0;
    const result = await runSegment({ ...options, checkpoint, shouldStop: () => ++yields >= cut });
    if (result.status === 'finished') return result;
    checkpoint = result.checkpoint;
  }
  throw new Error('the last segment runs to the end');
}

/** The learned arrays of a finished training, by name. */
export function learnedOf({ result }: Trained): Record<string, number[]> {
  const { tensors } = decodeCheckpoint(result.checkpoint).state;
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { data }]) => [name, Array.from(data as Float64Array)]),
  );
}
