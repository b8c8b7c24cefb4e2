/** Requests that botocore 1.29.27 (boto3's core) signed for `sagemaker-runtime`, recorded: it states no hash of the body. */
import { describe, expect, it } from '@jest/globals';
import { isRecent, isSignedWith, readSignature, sha256, signingKeyOf } from '../../../shared/tenancy/signed-request.ts';

const SECRET = 'tenon_sk_test-secret-of-a-fixture';
const BODY = '{"instances": [[70, 3]]}';
const RECORDED = [
  ['house-prices', '47d8dcc8a1e0f99900f39c98fc037f01cb1be77ef81d17d1ac00b27b8980c84d'],
  ['house-prices%40live', 'befe9d9699c0c8151484f01aa828eff9186b5ebc2dc5cda0fd2020954a67afdb'],
] as const;

const headersOf = (signature: string) => ({
  Host: 'api.example.com',
  'Content-Type': 'application/json',
  'X-Amz-Date': '20261123T120000Z',
  Authorization: `AWS4-HMAC-SHA256 Credential=key_0123456789abcdef/20261123/eu-central-1/sagemaker/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=${signature}`,
});

function isAccepted(changes: { name?: string; body?: string; secret?: string; headers?: object } = {}): boolean {
  const [name, signature] = RECORDED[0];
  const headers = { ...headersOf(signature), ...changes.headers };
  const paths = [`/live/endpoints/${changes.name ?? name}/invocations`];
  const signed = readSignature(headers);
  if (signed === undefined) return false;
  const key = signingKeyOf(changes.secret ?? SECRET, signed);
  return isSignedWith(key, signed, { method: 'POST', paths, headers }, sha256(changes.body ?? BODY));
}

describe('a signature of boto3', () => {
  it.each(RECORDED)('is that of its secret, path and body: %s', (name, signature) => {
    const headers = headersOf(signature);
    const signed = readSignature(headers)!;
    // The stage is part of the address that was signed; API Gateway tells the path with it and without.
    const paths = [`/endpoints/${name}/invocations`, `/live/endpoints/${name}/invocations`];

    const key = signingKeyOf(SECRET, signed);

    expect(signed.keyId).toBe('key_0123456789abcdef');
    expect(isSignedWith(key, signed, { method: 'POST', paths, headers }, sha256(BODY))).toBe(true);
  });

  it.each([
    ['body', { body: '{"instances": [[70, 4]]}' }],
    ['model', { name: 'house-price' }],
    ['secret', { secret: `${SECRET}.` }],
    ['content type', { headers: { 'Content-Type': 'text/csv' } }],
    ['time', { headers: { 'X-Amz-Date': '20261123T120001Z' } }],
    ['day', { headers: { 'X-Amz-Date': '20261124T120000Z' } }],
    ['time, left out', { headers: { 'X-Amz-Date': undefined } }],
    ["body's hash, of another body", { headers: { 'x-amz-content-sha256': sha256('{}') } }],
  ])('is not that of another %s', (_what, changes) => {
    expect(isAccepted()).toBe(true);
    expect(isAccepted(changes)).toBe(false);
  });

  it('holds for a quarter of an hour', () => {
    const signed = readSignature(headersOf(RECORDED[0][1]))!;
    const at = (minutes: number) => isRecent(signed, Date.UTC(2026, 10, 23, 12, minutes));

    expect([at(-16), at(-14), at(14), at(16)]).toEqual([false, true, true, false]);
  });
});
