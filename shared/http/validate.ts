/** Requests -> typed values: what is wrong becomes one ServiceError that names the field, what was expected and what stood there. */
import type * as z from 'zod';
import { ServiceError } from '../errors.ts';
import { findingsOf, isUnknownField } from '../findings.ts';

/** The JSON value of a body. @throws {ServiceError} invalid_json with the position */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'unreadable';
    throw new ServiceError('invalid_json', `the body is not valid JSON: ${reason}`, { cause });
  }
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
