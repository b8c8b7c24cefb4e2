/**
 * Reads a request's body as it was signed: plain with a SHA-256, unsigned, or in aws-chunked framing with or without
 * chunk signatures and trailers. Source: S3 API reference, "Signature calculations: transferring a payload in multiple
 * chunks" and "... including trailing headers".
 */
import { createHash } from 'node:crypto';
import { hmac, scopeText, sha256Hex } from './canonical.ts';
import { ByteReader } from './byte-reader.ts';
import { sameHex } from './verify.ts';
import { AuthFailure } from '../wire-errors.ts';
import { AwsError } from '../service.ts';
import type { SignedWith } from './parse.ts';
import type { IncomingMessage } from 'node:http';

const EMPTY_SHA256 = sha256Hex('');
const STREAMING = /^STREAMING-(AWS4-HMAC-SHA256-PAYLOAD|UNSIGNED-PAYLOAD)(-TRAILER)?$/;

/** Under which signature the chunks stand. */
export interface PayloadSignature {
  readonly signed: SignedWith;
  readonly signingKey: Buffer;
}

/** Is the body framed? Then its content differs from what was sent. */
export const isChunked = (payloadHash: string | undefined): boolean => STREAMING.test(payloadHash ?? '');

/** The content, checked while it is read; what follows an aws-chunked body lands in `trailers`. */
export async function* readPayload(
  http: IncomingMessage,
  signature: PayloadSignature | undefined,
  trailers: Record<string, string>,
): AsyncGenerator<Buffer> {
  const payloadHash = signature?.signed.payloadHash;
  if (payloadHash === undefined || payloadHash === 'UNSIGNED-PAYLOAD') {
    yield* rawBody(http);
  } else if (/^[0-9a-f]{64}$/.test(payloadHash)) {
    yield* checkedAgainst(payloadHash, http);
  } else if (isChunked(payloadHash)) {
    yield* checkedLength(declaredLength(http), readChunks(http, signature!, trailers));
  } else {
    throw new AwsError(
      400,
      'InvalidRequest',
      `x-amz-content-sha256 must be a SHA-256, UNSIGNED-PAYLOAD or a STREAMING value that is supported, got '${payloadHash}'`,
    );
  }
}

/** A reader that stops early leaves the connection open, so that the client gets the error. */
const rawBody = (http: IncomingMessage): AsyncIterable<Buffer> => http.iterator({ destroyOnReturn: false });

async function* checkedAgainst(payloadHash: string, http: IncomingMessage): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  for await (const chunk of rawBody(http)) {
    hash.update(chunk);
    yield chunk;
  }
  const computed = hash.digest('hex');
  if (computed !== payloadHash)
    throw new AuthFailure('payload_hash_mismatch', { expected: payloadHash, got: computed });
}

function declaredLength(http: IncomingMessage): number {
  const text = http.headers['x-amz-decoded-content-length'];
  if (typeof text !== 'string' || !/^\d+$/.test(text)) {
    throw new AwsError(
      411,
      'MissingContentLength',
      'You must provide the Content-Length HTTP header: an aws-chunked body needs x-amz-decoded-content-length.',
    );
  }
  return Number(text);
}

async function* checkedLength(expected: number, source: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  let got = 0;
  for await (const chunk of source) {
    got += chunk.length;
    yield chunk;
  }
  if (got !== expected) {
    throw new AwsError(
      400,
      'IncompleteBody',
      `You did not provide the number of bytes specified by x-amz-decoded-content-length: expected ${expected}, got ${got}`,
    );
  }
}

async function* readChunks(
  http: IncomingMessage,
  signature: PayloadSignature,
  trailers: Record<string, string>,
): AsyncGenerator<Buffer> {
  const [, kind, hasTrailer] = STREAMING.exec(signature.signed.payloadHash ?? '')!;
  const reader = new ByteReader(rawBody(http));
  const chain = kind === 'UNSIGNED-PAYLOAD' ? undefined : new SignatureChain(signature);
  for (;;) {
    const [size = '', extension = ''] = (await reader.line()).split(';', 2);
    if (!/^[0-9a-fA-F]{1,8}$/.test(size))
      throw badFraming(`a chunk must begin with its size in hex, got '${size.slice(0, 20)}'`);
    const sizeBytes = parseInt(size, 16);
    const hash = chain && createHash('sha256');
    for await (const piece of reader.take(sizeBytes)) {
      hash?.update(piece);
      yield piece;
    }
    chain?.check(extension.replace(/^chunk-signature=/, ''), hash?.digest('hex') ?? EMPTY_SHA256);
    if (sizeBytes === 0) break;
    if ((await reader.line()) !== '') throw badFraming('a chunk must end with CRLF');
  }
  await readTrailers(reader, trailers, chain, hasTrailer !== undefined);
}

async function readTrailers(
  reader: ByteReader,
  trailers: Record<string, string>,
  chain: SignatureChain | undefined,
  isExpected: boolean,
): Promise<void> {
  let signed = '';
  let signature: string | undefined;
  for (;;) {
    const line = await reader.lineOrEnd();
    if (line === undefined || line === '') break;
    const colon = line.indexOf(':');
    if (colon < 0 || !isExpected) throw badFraming(`unexpected text after the last chunk: '${line.slice(0, 40)}'`);
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === 'x-amz-trailer-signature') signature = value;
    else {
      trailers[name] = value;
      signed += `${name}:${value}\n`;
    }
  }
  if (isExpected) chain?.checkTrailer(signature ?? '', signed);
  await reader.end();
}

/** Each chunk's signature signs the one before it, the first one the request's. */
class SignatureChain {
  readonly #signature: PayloadSignature;
  #previous: string;

  constructor(signature: PayloadSignature) {
    this.#signature = signature;
    this.#previous = signature.signed.signature;
  }

  check(chunkSignature: string, chunkHash: string): void {
    this.#verify('AWS4-HMAC-SHA256-PAYLOAD', chunkSignature, [EMPTY_SHA256, chunkHash]);
  }

  checkTrailer(trailerSignature: string, text: string): void {
    this.#verify('AWS4-HMAC-SHA256-TRAILER', trailerSignature, [sha256Hex(text)]);
  }

  #verify(algorithm: string, got: string, hashes: readonly string[]): void {
    const { signed, signingKey } = this.#signature;
    const text = [algorithm, signed.amzDate, scopeText(signed.scope), this.#previous, ...hashes].join('\n');
    if (!sameHex(hmac(signingKey, text), got)) throw new AuthFailure('signature_mismatch', { stringToSign: text });
    this.#previous = got;
  }
}

const badFraming = (what: string): AwsError =>
  new AwsError(400, 'InvalidRequest', `The aws-chunked body is malformed: ${what}.`);
