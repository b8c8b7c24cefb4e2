/**
 * Typed reading of JSON whose shape is not known to the compiler: each reader names the place it stands at, so a wrong
 * template fails with "HarnessApi/Echo.Timeout: expected a number, got a string".
 */

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

/** Parses JSON text; `where` names it in the error. */
export function parseJson(text: string, where: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new Error(`${where}: not JSON: ${(error as Error).message}`, { cause: error });
  }
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  return Array.isArray(value) ? 'a list' : `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`;
}

function mismatch(where: string, expected: string, value: unknown): TypeError {
  return new TypeError(`${where}: expected ${expected}, got ${kindOf(value)}`);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function asObject(value: Json | undefined, where: string): JsonObject {
  if (!isObject(value)) throw mismatch(where, 'an object', value);
  return value;
}

/** An object, or an empty one where there is nothing. */
export function objectOr(value: Json | undefined, where: string): JsonObject {
  return value === undefined || value === null ? {} : asObject(value, where);
}

export function asList(value: Json | undefined, where: string): readonly Json[] {
  if (!Array.isArray(value)) throw mismatch(where, 'a list', value);
  return value as readonly Json[];
}

export function listOr(value: Json | undefined, where: string): readonly Json[] {
  return value === undefined || value === null ? [] : asList(value, where);
}

/** A string; numbers and booleans are taken as their text, as CloudFormation does. */
export function asString(value: Json | undefined, where: string): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'string') throw mismatch(where, 'a string', value);
  return value;
}

export function optionalString(value: Json | undefined, where: string): string | undefined {
  return value === undefined || value === null ? undefined : asString(value, where);
}

/** A number; text that is a number is taken as one, as CloudFormation does. */
export function asNumber(value: Json | undefined, where: string): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number !== 'number' || Number.isNaN(number)) throw mismatch(where, 'a number', value);
  return number;
}

export function numberOr(value: Json | undefined, fallback: number, where: string): number {
  return value === undefined || value === null ? fallback : asNumber(value, where);
}

export function optionalNumber(value: Json | undefined, where: string): number | undefined {
  return value === undefined || value === null ? undefined : asNumber(value, where);
}

export function isTrue(value: Json | undefined): boolean {
  return value === true || value === 'true';
}

/** An object whose values are all strings. */
export function stringMap(value: Json | undefined, where: string): Record<string, string> {
  const map: Record<string, string> = {};
  for (const [key, entry] of Object.entries(objectOr(value, where))) map[key] = asString(entry, `${where}.${key}`);
  return map;
}
