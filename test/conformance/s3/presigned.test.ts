/** Presigned URLs, POST policies and CORS: what a browser does with the local S3. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHmac } from 'node:crypto';
import {
  GetBucketCorsCommand,
  GetObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
  CreateMultipartUploadCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { BUCKET, lambdaRole, REGION, startTestCloud } from '../sigv4/start-cloud.ts';
import type { S3Client } from '@aws-sdk/client-s3';
import type { TestCloud } from '../sigv4/start-cloud.ts';

let aws: TestCloud;
let s3: S3Client;
let nowMs: number | undefined;
const role = lambdaRole('uploads-only', [
  { Effect: 'Allow', Action: 's3:PutObject', Resource: `arn:aws:s3:::${BUCKET}/up/*` },
]);
beforeAll(async () => {
  const corsRules = [
    {
      AllowedOrigins: ['https://*.example.com'],
      AllowedMethods: ['PUT', 'GET'],
      AllowedHeaders: ['content-*', 'x-amz-*'],
      ExposedHeaders: ['ETag'],
      MaxAge: 600,
    },
  ];
  aws = await startTestCloud({
    buckets: [{ name: BUCKET, corsRules }, { name: 'no-cors' }],
    roles: [role],
    now: () => nowMs ?? Date.now(),
  });
  s3 = aws.s3();
  await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'seen', Body: 'hello' }));
});
afterAll(() => aws.stop());

const codeOf = async (response: Response) => /<Code>(\w+)<\/Code>/.exec(await response.text())?.[1];

describe('a presigned GET', () => {
  it('needs nothing but the URL', async () => {
    const response = await fetch(
      await getSignedUrl(
        s3,
        new GetObjectCommand({ Bucket: BUCKET, Key: 'seen', ResponseContentDisposition: 'attachment; filename="x"' }),
      ),
    );

    expect([response.status, await response.text()]).toEqual([200, 'hello']);
    expect(response.headers.get('content-disposition')).toBe('attachment; filename="x"');
  });

  it('is refused when any of it was changed', async () => {
    const url = await getSignedUrl(s3, new GetObjectCommand({ Bucket: BUCKET, Key: 'seen' }), { expiresIn: 60 });
    const changes = [
      url.replace('/seen?', '/other?'),
      url.replace('X-Amz-Expires=60', 'X-Amz-Expires=600'),
      url.replace(/(X-Amz-Signature=.)./, (_, start: string) => `${start}${url.includes(`${start}0`) ? '1' : '0'}`),
      `${url}&response-content-type=text%2Fhtml`,
    ];

    for (const changed of changes) {
      const response = await fetch(changed);
      expect([response.status, await codeOf(response)]).toEqual([403, 'SignatureDoesNotMatch']);
    }
    expect((await fetch(url, { method: 'DELETE' })).status).toBe(403);
  });

  it('is refused when it has expired', async () => {
    const url = await getSignedUrl(s3, new GetObjectCommand({ Bucket: BUCKET, Key: 'seen' }), { expiresIn: 60 });
    try {
      nowMs = Date.now() + 62_000;
      const response = await fetch(url);

      expect(response.status).toBe(403);
      expect(await response.text()).toContain('<Code>AccessDenied</Code><Message>Request has expired</Message>');
    } finally {
      nowMs = undefined;
    }
  });

  it('is 403 without any signature', async () => {
    const response = await fetch(`${aws.cloud.url}/${BUCKET}/seen`);

    expect([response.status, await codeOf(response)]).toEqual([403, 'AccessDenied']);
  });
});

describe('a presigned PUT', () => {
  const presign = (more: object, options: object = {}) =>
    getSignedUrl(s3, new PutObjectCommand({ Bucket: BUCKET, Key: 'put', ...more }), options);

  it('takes a body of the signed length', async () => {
    const url = await presign({ ContentLength: 5 }, { signableHeaders: new Set(['content-length']) });

    const response = await fetch(url, { method: 'PUT', body: 'hello' });

    expect(url).toContain('content-length');
    expect([response.status, response.headers.get('etag')]).toEqual([200, '"5d41402abc4b2a76b9719d911017c592"']);
  });

  it('refuses a body of another length', async () => {
    const url = await presign({ ContentLength: 5 }, { signableHeaders: new Set(['content-length']) });

    const response = await fetch(url, { method: 'PUT', body: 'hello, longer' });

    expect([response.status, await codeOf(response)]).toEqual([403, 'SignatureDoesNotMatch']);
  });

  it('refuses headers that were not signed', async () => {
    const response = await fetch(await presign({}), { method: 'PUT', body: 'x', headers: { 'x-amz-meta-more': '1' } });

    expect([response.status, await codeOf(response)]).toEqual([403, 'AccessDenied']);
  });

  it('holds for a part of a multipart upload', async () => {
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket: BUCKET, Key: 'parts' }));
    const url = await getSignedUrl(
      s3,
      new UploadPartCommand({ Bucket: BUCKET, Key: 'parts', UploadId, PartNumber: 1 }),
    );

    const response = await fetch(url, { method: 'PUT', body: 'part' });

    expect(response.status).toBe(200);
  });

  it('may do what its signer may, and no more', async () => {
    const client = aws.s3(aws.cloud.issueRoleCredentials(role.arn, { sessionName: 'fn' }));
    const putTo = async (Key: string) =>
      (
        await fetch(await getSignedUrl(client, new PutObjectCommand({ Bucket: BUCKET, Key })), {
          method: 'PUT',
          body: 'x',
        })
      ).status;

    expect([await putTo('up/1'), await putTo('elsewhere')]).toEqual([200, 403]);
  });
});

/** A browser's form, signed here with node:crypto by the recipe of the S3 API reference. */
function signedForm(
  conditions: unknown[],
  fields: Record<string, string>,
  file: string,
  options: { expiresInMs?: number; secret?: string } = {},
) {
  const { accessKeyId, secretAccessKey } = aws.cloud.operatorCredentials();
  const amzDate = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
  const day = amzDate.slice(0, 8);
  const signing = {
    'x-amz-algorithm': 'AWS4-HMAC-SHA256',
    'x-amz-credential': `${accessKeyId}/${day}/${REGION}/s3/aws4_request`,
    'x-amz-date': amzDate,
  };
  const expiration = new Date(Date.now() + (options.expiresInMs ?? 60_000)).toISOString();
  const all = [...conditions, ...Object.entries(signing).map(([name, value]) => ({ [name]: value }))];
  const policy = Buffer.from(JSON.stringify({ expiration, conditions: all })).toString('base64');
  const mac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
  const key = mac(mac(mac(mac(`AWS4${options.secret ?? secretAccessKey}`, day), REGION), 's3'), 'aws4_request');
  const form = new FormData();
  for (const [name, value] of Object.entries({
    ...fields,
    ...signing,
    policy,
    'x-amz-signature': mac(key, policy).toString('hex'),
  }))
    form.append(name, value);
  form.append('file', new Blob([file]), 'ümlaut.csv');
  return fetch(`${aws.cloud.url}/${BUCKET}`, { method: 'POST', body: form });
}

