/**
 * The arithmetic of Signature Version 4: canonical request, string to sign, signing key. Pure, no I/O.
 * Source: IAM user guide, "Create a signed AWS API request"; S3 API reference, "Signature calculations".
 */
import { createHash, createHmac } from 'node:crypto';

export const ALGORITHM = 'AWS4-HMAC-SHA256';

/** `<date>/<region>/<service>/aws4_request`. */
export interface CredentialScope {
  readonly date: string;
  readonly region: string;
  readonly service: string;
}

export const scopeText = (scope: CredentialScope): string =>
  `${scope.date}/${scope.region}/${scope.service}/aws4_request`;

export const sha256Hex = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');

export const hmac = (key: string | Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest();

export function signingKey(secret: string, scope: CredentialScope): Buffer {
  return hmac(hmac(hmac(hmac(`AWS4${secret}`, scope.date), scope.region), scope.service), 'aws4_request');
}

/** RFC 3986: everything but unreserved characters is encoded. */
export const uriEncode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);

export interface CanonicalParts {
  readonly method: string;
  /** Path as sent. */
  readonly rawPath: string;
  /** Query as sent, without `?`. */
  readonly rawQuery: string;
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly signedHeaders: readonly string[];
  readonly payloadHash: string;
  /** S3 signs the path once encoded; every other service normalizes it and encodes it twice. */
  readonly isS3: boolean;
}

/** Throws URIError where the path or query is not well percent-encoded. */
export function canonicalRequest(parts: CanonicalParts): string {
  const headerLines = parts.signedHeaders.map((name) => `${name}:${canonicalHeader(parts.headers.get(name) ?? [])}\n`);
  return [
    parts.method,
    parts.isS3 ? canonicalS3Path(parts.rawPath) : canonicalPath(parts.rawPath),
    canonicalQuery(parts.rawQuery),
    headerLines.join(''),
    parts.signedHeaders.join(';'),
    parts.payloadHash,
  ].join('\n');
}

export function stringToSign(amzDate: string, scope: CredentialScope, request: string): string {
  return [ALGORITHM, amzDate, scopeText(scope), sha256Hex(request)].join('\n');
}

const canonicalHeader = (values: readonly string[]): string =>
  values.map((value) => value.trim().replace(/\s+/g, ' ')).join(',');

const canonicalS3Path = (rawPath: string): string =>
  rawPath
    .split('/')
    .map((segment) => uriEncode(decodeURIComponent(segment)))
    .join('/');

function canonicalPath(rawPath: string): string {
  const kept: string[] = [];
  for (const segment of rawPath.split('/')) {
    if (segment === '..') kept.pop();
    else if (segment !== '' && segment !== '.') kept.push(uriEncode(segment));
  }
  const path = `/${kept.join('/')}`;
  return rawPath.endsWith('/') && path !== '/' ? `${path}/` : path;
}

function canonicalQuery(rawQuery: string): string {
  return queryPairs(rawQuery)
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => `${uriEncode(name)}=${uriEncode(value)}`)
    .sort()
    .join('&');
}

/** `+` is a space, as in the services' own reading of the query. */
function queryPairs(rawQuery: string): [string, string][] {
  const decode = (text: string) => decodeURIComponent(text.replace(/\+/g, ' '));
  return rawQuery
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const equals = pair.indexOf('=');
      return equals < 0 ? [decode(pair), ''] : [decode(pair.slice(0, equals)), decode(pair.slice(equals + 1))];
    });
}
