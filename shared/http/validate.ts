/** Requests -> typed values: what is wrong becomes one ServiceError that names the field, what was expected and what stood there. */
import type * as z from 'zod';
import { ServiceError } from '../errors.ts';
import { findingsOf, isUnknownField } from '../findings.ts';

/** Deeper than any tensor, layer list or row; code that walks a value may then recurse. */
const MAX_DEPTH = 64;

/** The JSON value of a body. @throws {ServiceError} invalid_json with the position */
export function parseJson(text: string): unknown {
  const value = parsed(text);
  if (!isDeeper(value, MAX_DEPTH)) return value;
  throw new ServiceError(
    'invalid_json',
    `the body nests arrays and objects deeper than ${MAX_DEPTH} levels: send flatter data`,
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'unreadable';
    throw new ServiceError('invalid_json', `the body is not valid JSON: ${reason}`, { cause });
  }
}

/** Whether arrays and objects nest deeper than so many levels. V8 parses any depth without recursion, in three times the memory of flat data. */
function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  const inner: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  // A plain loop over what are mostly numbers: this is in the way of every prediction.
  for (const one of inner) if (typeof one === 'object' && isDeeper(one, levels - 1)) return true;
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
