/** Who is not who they say, or did not sign what arrived, gets nothing: in each service's own codes. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash, createHmac } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { BUCKET, CATALOG_TABLE, failure, lambdaRole, REGION, startTestCloud } from './start-cloud.ts';
import { send, signRequest } from './signed-fetch.ts';
import type { SignedRequest } from './signed-fetch.ts';
import type { AwsCredentials } from '../../../harness/aws/index.ts';
import type { TestCloud } from './start-cloud.ts';

let aws: TestCloud;
let offsetMs = 0;
const role = lambdaRole('fn', [{ Effect: 'Allow', Action: '*', Resource: '*' }]);
beforeAll(async () => {
  aws = await startTestCloud({ roles: [role], tables: [CATALOG_TABLE], now: () => Date.now() + offsetMs });
  await aws.s3().send(new PutObjectCommand({ Bucket: BUCKET, Key: 'x', Body: 'hello' }));
});
afterAll(() => aws.stop());
afterEach(() => {
  offsetMs = 0;
});

/** The same small read of each service. */
const calls = {
  s3: (credentials: AwsCredentials) => aws.s3(credentials).send(new GetObjectCommand({ Bucket: BUCKET, Key: 'x' })),
  dynamodb: (credentials: AwsCredentials) =>
    aws
      .dynamodb(credentials)
      .send(new GetItemCommand({ TableName: 'catalog', Key: { pk: { S: 'a' }, sk: { S: 'a' } } })),
  sts: (credentials: AwsCredentials) => aws.sts(credentials).send(new GetCallerIdentityCommand({})),
};
type Service = keyof typeof calls;
const session = () => aws.cloud.issueRoleCredentials(role.arn, { sessionName: 'fn', durationS: 900 });

describe('credentials', () => {
  it.each(Object.keys(calls) as Service[])('of the operator and of a role open %s', async (service) => {
    await calls[service](aws.cloud.operatorCredentials());
    await calls[service](session());
  });

  it.each<[service: Service, name: string, status: number]>([
    ['s3', 'SignatureDoesNotMatch', 403],
    ['dynamodb', 'InvalidSignatureException', 400],
    ['sts', 'SignatureDoesNotMatch', 403],
  ])('with a wrong secret are refused by %s', async (service, name, status) => {
    for (const credentials of [aws.cloud.operatorCredentials(), session()]) {
      expect(await failure(calls[service]({ ...credentials, secretAccessKey: 'x'.repeat(40) }))).toMatchObject({
        name,
        status,
      });
    }
  });

  it.each<[service: Service, name: string, status: number]>([
    ['s3', 'InvalidAccessKeyId', 403],
    ['dynamodb', 'UnrecognizedClientException', 400],
    ['sts', 'InvalidClientTokenId', 403],
  ])('that are unknown are refused by %s', async (service, name, status) => {
    const unknown = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x' };

    expect(await failure(calls[service](unknown))).toMatchObject({ name, status });
    const { accessKeyId, secretAccessKey } = session();
    expect(await failure(calls[service]({ accessKeyId, secretAccessKey }))).toMatchObject({ name, status });
    expect(await failure(calls[service]({ ...session(), accessKeyId: session().accessKeyId }))).toMatchObject({
      name,
      status,
    });
  });

  it.each<[service: Service, name: string]>([
    ['s3', 'InvalidToken'],
    ['dynamodb', 'UnrecognizedClientException'],
    ['sts', 'InvalidClientTokenId'],
  ])('with a forged token are refused by %s', async (service, name) => {
    const { sessionToken, ...rest } = session();
    const [payload, mac] = sessionToken.split('.') as [string, string];
    const claims = JSON.parse(Buffer.from(payload, 'base64').toString()) as object;
    const forged = Buffer.from(JSON.stringify({ ...claims, tags: { TenantId: 'other' } })).toString('base64');

    expect(await failure(calls[service]({ ...rest, sessionToken: `${forged}.${mac}` }))).toMatchObject({ name });
  });

  it.each<[service: Service, name: string, status: number]>([
    ['s3', 'ExpiredToken', 400],
    ['dynamodb', 'ExpiredTokenException', 400],
    ['sts', 'ExpiredToken', 403],
  ])('that have expired are refused by %s', async (service, name, status) => {
    const credentials = aws.cloud.issueRoleCredentials(role.arn, { sessionName: 'fn', durationS: 60 });
    offsetMs = 61_000;

    expect(await failure(calls[service](credentials))).toMatchObject({ name, status });
  });

  it.each<[service: Service, name: string]>([
    ['s3', 'RequestTimeTooSkewed'],
    ['dynamodb', 'InvalidSignatureException'],
    ['sts', 'SignatureDoesNotMatch'],
  ])('with a clock 16 minutes off are refused by %s', async (service, name) => {
    for (const minutes of [16, -16]) {
      offsetMs = minutes * 60_000;
      expect(await failure(calls[service](aws.cloud.operatorCredentials()))).toMatchObject({ name });
    }
  });

  it('are issued only for roles of the template that trust the service', () => {
    expect(() => aws.cloud.issueRoleCredentials('arn:aws:iam::1:role/none', { sessionName: 's' })).toThrow('no role');
    expect(() =>
      aws.cloud.issueRoleCredentials(role.arn, { sessionName: 's', service: 'states.amazonaws.com' }),
    ).toThrow('cannot be assumed by states.amazonaws.com');
  });
});

