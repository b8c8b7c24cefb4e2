/** Answers that Lambda can carry: 6 MB, as JSON within JSON. */
import { ServiceError } from '../../errors.ts';
import { predictFinite } from '../../runtime/predict-finite.ts';

/** The rest is for the frame. */
const MAX_BYTES = 6_000_000;
/** Shorter ones fit however their quotes are escaped. */
const SURE_CHARS = 1_000_000;

/** Predictions that fit into an answer: said before they are charged. @throws {ServiceError} payload_too_large, naming what takes more */
export async function predictAnswerable(...[model, instances, options]: Parameters<typeof predictFinite>) {
  const predictions = await predictFinite(model, instances, options);
  requireAnswerable(predictions);
  return predictions;
}

function requireAnswerable(predictions: readonly unknown[]): void {
  const json = JSON.stringify(predictions);
  if (json.length <= SURE_CHARS) return;
  const bytes = Buffer.byteLength(JSON.stringify(json));
  if (bytes <= MAX_BYTES) return;
  const message = `the answer to ${predictions.length} instances has ${bytes} bytes, and one answer at most ${MAX_BYTES}: send fewer at once, or all of them to POST /v1/batches`;
  throw new ServiceError('payload_too_large', message, { param: '/instances' });
}
