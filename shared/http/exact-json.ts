/**
 * JSON in which an integer beyond 2^53 is a BigInt of its digits, instead of a neighbour of itself.
 * Source: https://github.com/tc39/proposal-json-parse-with-source
 */
import { parseJson } from './validate.ts';

/** TypeScript does not know the third argument yet. */
type Reviver = (this: unknown, key: string, value: unknown, context: { source?: string }) => unknown;

const MANY_DIGITS = /\d{16}/;
const INTEGER = /^-?\d+$/;

/** @throws {ServiceError} invalid_json */
export function parseExactJson(text: string): unknown {
  const value = parseJson(text);
  // Looking at every number is slow, and most bodies have none this long.
  return MANY_DIGITS.test(text) ? (JSON.parse(text, exactInteger as never) as unknown) : value;
}

const exactInteger: Reviver = (_key, value, { source }) =>
  typeof value === 'number' && !Number.isSafeInteger(value) && source !== undefined && INTEGER.test(source)
    ? BigInt(source)
    : value;