describe('a POST form', () => {
  const conditions = [
    { bucket: BUCKET },
    ['starts-with', '$key', 'form/'],
    ['content-length-range', 2, 10],
    { 'Content-Type': 'text/csv' },
  ];
  const fields = { key: 'form/${filename}', 'Content-Type': 'text/csv' };

  it('stores the file under the policy', async () => {
    const response = await signedForm(conditions, fields, 'a,b\r\n1,2');

    const got = await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key: 'form/ümlaut.csv' }));
    expect(response.status).toBe(204);
    expect(got.ContentType).toBe('text/csv');
    expect(await got.Body!.transformToString()).toBe('a,b\r\n1,2');
  });

  it('answers with the status that the form asks for', async () => {
    const response = await signedForm(
      [...conditions, { success_action_status: '201' }],
      { ...fields, success_action_status: '201' },
      'abc',
    );

    expect(response.status).toBe(201);
    expect(await response.text()).toContain('<Key>form/ümlaut.csv</Key>');
  });

  it.each([
    ['too large', '12345678901', {}, 400, 'EntityTooLarge'],
    ['too small', '1', {}, 400, 'EntityTooSmall'],
    ['outside its prefix', 'abc', { key: 'other/x' }, 403, 'AccessDenied'],
    ['with a field that the policy does not name', 'abc', { 'x-amz-meta-a': '1' }, 403, 'AccessDenied'],
    ['with another value than the policy has', 'abc', { 'Content-Type': 'text/html' }, 403, 'AccessDenied'],
  ])('refuses a file that is %s', async (_name, file, more, status, code) => {
    const response = await signedForm(conditions, { ...fields, ...more }, file);

    expect([response.status, await codeOf(response)]).toEqual([status, code]);
  });

  it('refuses an expired policy and a wrong signature', async () => {
    const expired = await signedForm(conditions, fields, 'abc', { expiresInMs: -1000 });
    const wrong = await signedForm(conditions, fields, 'abc', { secret: 'wrong' });

    expect([expired.status, await codeOf(expired)]).toEqual([403, 'AccessDenied']);
    expect([wrong.status, await codeOf(wrong)]).toEqual([403, 'SignatureDoesNotMatch']);
  });

  it('refuses a form without a policy', async () => {
    const form = new FormData();
    form.append('key', 'form/x');
    form.append('file', new Blob(['abc']), 'x');

    expect((await fetch(`${aws.cloud.url}/${BUCKET}`, { method: 'POST', body: form })).status).toBe(403);
  });
});

