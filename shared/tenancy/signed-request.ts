/**
 * Requests that AWS's own clients sign (Signature Version 4): whose they say they are, and whether the signature is that of the key's secret. It is
 * made again over what the client says it signed, and compared. The body is not here: whoever reads it has to compare its hash with the signed one.
 * Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';

/** A request as API Gateway tells it to the authorizer. */
export interface RequestLine {
  readonly method: string;
  /** As it may have been signed: with the stage, and without. */
  readonly paths: readonly string[];
  readonly query: Readonly<Record<string, string | string[]>>;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

export interface Signed {
  readonly keyId: string;
  readonly region: string;
  readonly service: string;
  readonly signedHeaders: readonly string[];
  readonly date: Date;
  readonly authorization: string;
}

/** How far a client's clock may be off, as in AWS. */
const SKEW_MS = 15 * 60_000;
/** Clients that do not say what the body's hash is cannot be checked: the authorizer never sees a body. */
export const BODY_HASH_HEADER = 'x-amz-content-sha256';

const FORM =
  /^AWS4-HMAC-SHA256 Credential=([\w-]{1,128})\/\d{8}\/([\w-]{1,64})\/([\w-]{1,64})\/aws4_request, ?SignedHeaders=([a-z0-9;-]{1,1000}), ?Signature=[0-9a-f]{64}$/;

/** Who has signed, or undefined where nobody has in this form, or too long ago. */
export function readSignature(headers: RequestLine['headers'], nowMs: number): Signed | undefined {
  const lower = lowerCase(headers);
  const authorization = lower['authorization'] ?? '';
  const match = FORM.exec(authorization);
  const date = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(lower['x-amz-date'] ?? '');
  if (match === null || date === null) return undefined;
  const [, keyId, region, service, signed] = match as unknown as [string, string, string, string, string];
  const [, ...parts] = date.map(Number) as [number, number, number, number, number, number, number];
  const atMs = Date.UTC(parts[0], parts[1] - 1, parts[2], parts[3], parts[4], parts[5]);
  const signedHeaders = signed.split(';');
  const isWhole = ['host', 'x-amz-date', BODY_HASH_HEADER].every((name) => signedHeaders.includes(name));
  if (!isWhole || !(Math.abs(nowMs - atMs) <= SKEW_MS)) return undefined;
  return { keyId, region, service, signedHeaders, date: new Date(atMs), authorization };
}

/** Whether the signature is that of this secret over one of the paths. */
export async function isSignedBy(secret: string, signed: Signed, line: RequestLine): Promise<boolean> {
  const lower = lowerCase(line.headers);
  const headers: Record<string, string> = {};
  for (const name of signed.signedHeaders) {
    const value = lower[name];
    if (value === undefined) return false;
    headers[name] = value;
  }
  const signer = new SignatureV4({
    credentials: { accessKeyId: signed.keyId, secretAccessKey: secret },
    region: signed.region,
    service: signed.service,
    sha256: Sha256,
  });
  for (const path of line.paths) {
    const again = await signer.sign(
      { method: line.method, protocol: 'https:', hostname: headers['host']!, path, query: { ...line.query }, headers },
      { signingDate: signed.date, signableHeaders: new Set(signed.signedHeaders) },
    );
    if (isEqual(again.headers['authorization'] ?? '', signed.authorization)) return true;
  }
  return false;
}

/** Whether a request has a signature and no key beside it, which would be all that counts. */
export function isSignedAlone(headers: RequestLine['headers']): boolean {
  const { authorization = '', 'x-api-key': key } = lowerCase(headers);
  return authorization.startsWith('AWS4-') && key === undefined;
}

/** Whether a signed request's body is the one that was signed. */
export function isSignedBody(header: (name: string) => string | undefined, body: Uint8Array): boolean {
  return header(BODY_HASH_HEADER) === createHash('sha256').update(body).digest('hex');
}

function lowerCase(headers: RequestLine['headers']): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function isEqual(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text.replaceAll(', ', ',')).digest();
  return timingSafeEqual(digest(a), digest(b));
}
