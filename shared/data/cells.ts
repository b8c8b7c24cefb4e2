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
  if (value === undefined) return 'nothing';
  let text = '';
  // Piece by piece, because a value may be too large or too deep to be written whole.
  for (const piece of typeof value === 'string' ? ['"', value, '"'] : jsonPieces(value)) {
    text += piece;
    if (text.length > 42) return `${text.slice(0, 40)}...`;
  }
  return text;
}

function* jsonPieces(value: unknown): Generator<string> {
  if (Array.isArray(value)) {
    yield '[';
    for (const [i, item] of value.entries()) {
      if (i > 0) yield ',';
      yield* jsonPieces(item);
    }
    yield ']';
  } else if (typeof value === 'object' && value !== null && !('toJSON' in value)) {
    yield '{';
    for (const [i, key] of Object.keys(value).entries()) {
      yield `${i > 0 ? ',' : ''}${JSON.stringify(key)}:`;
      yield* jsonPieces((value as Record<string, unknown>)[key]);
    }
    yield '}';
  } else if (typeof value === 'bigint') yield String(value);
  // Functions and symbols, which no reader makes, have no JSON.
  else yield JSON.stringify(value ?? null);
}
