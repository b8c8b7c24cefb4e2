/** One page of a bucket's keys: prefix, delimiter, start, size. Pure over the sorted index. */
import { compareUtf8 } from './sorted-keys.ts';
import type { Bucket } from './bucket.ts';
import type { ObjectMeta } from './object.ts';

export interface ListingRequest {
  readonly prefix: string;
  readonly delimiter: string;
  /** Only what comes after this key. */
  readonly after: string;
  readonly maxKeys: number;
  /** A common prefix that was already listed: the keys below it are passed over. */
  readonly afterPrefix?: string | undefined;
}

export interface Listing {
  readonly contents: readonly ObjectMeta[];
  readonly commonPrefixes: readonly string[];
  readonly isTruncated: boolean;
  /** The last key or common prefix of this page. */
  readonly last: { readonly key: string; readonly isPrefix: boolean } | undefined;
}

/** Keys and common prefixes together are at most `maxKeys`. */
export function listKeys(bucket: Bucket, request: ListingRequest): Listing {
  const { prefix, delimiter, maxKeys } = request;
  const contents: ObjectMeta[] = [];
  const commonPrefixes: string[] = [];
  let last: Listing['last'];
  let index = startIndex(bucket, request);
  for (; ; index++) {
    const key = bucket.keys.at(index);
    if (!key?.startsWith(prefix)) return { contents, commonPrefixes, isTruncated: false, last };
    if (contents.length + commonPrefixes.length >= maxKeys)
      return { contents, commonPrefixes, isTruncated: maxKeys > 0, last };
    const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    if (cut < 0) {
      contents.push(bucket.get(key)!);
      last = { key, isPrefix: false };
    } else {
      const common = key.slice(0, cut + delimiter.length);
      commonPrefixes.push(common);
      last = { key: common, isPrefix: true };
      index = indexPast(bucket, common, index) - 1;
    }
  }
}

function startIndex(bucket: Bucket, request: ListingRequest): number {
  const { prefix, after, afterPrefix } = request;
  let index = bucket.keys.firstAtOrAfter(compareUtf8(after, prefix) > 0 ? after : prefix);
  if (after !== '' && bucket.keys.at(index) === after) index++;
  return afterPrefix === undefined ? index : indexPast(bucket, afterPrefix, index);
}

/** Index of the first key from `index` on that does not begin with `prefix`. */
function indexPast(bucket: Bucket, prefix: string, index: number): number {
  let at = index;
  while (bucket.keys.at(at)?.startsWith(prefix) === true) at++;
  return at;
}
