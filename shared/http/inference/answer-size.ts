/** Answers that Lambda can carry: 6 MB, as JSON within JSON. */
import { ServiceError } from '../../errors.ts';
import { predictFinite } from '../../runtime/predict-finite.ts';
import type { ServedModel } from '../../runtime/predictor.ts';

/** The rest is for the frame. */
const MAX_BYTES = 6_000_000;
/** Shorter ones fit however their quotes are escaped. */
const SURE_CHARS = 1_000_000;

/** Predictions that fit into an answer: said before they are charged. @throws {ServiceError} payload_too_large, naming what takes more */
export async function predictAnswerable(...[model, instances, options]: Parameters<typeof predictFinite>) {
  const predictions = await predictFinite(model, instances, options);
  if (predictions.length * mostChars(model) > SURE_CHARS) requireAnswerable(predictions);
  return predictions;
}

const known = new WeakMap<ServedModel, number>();

/** No answer of the model to one instance is longer, as JSON. */
function mostChars(model: ServedModel): number {
  const chars = known.get(model) ?? countMostChars(model);
  known.set(model, chars);
  return chars;
}

/** A number has 25 characters at most, and a class stands before it. */
function countMostChars({ schema, outputs }: ServedModel): number {
  if (schema === undefined || schema.language !== undefined) return Infinity;
  const longest = Math.max(0, ...(schema.classes ?? []).map((label) => JSON.stringify(String(label)).length));
  return outputs
    .map(({ name, shape: [, ...inner] }) => {
      const numbers = inner.reduce<number>(
        (product, size) => product * (typeof size === 'number' ? size : Infinity),
        1,
      );
      return name.length + 10 + numbers * (30 + longest);
    })
    .reduce((sum, some) => sum + some, 0);
}

/** @throws {ServiceError} payload_too_large */
export function requireAnswerable(predictions: readonly unknown[]): void {
  const json = JSON.stringify(predictions);
  if (json.length <= SURE_CHARS) return;
  const bytes = Buffer.byteLength(JSON.stringify(json));
  if (bytes <= MAX_BYTES) return;
  const message = `the answer to ${predictions.length} instances has ${bytes} bytes, and one answer at most ${MAX_BYTES}: send fewer at once, or all of them to POST /v1/batches`;
  throw new ServiceError('payload_too_large', message, { param: '/instances' });
}
