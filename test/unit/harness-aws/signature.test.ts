/**
 * SigV4 against published examples: the AWS SigV4 test suite (get-vanilla), and the S3 API reference's examples of
 * header, query, chunked and trailer signatures (access key AKIAIOSFODNN7EXAMPLE, 24 May 2013).
 */
import { describe, expect, it } from '@jest/globals';
import { Readable } from 'node:stream';
import {
  canonicalRequest,
  hmac,
  sha256Hex,
  signingKey,
  stringToSign,
} from '../../../harness/aws/signature/canonical.ts';
import { readPayload } from '../../../harness/aws/signature/payload.ts';
import type { CanonicalParts } from '../../../harness/aws/signature/canonical.ts';
import type { SignedWith } from '../../../harness/aws/signature/parse.ts';
import type { IncomingMessage } from 'node:http';

const SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const S3_SCOPE = { date: '20130524', region: 'us-east-1', service: 's3' };
const AMZ_DATE = '20130524T000000Z';
const EMPTY = sha256Hex('');

function sign(parts: Partial<CanonicalParts> & { headerValues: Record<string, string> }): string {
  const { headerValues, ...rest } = parts;
  const request = canonicalRequest({
    method: 'GET',
    rawPath: '/',
    rawQuery: '',
    payloadHash: EMPTY,
    isS3: true,
    headers: new Map(Object.entries(headerValues).map(([name, value]) => [name, [value]])),
    signedHeaders: Object.keys(headerValues).sort(),
    ...rest,
  });
  return hmac(signingKey(SECRET, S3_SCOPE), stringToSign(AMZ_DATE, S3_SCOPE, request)).toString('hex');
}
const host = 'examplebucket.s3.amazonaws.com';

