/**
 * Identifiers. Tenant ids are chosen by the operator; all others are made here: a prefix that tells the kind, the time in
 * milliseconds (so that ids sort by creation) and 80 random bits, in Crockford's base 32, lower case.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../clock.ts';

/** Held by API, IAM conditions and Lambda's tenant ids alike: no `/`, `*` or `#` can stand in it. */
export const TENANT_ID_PATTERN = /^[a-z0-9-]{3,40}$/;

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const TIME_CHARS = 10;

/** `ds` dataset, `job`, `batch`, `key` API key, `check` of an uploaded model. */
export type IdPrefix = 'ds' | 'job' | 'batch' | 'key' | 'check';

/**
 * A new id such as `ds_01j9z3k4m5n6p7q8r9s0t1v2w3`.
 * @param seed of a request with an idempotency key, its time first: the same seed gives the same id
 */
export function newId(prefix: IdPrefix, clock: Clock, seed?: string): string {
  let time = '';
  const nowMs = seed === undefined ? clock.nowMs() : Number.parseInt(seed, 10);
  for (let rest = nowMs, i = 0; i < TIME_CHARS; i++, rest = Math.floor(rest / 32)) time = ALPHABET[rest % 32]! + time;
  const bytes = seed === undefined ? randomBytes(16) : createHash('sha256').update(`${prefix} ${seed}`).digest();
  const random = Array.from(bytes.subarray(0, 16), (byte) => ALPHABET[byte % 32]!).join('');
  return `${prefix}_${time}${random}`;
}

/** When an id was made, ms since the epoch. */
export function madeAtMs(id: string): number {
  const [, time = ''] = id.split('_');
  return Array.from(time.slice(0, TIME_CHARS)).reduce((ms, char) => ms * 32 + ALPHABET.indexOf(char), 0);
}

export const ID_PATTERNS = {
  ds: /^ds_[0-9a-z]{26}$/,
  job: /^job_[0-9a-z]{26}$/,
  batch: /^batch_[0-9a-z]{26}$/,
  check: /^check_[0-9a-z]{26}$/,
  key: /^key_[0-9a-z]{26}$/,
} as const satisfies Record<IdPrefix, RegExp>;
