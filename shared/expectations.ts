/** What a schema expected, in the words of a sentence: of zod's issues, without the place and without what stood there. */
import type * as z from 'zod';

const KINDS: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  bigint: 'a whole number',
  boolean: 'true or false',
  array: 'an array',
  object: 'an object',
  record: 'an object',
};
const UNITS: Readonly<Record<string, string>> = {
  string: 'character',
  array: 'element',
  record: 'field',
  set: 'element',
};
/** What zod says of an issue that holds others, which say it. */
const UNSAID: ReadonlySet<string> = new Set(['Invalid input', 'Invalid key in record']);
/** Of zod's own messages: what follows says it. */
const PREFIX = /^(Invalid (input|option|string)|Too (small|big)): (expected )?/;

/** `expected a number of at least 1`; of a union every choice; a schema's own message as it is. */
export function expectationOf(issue: z.core.$ZodIssue): string {
  if (isOwn(issue)) return issue.message;
  return `expected ${choicesOf(issue).join(', or ')}`;
}

function choicesOf(issue: z.core.$ZodIssue): string[] {
  if (isOwn(issue)) return [wordsOf(issue)];
  switch (issue.code) {
    case 'invalid_union':
      if (issue.errors.length === 0) return [wordsOf(issue)];
      return [...new Set(issue.errors.flatMap((branch) => branch.flatMap(choicesOf)))];
    case 'invalid_key':
      return [...new Set(issue.issues.flatMap(choicesOf))];
    case 'invalid_type':
      return [KINDS[issue.expected] ?? wordsOf(issue)];
    case 'invalid_value': {
      const values = issue.values.map((value) => JSON.stringify(value));
      return [values.length === 1 ? values[0]! : `one of ${values.join(', ')}`];
    }
    case 'too_small':
      return [sized(issue.origin, bound(issue.inclusive ? 'at least' : 'more than', issue.minimum, issue.exact))];
    case 'too_big':
      return [sized(issue.origin, bound(issue.inclusive ? 'at most' : 'less than', issue.maximum, issue.exact))];
    default:
      return [wordsOf(issue)];
  }
}

interface Bound {
  readonly words: string;
  readonly value: number | bigint;
}

function bound(words: string, value: number | bigint, exact = false): Bound {
  return { words: exact ? 'exactly' : words, value };
}

/** `a number of at least 1`, `a string of at most 64 characters`. */
function sized(origin: string, { words, value }: Bound): string {
  const unit = UNITS[origin];
  const size = unit === undefined ? '' : ` ${unit}${Number(value) === 1 ? '' : 's'}`;
  return `${KINDS[origin] ?? 'a value'} of ${words} ${value}${size}`;
}

/** Whether the schema gave the message, and not zod. */
function isOwn({ message }: z.core.$ZodIssue): boolean {
  return !UNSAID.has(message) && !PREFIX.test(message);
}

function wordsOf({ message }: z.core.$ZodIssue): string {
  return message
    .replace(/, received .*$/, '')
    .replace(PREFIX, '')
    .replace(/^expected /, '');
}