const code = (body: string) => /<Code>(\w+)<\/Code>/.exec(body)?.[1];

describe('a signed request that was changed on the way', () => {
  const put: SignedRequest = {
    method: 'PUT',
    path: `/${BUCKET}/changed`,
    headers: { 'x-amz-meta-a': '1' },
    body: 'hello',
  };
  const changes: [name: string, change: (signed: SignedRequest) => Partial<SignedRequest>, code: string][] = [
    ['in its body', () => ({ body: 'hellO' }), 'XAmzContentSHA256Mismatch'],
    ['in its path', () => ({ path: `/${BUCKET}/other` }), 'SignatureDoesNotMatch'],
    ['in its method', () => ({ method: 'POST' }), 'SignatureDoesNotMatch'],
    ['in its query', () => ({ query: { tagging: '' } }), 'SignatureDoesNotMatch'],
    ['in a header', ({ headers }) => ({ headers: { ...headers, 'x-amz-meta-a': '2' } }), 'SignatureDoesNotMatch'],
    ['by another header', ({ headers }) => ({ headers: { ...headers, 'x-amz-meta-b': '2' } }), 'AccessDenied'],
    [
      'in its date',
      ({ headers }) => ({
        headers: {
          ...headers,
          'x-amz-date': headers['x-amz-date']!.replace(/..Z$/, '59Z').replace(/(..)(..)59Z$/, '$1$259Z'),
        },
      }),
      'SignatureDoesNotMatch',
    ],
    [
      'to say that its body is unsigned',
      ({ headers }) => ({ headers: { ...headers, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' }, body: 'other' }),
      'SignatureDoesNotMatch',
    ],
  ];

  it('is taken as it was signed', async () => {
    const answer = await send(
      aws.cloud.url,
      await signRequest(aws.cloud.url, put, { credentials: aws.cloud.operatorCredentials(), service: 's3' }),
    );

    expect(answer.status).toBe(200);
  });

  it.each(changes)('%s is refused', async (_name, change, expected) => {
    // Signed a minute ago, so that the date can be changed to another valid one.
    const signingDate = new Date(Date.now() - 60_000);
    signingDate.setSeconds(1);
    const signed = await signRequest(aws.cloud.url, put, {
      credentials: aws.cloud.operatorCredentials(),
      service: 's3',
      signingDate,
    });

    const answer = await send(aws.cloud.url, { ...signed, ...change(signed) });

    expect([answer.status >= 400, code(answer.body)]).toEqual([true, expected]);
    expect(await failure(aws.s3().send(new GetObjectCommand({ Bucket: BUCKET, Key: 'other' })))).toMatchObject({
      name: 'NoSuchKey',
    });
  });

  it('is refused in its body by DynamoDB, where nothing is written', async () => {
    const item = (value: string) =>
      JSON.stringify({ TableName: 'catalog', Item: { pk: { S: value }, sk: { S: 'x' } } });
    const request = {
      method: 'POST',
      path: '/',
      headers: { 'x-amz-target': 'DynamoDB_20120810.PutItem', 'content-type': 'application/x-amz-json-1.0' },
      body: item('mine'),
    };
    const signed = await signRequest(aws.cloud.url, request, {
      credentials: aws.cloud.operatorCredentials(),
      service: 'dynamodb',
    });

    const answer = await send(aws.cloud.url, { ...signed, body: item('your') });

    expect([answer.status, answer.body]).toEqual([400, expect.stringContaining('InvalidSignatureException')]);
    const got = await aws
      .dynamodb()
      .send(new GetItemCommand({ TableName: 'catalog', Key: { pk: { S: 'your' }, sk: { S: 'x' } } }));
    expect(got.Item).toBeUndefined();
  });
});

describe('a request', () => {
  it('for another region is told the right one', async () => {
    const request = { method: 'GET', path: `/${BUCKET}/x`, headers: {} };
    const signed = await signRequest(aws.cloud.url, request, {
      credentials: aws.cloud.operatorCredentials(),
      service: 's3',
      region: 'us-west-2',
    });

    const answer = await send(aws.cloud.url, signed);

    expect([answer.status, code(answer.body)]).toEqual([400, 'AuthorizationHeaderMalformed']);
    expect(answer.body).toContain(`<Region>${REGION}</Region>`);
  });

  it('for a service that is not emulated fails by its name', async () => {
    const request = {
      method: 'POST',
      path: '/',
      headers: { 'x-amz-target': 'Logs_20140328.PutLogEvents' },
      body: '{}',
    };
    const signed = await signRequest(aws.cloud.url, request, {
      credentials: aws.cloud.operatorCredentials(),
      service: 'logs',
    });

    const answer = await send(aws.cloud.url, signed);

    expect(answer.status).toBe(501);
    expect(answer.body).toContain("does not emulate the AWS service 'logs'; it serves dynamodb, s3, sts");
  });

  it.each<[name: string, request: SignedRequest, status: number, text: string]>([
    ['S3', { method: 'GET', path: `/${BUCKET}/x`, headers: {} }, 403, '<Code>AccessDenied</Code>'],
    [
      'DynamoDB',
      { method: 'POST', path: '/', headers: { 'x-amz-target': 'DynamoDB_20120810.ListTables' }, body: '{}' },
      400,
      'MissingAuthenticationTokenException',
    ],
    [
      'STS',
      {
        method: 'POST',
        path: '/',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: 'Action=GetCallerIdentity',
      },
      403,
      '<Code>MissingAuthenticationToken</Code>',
    ],
  ])('without a signature is refused by %s', async (_name, request, status, text) => {
    const answer = await send(aws.cloud.url, request);

    expect(answer.status).toBe(status);
    expect(answer.body).toContain(text);
  });

  it.each(['Bearer abc', 'AWS4-HMAC-SHA256 Credential=a/b/c', 'AWS4-HMAC-SHA256 nothing'])(
    'with the Authorization %j is called malformed',
    async (authorization) => {
      const answer = await send(aws.cloud.url, {
        method: 'GET',
        path: `/${BUCKET}/x`,
        headers: { authorization, 'x-amz-date': '20261123T000000Z' },
      });

      expect([answer.status, code(answer.body)]).toEqual([400, 'AuthorizationHeaderMalformed']);
    },
  );
});

/** An aws-chunked upload, framed and signed here by the recipe of the S3 API reference. */
async function chunkedUpload(
  pieces: readonly string[],
  options: { kind: 'signed' | 'unsigned'; spoil?: (body: string) => string; length?: number },
) {
  const credentials = aws.cloud.operatorCredentials();
  const text = pieces.join('');
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(text));
  const trailer = `x-amz-checksum-crc32:${checksum.toString('base64')}`;
  const headers = {
    'content-encoding': 'aws-chunked',
    'x-amz-content-sha256':
      options.kind === 'signed' ? 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER' : 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
    'x-amz-decoded-content-length': String(options.length ?? text.length),
    'x-amz-trailer': 'x-amz-checksum-crc32',
  };
  const signed = await signRequest(
    aws.cloud.url,
    { method: 'PUT', path: `/${BUCKET}/chunked`, headers },
    { credentials, service: 's3' },
  );
  const amzDate = signed.headers['x-amz-date']!;
  const mac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest();
  const sha256 = (data: string) => createHash('sha256').update(data).digest('hex');
  const key = mac(
    mac(mac(mac(`AWS4${credentials.secretAccessKey}`, amzDate.slice(0, 8)), REGION), 's3'),
    'aws4_request',
  );
  let previous = /Signature=(\w+)/.exec(signed.headers['authorization']!)![1]!;
  const next = (algorithm: string, ...hashes: string[]) => {
    previous = mac(
      key,
      [algorithm, amzDate, `${amzDate.slice(0, 8)}/${REGION}/s3/aws4_request`, previous, ...hashes].join('\n'),
    ).toString('hex');
    return previous;
  };
  const signature = (piece: string) =>
    options.kind === 'signed' ? `;chunk-signature=${next('AWS4-HMAC-SHA256-PAYLOAD', sha256(''), sha256(piece))}` : '';
  const chunks = pieces.map((piece) => `${piece.length.toString(16)}${signature(piece)}\r\n${piece}\r\n`).join('');
  const end = `0${signature('')}\r\n${trailer}\r\n`;
  const trailerSignature =
    options.kind === 'signed'
      ? `x-amz-trailer-signature:${next('AWS4-HMAC-SHA256-TRAILER', sha256(`${trailer}\n`))}\r\n`
      : '';
  const body = `${chunks}${end}${trailerSignature}\r\n`;
  const answer = await send(aws.cloud.url, { ...signed, body: options.spoil?.(body) ?? body });
  return { status: answer.status, code: code(answer.body) };
}

describe.each(['signed', 'unsigned'] as const)('an aws-chunked upload with %s chunks and a trailer', (kind) => {
  const pieces = ['a'.repeat(8192), 'b'.repeat(100)];

  it('is stored without its framing', async () => {
    expect(await chunkedUpload(pieces, { kind })).toEqual({ status: 200, code: undefined });

    const got = await aws.s3().send(new GetObjectCommand({ Bucket: BUCKET, Key: 'chunked', ChecksumMode: 'ENABLED' }));
    expect(got.ContentEncoding).toBeUndefined();
    expect(await got.Body!.transformToString()).toBe(pieces.join(''));
  });

  it('is refused where a byte of it was changed', async () => {
    const outcome = await chunkedUpload(pieces, { kind, spoil: (body) => body.replace('bbb', 'bcb') });

    expect(outcome).toEqual(
      kind === 'signed' ? { status: 403, code: 'SignatureDoesNotMatch' } : { status: 400, code: 'BadDigest' },
    );
  });

  it('is refused where its trailer was changed', async () => {
    const outcome = await chunkedUpload(pieces, { kind, spoil: (body) => body.replace(/crc32:..../, 'crc32:AAAA') });

    expect(outcome).toEqual(
      kind === 'signed' ? { status: 403, code: 'SignatureDoesNotMatch' } : { status: 400, code: 'BadDigest' },
    );
  });

  it('is refused where the announced trailer does not come, the length is wrong, or it ends early', async () => {
    expect(
      (await chunkedUpload(pieces, { kind, spoil: (body) => body.replace(/x-amz-checksum-crc32:[^\r]*\r\n/, '') }))
        .status,
    ).toBeGreaterThanOrEqual(400);
    expect(await chunkedUpload(pieces, { kind, length: 5 })).toEqual({ status: 400, code: 'IncompleteBody' });
    expect(await chunkedUpload(pieces, { kind, spoil: (body) => body.slice(0, 5000) })).toEqual({
      status: 400,
      code: 'IncompleteBody',
    });
  });
});
