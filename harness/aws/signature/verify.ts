/**
 * Verifies a SigV4 request against the credentials of the harness: key, token, scope, time, signature. Refusals are
 * `AuthFailure` kinds; wire-errors.ts knows each service's code and sentence for them.
 */
import { timingSafeEqual } from 'node:crypto';
import { canonicalRequest, hmac, sha256Hex, signingKey, stringToSign } from './canonical.ts';
import { amzDateMs } from './parse.ts';
import { AuthFailure } from '../wire-errors.ts';
import { AwsError } from '../service.ts';
import type { CredentialStore } from '../credentials.ts';
import type { Principal } from '../service.ts';
import type { SignedWith } from './parse.ts';
import type { IncomingMessage } from 'node:http';

const MAX_SKEW_MS = 15 * 60 * 1000;

export interface Verifier {
  readonly credentials: CredentialStore;
  readonly region: string;
  readonly now: () => number;
}

export interface Verified {
  readonly principal: Principal;
  /** For the chunk signatures of an aws-chunked body. */
  readonly signingKey: Buffer;
}

/** Checks everything but the body; throws AuthFailure or AwsError. `bodyHash` is for requests that declare no hash. */
export function verifySignature(
  verifier: Verifier,
  http: IncomingMessage,
  signed: SignedWith,
  bodyHash: string | undefined,
): Verified {
  const { principal, secretAccessKey } = verifier.credentials.lookUp(signed.accessKeyId, signed.sessionToken);
  checkScope(verifier, signed);
  checkTime(verifier, signed);
  checkSignedHeaders(http, signed);
  const [rawPath, rawQuery] = splitUrl(http.url ?? '/');
  const isS3 = signed.scope.service === 's3';
  const payloadHash = signed.payloadHash ?? bodyHash ?? (isS3 ? 'UNSIGNED-PAYLOAD' : sha256Hex(''));
  const canonical = guardEncoding(() =>
    canonicalRequest({
      method: http.method ?? 'GET',
      rawPath,
      rawQuery,
      headers: new Map(Object.entries(http.headersDistinct).map(([name, values]) => [name, values ?? []])),
      signedHeaders: signed.signedHeaders,
      payloadHash,
      isS3,
    }),
  );
  const key = signingKey(secretAccessKey, signed.scope);
  const text = stringToSign(signed.amzDate, signed.scope, canonical);
  if (!sameHex(hmac(key, text), signed.signature)) {
    throw new AuthFailure('signature_mismatch', { canonicalRequest: canonical, stringToSign: text });
  }
  return { principal, signingKey: key };
}

/** Constant-time comparison of a MAC with the hex text that was sent. */
export function sameHex(mac: Buffer, hex: string): boolean {
  const sent = Buffer.from(hex, 'hex');
  return sent.length === mac.length && timingSafeEqual(sent, mac);
}

/** Path and query as sent. */
export function splitUrl(url: string): [path: string, query: string] {
  const mark = url.indexOf('?');
  return mark < 0 ? [url, ''] : [url.slice(0, mark), url.slice(mark + 1)];
}

function checkScope(verifier: Verifier, signed: SignedWith): void {
  const { scope, amzDate } = signed;
  const isRegional = scope.region === verifier.region || (scope.service === 'sts' && scope.region === 'us-east-1');
  if (!isRegional) throw new AuthFailure('wrong_region', { got: scope.region, expected: verifier.region });
  if (!amzDate.startsWith(scope.date)) {
    throw new AuthFailure('wrong_scope_date', { got: scope.date, expected: amzDate.slice(0, 8) });
  }
}

function checkTime(verifier: Verifier, signed: SignedWith): void {
  const signedAtMs = amzDateMs(signed.amzDate);
  const nowMs = verifier.now();
  const times = { signedAt: new Date(signedAtMs).toISOString(), serverTime: new Date(nowMs).toISOString() };
  if (signed.expiresS === undefined) {
    if (Math.abs(nowMs - signedAtMs) > MAX_SKEW_MS) throw new AuthFailure('skewed', times);
    return;
  }
  if (signedAtMs - nowMs > MAX_SKEW_MS) throw new AuthFailure('not_yet_valid', times);
  if (nowMs > signedAtMs + signed.expiresS * 1000) {
    throw new AuthFailure('presigned_expired', { ...times, expiresS: String(signed.expiresS) });
  }
}

/** `host` and every x-amz-* header that was sent must be under the signature: an unsigned one could have been added on the way. */
function checkSignedHeaders(http: IncomingMessage, signed: SignedWith): void {
  if (!signed.signedHeaders.includes('host')) throw new AuthFailure('host_not_signed', {});
  const unsigned = Object.keys(http.headers).filter(
    (name) => name.startsWith('x-amz-') && !signed.signedHeaders.includes(name),
  );
  if (unsigned.length > 0) throw new AuthFailure('headers_not_signed', { headers: unsigned.join(', ') });
}

function guardEncoding<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof URIError) throw new AwsError(400, 'InvalidURI', "Couldn't parse the specified URI.");
    throw error;
  }
}
