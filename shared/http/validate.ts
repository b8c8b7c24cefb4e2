/** Requests -> typed values: JSON and zod's findings become ServiceErrors that name the field, what was expected and what stood there. */
import type * as z from 'zod';
import { ServiceError } from '../errors.ts';
import type { ErrorDetail } from '../errors.ts';

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
  const details = result.error.issues.flatMap((issue) => detailsOf(issue));
  const isUnknownField = result.error.issues.every((issue) => issue.code === 'unrecognized_keys');
  const [first] = details;
  throw new ServiceError(
    isUnknownField ? 'unknown_field' : 'invalid_request',
    first === undefined
      ? `the ${place} is not valid`
      : `${place === 'query' ? 'query parameter ' : ''}${first.pointer ?? 'body'}: ${first.message}`,
    { details },
  );
}

function detailsOf(issue: z.core.$ZodIssue): ErrorDetail[] {
  const pointer = pointerOf(issue.path);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      pointer: `${pointer}/${escape(key)}`,
      message: `unknown field "${key}"`,
      hint: 'remove it, or check its spelling',
    }));
  }
  if (issue.code === 'invalid_union') {
    const closest = issue.errors
      .map((issues) => issues.flatMap((inner) => detailsOf({ ...inner, path: [...issue.path, ...inner.path] })))
      .sort((a, b) => a.length - b.length)[0];
    if (closest?.length === 1 && closest[0]?.pointer !== pointer && issue.message === 'Invalid input') return closest;
  }
  // The whole body has no pointer of its own.
  return [{ ...(pointer === '' ? {} : { pointer }), message: messageOf(issue) }];
}

function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'custom') return issue.message;
  if (issue.path.length === 0)
    return `expected a JSON object; ${issue.input === undefined ? 'the body is empty' : `got ${describe(issue.input)}`}`;
  const got = issue.input === undefined ? 'it is missing' : `got ${describe(issue.input)}`;
  return `${expectationOf(issue)}; ${got}`;
}

function expectationOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_union' && issue.message === 'Invalid input') {
    return issue.errors.flatMap((branch) => branch.map(expectationOf)).join(', or ');
  }
  return issue.message.replace(/, received .*$/, '').replace(/^Invalid (input|option|string|key in record): /, '');
}

/** A value in a few words, never a whole payload. */
function describe(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** RFC 6901. */
function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${escape(String(part))}`).join('');
}

function escape(part: string): string {
  return part.replaceAll('~', '~0').replaceAll('/', '~1');
}
