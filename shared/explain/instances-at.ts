/** Rows that stand elsewhere in a request than under `instances`: errors point to where they stand. */
import { ServiceError } from '../errors.ts';
import { feedsOf } from '../runtime/instances.ts';
import type { ModelSchema } from '../runtime/model-schema.ts';
import type { Feeds } from './terms.ts';

/** @param pointer of the list in the request, such as /background */
export function feedsAt(pointer: string, { features }: ModelSchema, rows: readonly unknown[]): Feeds {
  try {
    return feedsOf(features, rows);
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    const name = pointer.slice(1);
    const param = (error.param ?? '').replace(/^\/instances/, pointer);
    const message = error.message.replace(/^instance (\d+)/, `${name} row $1`);
    throw new ServiceError(error.code, message, { param, details: [{ pointer: param, message }], cause: error });
  }
}
