/** What zod finds wrong with a value, in our words: where (RFC 6901), what was expected and what stood there. */
import type * as z from 'zod';
import type { ErrorDetail } from './errors.ts';
import { expectationOf } from './expectations.ts';

/** @param root pointer of the value that was parsed, empty for a whole body; parse with `reportInput` */
export function findingsOf(issues: readonly z.core.$ZodIssue[], root = ''): ErrorDetail[] {
  return issues.filter((issue) => !isLooser(issue, issues)).flatMap((issue) => findingsOfIssue(issue, root));
}

/** Whether a bound is that of JavaScript's whole numbers, where the schema has one of its own. */
function isLooser(issue: z.core.$ZodIssue, issues: readonly z.core.$ZodIssue[]): boolean {
  const isSafe =
    (issue.code === 'too_big' && issue.maximum === Number.MAX_SAFE_INTEGER) ||
    (issue.code === 'too_small' && issue.minimum === Number.MIN_SAFE_INTEGER);
  const where = pointerOf(issue.path);
  return (
    isSafe && issues.some((other) => other !== issue && other.code === issue.code && pointerOf(other.path) === where)
  );
}

/** Whether nothing is wrong but fields that are not known. */
export function isUnknownField(issues: readonly z.core.$ZodIssue[]): boolean {
  return issues.every((issue) => issue.code === 'unrecognized_keys');
}

function findingsOfIssue(issue: z.core.$ZodIssue, root: string): ErrorDetail[] {
  const pointer = root + pointerOf(issue.path);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      pointer: `${pointer}/${escape(key)}`,
      message: `unknown field "${key}"`,
      hint: 'remove it, or check its spelling',
    }));
  }
  const closest = closestBranch(issue, root);
  // The whole body has no pointer of its own.
  return closest ?? [{ ...(pointer === '' ? {} : { pointer }), message: messageOf(issue) }];
}

/** Of a union, the findings of the branch that was meant: the one that fails in a single place, further in. */
function closestBranch(issue: z.core.$ZodIssue, root: string): ErrorDetail[] | undefined {
  if (issue.code !== 'invalid_union' || issue.message !== 'Invalid input') return undefined;
  const branches = issue.errors.map((inner) => inner.map((one) => ({ ...one, path: [...issue.path, ...one.path] })));
  const meant = branches.find((branch) => branch.length === 1 && branch[0]!.path.length > issue.path.length);
  return meant === undefined ? undefined : findingsOf(meant, root);
}

/** What was expected and what stood there, without the place; parse with `reportInput`. */
export function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'custom') return issue.message;
  if (issue.path.length === 0 && (typeof issue.input !== 'object' || issue.input === null)) {
    return `expected a JSON object; ${issue.input === undefined ? 'the body is empty' : `got ${describe(issue.input)}`}`;
  }
  const got = issue.input === undefined ? 'it is missing' : `got ${describe(issue.input)}`;
  return `${expectationOf(issue)}; ${got}`;
}

/** A value in a few words, never a whole payload. */
function describe(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) {
    const fields = Object.keys(value).slice(0, 5);
    return fields.length === 0
      ? 'an empty object'
      : `an object with ${fields.map((name) => `"${name.slice(0, 40)}"`).join(', ')}`;
  }
  if (Number.isNaN(value)) return 'no number';
  if (value === Infinity || value === -Infinity) return 'a number that is too large';
  const text = typeof value === 'bigint' ? String(value) : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** RFC 6901. */
export function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${escape(String(part))}`).join('');
}

function escape(part: string): string {
  return part.replaceAll('~', '~0').replaceAll('/', '~1');
}
