/** Range requests. Source: RFC 9110, section 14; S3 serves one range, and ignores what it cannot read. */
import { s3Error } from './errors.ts';
import type { ObjectMeta } from './object.ts';

export interface ByteRange {
  readonly start: number;
  readonly sizeBytes: number;
}

/** The part asked for, undefined for the whole object; throws InvalidRange where nothing of it exists. */
export function resolveRange(
  range: string | undefined,
  ifRange: string | undefined,
  meta: ObjectMeta,
): ByteRange | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(range?.trim() ?? '');
  if (match === null || (match[1] === '' && match[2] === '')) return undefined;
  if (
    ifRange !== undefined &&
    ifRange !== `"${meta.etag}"` &&
    Date.parse(ifRange) !== Math.floor(meta.lastModifiedMs / 1000) * 1000
  ) {
    return undefined;
  }
  return sliceOf(match[1]!, match[2]!, meta.sizeBytes, range!);
}

/** `bytes=first-last`, `bytes=first-` or `bytes=-count`. */
function sliceOf(first: string, last: string, total: number, text: string): ByteRange | undefined {
  if (first === '') {
    const count = Math.min(Number(last), total);
    if (count === 0) throw unsatisfiable(text, total);
    return { start: total - count, sizeBytes: count };
  }
  const start = Number(first);
  const end = last === '' ? total - 1 : Math.min(Number(last), total - 1);
  if (last !== '' && Number(last) < start) return undefined;
  if (start >= total) throw unsatisfiable(text, total);
  return { start, sizeBytes: end - start + 1 };
}

const unsatisfiable = (range: string, total: number) =>
  s3Error('InvalidRange', {
    fields: { RangeRequested: range, ActualObjectSize: String(total) },
    headers: { 'content-range': `bytes */${total}` },
  });