describe('CORS', () => {
  const preflight = (bucket: string, origin: string, method: string, headers = 'content-type') =>
    fetch(`${aws.cloud.url}/${bucket}/x`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': method, 'access-control-request-headers': headers },
    });

  it('answers a preflight that a rule allows', async () => {
    const response = await preflight(BUCKET, 'https://app.example.com', 'PUT', 'content-type, x-amz-date');

    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'access-control-allow-origin': 'https://app.example.com',
      'access-control-allow-methods': 'PUT, GET',
      'access-control-allow-headers': 'content-type, x-amz-date',
      'access-control-expose-headers': 'ETag',
      'access-control-max-age': '600',
    });
  });

  it.each([
    ['another origin', BUCKET, 'https://evil.test', 'PUT', 'content-type'],
    ['another method', BUCKET, 'https://app.example.com', 'DELETE', 'content-type'],
    ['another header', BUCKET, 'https://app.example.com', 'PUT', 'authorization'],
    ['a bucket without CORS', 'no-cors', 'https://app.example.com', 'PUT', 'content-type'],
  ])('refuses %s', async (_name, bucket, origin, method, headers) => {
    const response = await preflight(bucket, origin, method, headers);

    expect([response.status, await codeOf(response)]).toEqual([403, 'AccessForbidden']);
  });

  it('is told to who may ask', async () => {
    const { CORSRules } = await s3.send(new GetBucketCorsCommand({ Bucket: BUCKET }));

    expect(CORSRules).toEqual([
      {
        AllowedOrigins: ['https://*.example.com'],
        AllowedMethods: ['PUT', 'GET'],
        AllowedHeaders: ['content-*', 'x-amz-*'],
        ExposeHeaders: ['ETag'],
        MaxAgeSeconds: 600,
      },
    ]);
    await expect(s3.send(new GetBucketCorsCommand({ Bucket: 'no-cors' }))).rejects.toMatchObject({
      name: 'NoSuchCORSConfiguration',
    });
  });

  it('marks the answer of the actual request', async () => {
    const url = await getSignedUrl(s3, new GetObjectCommand({ Bucket: BUCKET, Key: 'seen' }));

    const response = await fetch(url, { headers: { origin: 'https://app.example.com' } });

    expect(response.headers.get('access-control-allow-origin')).toBe('https://app.example.com');
  });
});
