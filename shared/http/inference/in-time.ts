/** Predictions that somebody waits for: what may take longer is run in a process of its own, which is given up when the time is over. */
import { ServiceError } from '../../errors.ts';
import type { GenerationParameters } from '../../runtime/generation.ts';
import type { Deadline } from './deadline.ts';
import { predictAnswerable, requireAnswerable } from './answer-size.ts';
import type { InferenceContext } from './metered.ts';
import type { LoadedModel, ModelCache } from './model-cache.ts';

interface Wanted {
  readonly instances: readonly unknown[];
  readonly parameters?: GenerationParameters | undefined;
}

/** @throws what the deadline throws, once it has passed */
export async function predictInTime(
  context: Pick<InferenceContext, 'apart'>,
  { models, loaded }: { models: ModelCache; loaded: LoadedModel },
  { instances, parameters }: Wanted,
  deadline: Deadline,
): Promise<readonly unknown[]> {
  const { predictor } = loaded;
  const { lengths } = predictor;
  if (lengths === undefined) return predictAnswerable(predictor, instances, { parameters, interruption: deadline });
  if (context.apart === undefined || !lengths.mayBeLong(instances)) {
    const startedMs = performance.now();
    const predictions = await predictAnswerable(predictor, instances, { parameters, interruption: deadline });
    lengths.note(instances, performance.now() - startedMs);
    return predictions;
  }
  deadline.throwIfAborted(lengths.leastMs(instances));
  const { apart } = context;
  const isForeign = predictor.schema === undefined;
  const predicted = await models.withFile(loaded, (file) =>
    apart({ file, isForeign, instances, parameters }, deadline.leftMs),
  );
  if (predicted === undefined) throw deadline.passed;
  lengths.note(instances, predicted.ms);
  requireAnswerable(predicted.predictions);
  return predicted.predictions;
}

/** Of a dialect in which nothing can be answered later. */
export function tooLong(ref: string, waitS: number): ServiceError {
  const message = `these instances take longer than the ${waitS} s that an answer is waited for: send them to POST /v1/models/${ref}:predict with "Prefer: respond-async", or to POST /v1/batches`;
  return new ServiceError('payload_too_large', message, { param: '/instances' });
}