describe('signatures of the S3 API reference', () => {
  it('GET Object', () => {
    const headerValues = { host, range: 'bytes=0-9', 'x-amz-content-sha256': EMPTY, 'x-amz-date': AMZ_DATE };

    expect(sign({ rawPath: '/test.txt', headerValues })).toBe(
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    );
  });

  it('PUT Object with a key that needs encoding', () => {
    const payloadHash = sha256Hex('Welcome to Amazon S3.');
    const headerValues = {
      date: 'Fri, 24 May 2013 00:00:00 GMT',
      host,
      'x-amz-content-sha256': payloadHash,
      'x-amz-date': AMZ_DATE,
      'x-amz-storage-class': 'REDUCED_REDUNDANCY',
    };

    expect(sign({ method: 'PUT', rawPath: '/test$file.text', payloadHash, headerValues })).toBe(
      '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    );
  });

  it('GET Bucket Lifecycle, a query without a value', () => {
    const headerValues = { host, 'x-amz-content-sha256': EMPTY, 'x-amz-date': AMZ_DATE };

    expect(sign({ rawQuery: 'lifecycle', headerValues })).toBe(
      'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
    );
  });

  it('GET Bucket (list objects), a query in no order', () => {
    const headerValues = { host, 'x-amz-content-sha256': EMPTY, 'x-amz-date': AMZ_DATE };

    expect(sign({ rawQuery: 'prefix=J&max-keys=2', headerValues })).toBe(
      '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
    );
  });

  it('presigned GET Object', () => {
    const rawQuery =
      'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z' +
      '&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=whatever';

    expect(sign({ rawPath: '/test.txt', rawQuery, payloadHash: 'UNSIGNED-PAYLOAD', headerValues: { host } })).toBe(
      'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
    );
  });
});

describe('the SigV4 test suite', () => {
  const scope = { date: '20150830', region: 'us-east-1', service: 'service' };
  const date = '20150830T123600Z';
  const signature = (rawPath: string) => {
    const headers = new Map([
      ['host', ['example.amazonaws.com']],
      ['x-amz-date', [date]],
    ]);
    const parts = {
      method: 'GET',
      rawPath,
      rawQuery: '',
      headers,
      signedHeaders: ['host', 'x-amz-date'],
      payloadHash: EMPTY,
      isS3: false,
    };
    return hmac(
      signingKey('wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', scope),
      stringToSign(date, scope, canonicalRequest(parts)),
    ).toString('hex');
  };

  it('get-vanilla, and the relative paths that normalize to it', () => {
    const vanilla = '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31';

    expect([signature('/'), signature('/example/..'), signature('/./'), signature('//')]).toEqual([
      vanilla,
      vanilla,
      vanilla,
      vanilla,
    ]);
  });
});

describe('chunked payloads of the S3 API reference', () => {
  const body = Buffer.alloc(66_560, 'a');
  const framed = (signatures: readonly string[], trailer = '\r\n') =>
    Buffer.concat([
      Buffer.from(`10000;chunk-signature=${signatures[0]!}\r\n`),
      body.subarray(0, 65_536),
      Buffer.from(`\r\n400;chunk-signature=${signatures[1]!}\r\n`),
      body.subarray(65_536),
      Buffer.from(`\r\n0;chunk-signature=${signatures[2]!}\r\n${trailer}`),
    ]);

  async function read(data: Buffer, seed: string, payloadHash: string) {
    // Cut in the middle of lines and chunks, as a network does.
    const pieces = Array.from({ length: Math.ceil(data.length / 999) }, (_, index) =>
      data.subarray(index * 999, (index + 1) * 999),
    );
    const http = Object.assign(Readable.from(pieces), {
      headers: { 'x-amz-decoded-content-length': '66560' },
    }) as unknown as IncomingMessage;
    const signed = { scope: S3_SCOPE, amzDate: AMZ_DATE, signature: seed, payloadHash } as SignedWith;
    const trailers: Record<string, string> = {};
    const chunks: Buffer[] = [];
    for await (const chunk of readPayload(http, { signed, signingKey: signingKey(SECRET, S3_SCOPE) }, trailers))
      chunks.push(chunk);
    return { data: Buffer.concat(chunks), trailers };
  }

  const plain = {
    seed: '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
    signatures: [
      'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648',
      '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497',
      'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9',
    ],
  };

  it('are verified and unframed', async () => {
    const got = await read(framed(plain.signatures), plain.seed, 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD');

    expect(Buffer.compare(got.data, body)).toBe(0);
  });

  it.each([0, 1, 2])('are refused where signature %d is wrong', async (index) => {
    const signatures = plain.signatures.map((signature, at) =>
      at === index ? signature.replace(/^./, 'f') : signature,
    );

    await expect(read(framed(signatures), plain.seed, 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD')).rejects.toMatchObject({
      kind: 'signature_mismatch',
    });
  });

  it('are refused where one byte of the data is wrong', async () => {
    const data = framed(plain.signatures);
    data[data.length - 1000] = 98;

    await expect(read(data, plain.seed, 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD')).rejects.toMatchObject({
      kind: 'signature_mismatch',
    });
  });

  it('are refused where they end early', async () => {
    const data = framed(plain.signatures);

    await expect(
      read(data.subarray(0, 70_000 - 4000), plain.seed, 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'),
    ).rejects.toMatchObject({ code: 'IncompleteBody' });
  });

  it('carry a signed trailer', async () => {
    const seed = '106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e';
    const signatures = [
      'b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2',
      '1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7',
      '2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992',
    ];
    const trailer = (signature: string) =>
      `x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:${signature}\r\n\r\n`;
    const signature = 'd81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435';

    const got = await read(framed(signatures, trailer(signature)), seed, 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER');

    expect(Buffer.compare(got.data, body)).toBe(0);
    expect(got.trailers).toEqual({ 'x-amz-checksum-crc32c': 'sOO8/Q==' });
    await expect(
      read(
        framed(signatures, trailer(signature.replace(/^./, '0'))),
        seed,
        'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
      ),
    ).rejects.toMatchObject({
      kind: 'signature_mismatch',
    });
  });
});
