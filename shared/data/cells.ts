/**
 * What one cell of text means: missing, number, boolean, datetime. The only place that decides it, for every reader.
 * Datetimes are ISO 8601 (https://www.rfc-editor.org/rfc/rfc3339, also with a blank for the T, and dates alone), UTC unless they say otherwise.
 */

const MISSING = new Set(['', 'NA', 'N/A', 'NaN', 'nan', 'null', 'NULL']);
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
/** Postal codes and the like: as numbers they would lose their zeros. */
const LEADING_ZERO = /^[+-]?0\d/;
const DATETIME = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?$/;

/** Is this text (already trimmed) one of the markers of a missing value? */
export function isMissingText(text: string): boolean {
  return text.length <= 4 && MISSING.has(text);
}

/** The finite decimal number that the text spells, or undefined: hexadecimal and "Infinity" are not numbers here. */
export function parseNumber(text: string): number | undefined {
  if (!NUMBER.test(text) || LEADING_ZERO.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

export function parseBoolean(text: string): boolean | undefined {
  if (text.length > 5) return undefined;
  const lower = text.toLowerCase();
  if (lower === 'true') return true;
  return lower === 'false' ? false : undefined;
}

/** Seconds since the epoch, or undefined for what is no ISO 8601 date (an impossible day included). */
export function parseDatetime(text: string): number | undefined {
  const match = DATETIME.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', zone = 'Z'] = match;
  const offset = zone === 'Z' || zone.includes(':') ? zone : `${zone.slice(0, 3)}:${zone.slice(3)}`;
  const midnight = new Date(`${year}-${month}-${day}T00:00:00Z`);
  // Date rolls 2026-02-30 over to March; the day that comes back tells.
  if (Number.isNaN(midnight.getTime()) || midnight.getUTCDate() !== Number(day)) return undefined;
  const whole = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}${offset}`);
  return Number.isNaN(whole) ? undefined : whole / 1000 + (fraction === '' ? 0 : Number(`0${fraction}`));
}

/** How a value is quoted in an error message: at most 40 characters. */
export function quoteCell(value: unknown): string {
  const text = typeof value === 'string' ? `"${value}"` : value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > 42 ? `${text.slice(0, 40)}...` : text;
}
