/** Rows of a request as feeds of one row each: a sequence of any length has its own, and of a text for a language model the end counts. */
import { ServiceError } from '../errors.ts';
import { joinTokens, tokensOf } from '../data/text.ts';
import { feedsOf, textsOf } from '../runtime/instances.ts';
import type { ModelSchema } from '../runtime/model-schema.ts';
import { foreignRow } from './foreign.ts';
import { rowAt } from './rows.ts';
import { trimmed } from './steps.ts';
import type { Subject } from './subject.ts';
import type { Feeds } from './terms.ts';

/** @throws invalid_request, unknown_field or shape_mismatch, pointing to e.g. /instances/3/image */
export function rowsOfRequest(subject: Subject, instances: readonly unknown[]): Feeds[] {
  const { schema, graph, isForeign } = subject;
  if (isForeign) return instances.map((instance, i) => foreignRow(graph, schema, instance, i));
  const feeds = feedsOf(schema.features, schema.language === undefined ? instances : endsOf(schema, instances));
  return instances.map((_, i) => trimmed(schema, rowAt(feeds, i)));
}

/** Rows that stand elsewhere in a request than under `instances`. @param pointer of the list, such as /background */
export function rowsAt(pointer: string, subject: Subject, rows: readonly unknown[]): Feeds[] {
  try {
    return rowsOfRequest(subject, rows);
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    const name = pointer.slice(1);
    const param = (error.param ?? '').replace(/^\/instances/, pointer);
    const message = error.message.replace(/^instance (\d+)/, `${name} row $1`);
    throw new ServiceError(error.code, message, { param, details: [{ pointer: param, message }], cause: error });
  }
}

/** What a language model reads of its prompts: as many tokens from the end as its window has. */
function endsOf({ features, language }: ModelSchema, instances: readonly unknown[]): string[] {
  const { tokens, window } = language!;
  return textsOf(features, instances).map((text) => joinTokens(tokensOf(text, tokens).slice(-window), tokens));
}
