/**
 * Requests that AWS's own clients sign (Signature Version 4): whose they say they are, and whether the signature is that of the key's secret. It is
 * made again over what the client says it signed, and compared. The hash of the body is part of what is signed, and whoever never sees the body can
 * check only clients that state the hash in a header; the one who does see it has to check, with the signing key and no secret.
 * Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { headerNamed } from './header.ts';
import type { Headers } from './header.ts';

/** A request as API Gateway tells it to the authorizer. */
export interface RequestLine {
  readonly method: string;
  /** As it may have been signed: with the stage, and without. */
  readonly paths: readonly string[];
  readonly headers: Headers;
}

export interface Signed {
  readonly keyId: string;
  /** Day, region and service. */
  readonly scope: readonly [string, string, string];
  readonly signedHeaders: readonly string[];
  /** As in x-amz-date. */
  readonly time: string;
  readonly signature: string;
}

/** How far a client's clock may be off, as in AWS. */
const SKEW_MS = 15 * 60_000;
/** In which some clients state the hash of the body; boto3 does not. */
const BODY_HASH_HEADER = 'x-amz-content-sha256';

const FORM =
  /^AWS4-HMAC-SHA256 Credential=([\w-]{1,128})\/(\d{8})\/([\w-]{1,64})\/([\w-]{1,64})\/aws4_request, ?SignedHeaders=([a-z0-9;-]{1,1000}), ?Signature=([0-9a-f]{64})$/;
const TIME = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;

/** Who has signed, or undefined where nobody has in this form. */
export function readSignature(headers: Headers): Signed | undefined {
  const match = FORM.exec(headerNamed(headers, 'authorization') ?? '');
  const time = headerNamed(headers, 'x-amz-date') ?? '';
  if (match === null || !TIME.test(time)) return undefined;
  const [, keyId, day, region, service, names, signature] = match as unknown as [string, ...Repeat<string>];
  const signedHeaders = names.split(';');
  const isWhole = ['host', 'x-amz-date'].every((name) => signedHeaders.includes(name)) && time.startsWith(day);
  return isWhole ? { keyId, scope: [day, region, service], signedHeaders, time, signature } : undefined;
}

type Repeat<T> = [T, T, T, T, T, T];

/** Whether it was signed about now. */
export function isRecent({ time }: Signed, nowMs: number): boolean {
  const [, year, month, day, hour, minute, second] = TIME.exec(time)!.map(Number) as [number, ...Repeat<number>];
  return Math.abs(nowMs - Date.UTC(year, month - 1, day, hour, minute, second)) <= SKEW_MS;
}

/** What signs requests of one day, region and service. Of it the secret cannot be learned. */
export function signingKeyOf(secret: string, { scope }: Signed): Buffer {
  return [...scope, 'aws4_request'].reduce(hmac, Buffer.from(`AWS4${secret}`));
}

/** The body's hash as the client states it; undefined where it does not, or has not signed it. */
export function statedBodyHash({ signedHeaders }: Signed, headers: Headers): string | undefined {
  return signedHeaders.includes(BODY_HASH_HEADER) ? headerNamed(headers, BODY_HASH_HEADER) : undefined;
}

/** Whether the signature is one by this key over one of the paths, and a body of this SHA-256. */
export function isSignedWith(signingKey: Uint8Array, signed: Signed, line: RequestLine, bodyHash: string): boolean {
  const header = (name: string): string | undefined => headerNamed(line.headers, name);
  const stated = header(BODY_HASH_HEADER);
  if (stated !== undefined && stated !== bodyHash) return false;
  const headers = signed.signedHeaders.map((name) => `${name}:${(header(name) ?? '').trim().replaceAll(/ +/g, ' ')}\n`);
  return line.paths.some((path) => {
    const request = [line.method, canonicalPath(path), '', headers.join(''), signed.signedHeaders.join(';'), bodyHash];
    const scope = [...signed.scope, 'aws4_request'].join('/');
    const text = ['AWS4-HMAC-SHA256', signed.time, scope, sha256(request.join('\n'))].join('\n');
    return timingSafeEqual(hmac(signingKey, text), Buffer.from(signed.signature, 'hex'));
  });
}

export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Every service but S3 encodes the path, as it is sent, once more. */
function canonicalPath(path: string): string {
  const encode = (part: string): string =>
    encodeURIComponent(part).replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
  return path.split('/').map(encode).join('/');
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

/** Whether a request has a signature and no key beside it, which would be all that counts. */
export function isSignedAlone(headers: Headers): boolean {
  const isSigned = headerNamed(headers, 'authorization')?.startsWith('AWS4-') ?? false;
  return isSigned && headerNamed(headers, 'x-api-key') === undefined;
}
