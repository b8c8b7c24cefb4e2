/** Conditional requests: If-Match and If-None-Match of writes and deletes, and all four headers of reads and copies. */
import { s3Error } from './errors.ts';
import type { ObjectMeta } from './object.ts';
import type { IncomingHttpHeaders } from 'node:http';

const unquoted = (etag: string): string => etag.trim().replace(/^"(.*)"$/, '$1');
const listHas = (etags: string, etag: string): boolean =>
  etags.split(',').some((item) => item.trim() === '*' || unquoted(item) === etag);

/** The check a write's commit runs under the key's lock: throws unless the object that stands there is as demanded. */
export function writeCondition(headers: IncomingHttpHeaders): (current: ObjectMeta | undefined) => void {
  const ifMatch = headers['if-match'];
  const ifNoneMatch = headers['if-none-match'];
  if (ifNoneMatch !== undefined && ifNoneMatch.trim() !== '*') {
    throw s3Error('NotImplemented', { fields: { Header: 'If-None-Match' } });
  }
  return (current) => {
    if (ifNoneMatch !== undefined && current !== undefined) throw failed('If-None-Match');
    if (ifMatch === undefined) return;
    if (current === undefined) throw s3Error('NoSuchKey');
    if (!listHas(ifMatch, current.etag)) throw failed('If-Match');
  };
}

const failed = (condition: string) => s3Error('PreconditionFailed', { fields: { Condition: condition } });

/** What the conditions of a read come to; `prefix` is `x-amz-copy-source-` for a copy's source. RFC 9110, section 13.2.2. */
export function readCondition(headers: IncomingHttpHeaders, meta: ObjectMeta, prefix = ''): 'ok' | 'not_modified' {
  const value = (name: string) => headers[`${prefix}${name}`] as string | undefined;
  const seconds = Math.floor(meta.lastModifiedMs / 1000) * 1000;
  const dateOf = (name: string) => Date.parse(value(name) ?? '');
  const ifMatch = value('if-match');
  if (ifMatch === undefined) {
    if (seconds > dateOf('if-unmodified-since')) throw failed('If-Unmodified-Since');
  } else if (!listHas(ifMatch, meta.etag)) {
    throw failed('If-Match');
  }
  const ifNoneMatch = value('if-none-match');
  if (ifNoneMatch === undefined) return seconds <= dateOf('if-modified-since') ? 'not_modified' : 'ok';
  return listHas(ifNoneMatch, meta.etag) ? 'not_modified' : 'ok';
}
