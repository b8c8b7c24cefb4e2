/**
 * The condition block of a statement: the table of operators, and how several values, absent keys and the set operators
 * combine. Source: IAM user guide, "IAM JSON policy elements: Condition operators" and "Multivalued context keys".
 */
import { listOf } from './policy.ts';
import { compilePattern, matchesArn, matchesPattern } from './pattern.ts';
import type { ConditionBlock } from './policy.ts';
import type { RequestContext } from './pattern.ts';

/** Does one value of the request agree with one value of the policy? */
type Compare = (actual: string, expected: string, variables: RequestContext | undefined) => boolean;

interface Operator {
  readonly compare: Compare;
  /** Negated operators hold where *no* value agrees, and where the key is absent. */
  readonly isNegated?: boolean;
}

const literal: Compare = (actual, expected, variables) =>
  matchesPattern(compilePattern(expected, { variables, wildcards: false }), actual);
const ignoreCase: Compare = (actual, expected, variables) =>
  matchesPattern(
    compilePattern(expected.toLowerCase(), { variables: lowerCased(variables), wildcards: false }),
    actual.toLowerCase(),
  );
const like: Compare = (actual, expected, variables) => matchesPattern(compilePattern(expected, { variables }), actual);
const arn: Compare = (actual, expected, variables) => matchesArn(expected, actual, variables);

const lowerCased = (variables: RequestContext | undefined): RequestContext | undefined =>
  variables && new Map([...variables].map(([key, values]) => [key, values.map((value) => value.toLowerCase())]));

const numeric =
  (holds: (a: number, b: number) => boolean): Compare =>
  (actual, expected) =>
    actual.trim() !== '' && expected.trim() !== '' && holds(Number(actual), Number(expected));

/** Dates are ISO 8601 or seconds since the epoch. */
const epochMs = (text: string): number => (/^-?\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text));
const date =
  (holds: (a: number, b: number) => boolean): Compare =>
  (actual, expected) =>
    holds(epochMs(actual), epochMs(expected));

const equal = (a: number, b: number) => a === b;
const less = (a: number, b: number) => a < b;
const atMost = (a: number, b: number) => a <= b;
const greater = (a: number, b: number) => a > b;
const atLeast = (a: number, b: number) => a >= b;

export const CONDITION_OPERATORS: Readonly<Record<string, Operator>> = {
  StringEquals: { compare: literal },
  StringNotEquals: { compare: literal, isNegated: true },
  StringEqualsIgnoreCase: { compare: ignoreCase },
  StringNotEqualsIgnoreCase: { compare: ignoreCase, isNegated: true },
  StringLike: { compare: like },
  StringNotLike: { compare: like, isNegated: true },
  ArnEquals: { compare: arn },
  ArnLike: { compare: arn },
  ArnNotEquals: { compare: arn, isNegated: true },
  ArnNotLike: { compare: arn, isNegated: true },
  Bool: { compare: (actual, expected) => actual.toLowerCase() === expected.toLowerCase() },
  BinaryEquals: { compare: (actual, expected) => actual === expected },
  NumericEquals: { compare: numeric(equal) },
  NumericNotEquals: { compare: numeric(equal), isNegated: true },
  NumericLessThan: { compare: numeric(less) },
  NumericLessThanEquals: { compare: numeric(atMost) },
  NumericGreaterThan: { compare: numeric(greater) },
  NumericGreaterThanEquals: { compare: numeric(atLeast) },
  DateEquals: { compare: date(equal) },
  DateNotEquals: { compare: date(equal), isNegated: true },
  DateLessThan: { compare: date(less) },
  DateLessThanEquals: { compare: date(atMost) },
  DateGreaterThan: { compare: date(greater) },
  DateGreaterThanEquals: { compare: date(atLeast) },
  IpAddress: { compare: isInRange },
  NotIpAddress: { compare: isInRange, isNegated: true },
};

function isInRange(actual: string, expected: string): boolean {
  const [network = '', bits = '32'] = expected.split('/');
  const mask = Number(bits) === 0 ? 0 : (~0 << (32 - Number(bits))) >>> 0;
  const [address, base] = [ipv4(actual), ipv4(network)];
  return address !== undefined && base !== undefined && (address & mask) >>> 0 === (base & mask) >>> 0;
}

function ipv4(text: string): number | undefined {
  const parts = text
    .replace(/^::ffff:/, '')
    .split('.')
    .map(Number);
  if (parts.length !== 4 || parts.some((part) => !Number.isInteger(part) || part < 0 || part > 255)) return undefined;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

/** `ForAllValues:StringLikeIfExists` -> its three parts; an unknown operator throws with its name. */
export function parseOperator(name: string): { set: 'all' | 'any' | undefined; base: string; ifExists: boolean } {
  const parts = /^(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?$/.exec(name);
  const base = parts?.[2] ?? name;
  if (base !== 'Null' && !(base in CONDITION_OPERATORS))
    throw new TypeError(`policy: the condition operator ${name} is not known`);
  const set = parts?.[1] === 'ForAllValues' ? 'all' : parts?.[1] === 'ForAnyValue' ? 'any' : undefined;
  return { set, base, ifExists: parts?.[3] !== undefined };
}

/** True where every operator and every key of the block holds. */
export function conditionHolds(
  block: ConditionBlock | undefined,
  context: RequestContext,
  variables: RequestContext | undefined,
): boolean {
  return Object.entries(block ?? {}).every(([operator, keys]) =>
    Object.entries(keys).every(([key, expected]) =>
      keyHolds(operator, listOf(expected).map(String), { actual: context.get(key.toLowerCase()), variables }),
    ),
  );
}

function keyHolds(
  operatorName: string,
  expected: readonly string[],
  request: { actual: readonly string[] | undefined; variables: RequestContext | undefined },
): boolean {
  const { set, base, ifExists } = parseOperator(operatorName);
  const { actual, variables } = request;
  const isAbsent = actual === undefined || (set !== undefined && actual.length === 0);
  if (base === 'Null') return expected.includes(String(isAbsent));
  const { compare, isNegated = false } = CONDITION_OPERATORS[base]!;
  if (isAbsent) return ifExists || set === 'all' || (set === undefined && isNegated);
  const valueHolds = (value: string) => expected.some((wanted) => compare(value, wanted, variables)) !== isNegated;
  // Without a set operator a key with several values holds as the documentation's single-valued keys do: any, or for
  // negated operators none.
  return set === 'any' || (set === undefined && !isNegated) ? actual.some(valueHolds) : actual.every(valueHolds);
}
