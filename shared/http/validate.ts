/** Requests -> typed values: what is wrong becomes one ServiceError that names the field, what was expected and what stood there. */
import type * as z from 'zod';
import { ServiceError } from '../errors.ts';
import { findingsOf, isUnknownField } from '../findings.ts';

/** Deeper than any tensor, layer list or row; code that walks a value may then recurse. */
const MAX_DEPTH = 64;

/** The JSON value of a body. @throws {ServiceError} invalid_json with the position */
export function parseJson(text: string): unknown {
  if (isDeep(text)) {
    throw new ServiceError(
      'invalid_json',
      `the body nests arrays and objects deeper than ${MAX_DEPTH} levels: send flatter data`,
    );
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'unreadable';
    throw new ServiceError('invalid_json', `the body is not valid JSON: ${reason}`, { cause });
  }
}

/** Whether brackets outside of texts nest deeper than allowed. */
function isDeep(text: string): boolean {
  let depth = 0;
  let isInText = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (isInText) {
      if (code === 0x5c) i++;
      else if (code === 0x22) isInText = false;
    } else if (code === 0x22) isInText = true;
    else if (code === 0x5b || code === 0x7b) {
      if (++depth > MAX_DEPTH) return true;
    } else if (code === 0x5d || code === 0x7d) depth--;
  }
  return false;
}

/** The value as the schema types it. @throws {ServiceError} unknown_field or invalid_request, with a pointer per finding */
export function parseAs<T extends z.ZodType>(schema: T, value: unknown, place: 'body' | 'query'): z.output<T> {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  const details = findingsOf(result.error.issues);
  const [first] = details;
  throw new ServiceError(
    isUnknownField(result.error.issues) ? 'unknown_field' : 'invalid_request',
    first === undefined
      ? `the ${place} is not valid`
      : `${place === 'query' ? 'query parameter ' : ''}${first.pointer ?? 'body'}: ${first.message}`,
    { details },
  );
}
