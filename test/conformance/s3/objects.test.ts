/** Objects of the local S3 through the real SDK client: what goes in comes out, and what is wrong is refused by S3's codes. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  DeleteObjectTaggingCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  PutObjectAclCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
} from '@aws-sdk/client-s3';
import { BUCKET, failure, startTestCloud } from '../sigv4/start-cloud.ts';
import type { S3Client } from '@aws-sdk/client-s3';
import type { TestCloud } from '../sigv4/start-cloud.ts';

let aws: TestCloud;
let s3: S3Client;
beforeAll(async () => {
  aws = await startTestCloud();
  s3 = aws.s3();
});
afterAll(() => aws.stop());

const put = (Key: string, Body: string | Uint8Array | Readable, more: object = {}) =>
  s3.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body, ...more }));
const get = (Key: string, more: object = {}) => s3.send(new GetObjectCommand({ Bucket: BUCKET, Key, ...more }));
const text = async (Key: string, more: object = {}) => (await get(Key, more)).Body!.transformToString();
const md5 = (data: string | Buffer) => createHash('md5').update(data).digest('hex');

describe('put and get', () => {
  it('gives back bytes, type, system headers and metadata', async () => {
    const headers = {
      ContentType: 'text/plain',
      CacheControl: 'no-store',
      ContentDisposition: 'inline',
      ContentEncoding: 'identity',
      ContentLanguage: 'de',
    };
    await put('a/b.txt', 'hello', { ...headers, Metadata: { one: '1', 'two-words': 'x y' } });

    const got = await get('a/b.txt');

    expect(await got.Body!.transformToString()).toBe('hello');
    expect(got).toMatchObject({
      ...headers,
      ContentLength: 5,
      ETag: `"${md5('hello')}"`,
      Metadata: { one: '1', 'two-words': 'x y' },
    });
    expect(got.LastModified!.getTime()).toBeGreaterThan(Date.now() - 60_000);
  });

  it.each([
    ['an empty object', Buffer.alloc(0)],
    ['a buffer', randomBytes(300_000)],
    ['many megabytes', randomBytes(20_000_000)],
  ])('keeps %s byte for byte', async (_name, body) => {
    await put('bytes', body);

    const got = await get('bytes');

    expect(Buffer.compare(Buffer.from(await got.Body!.transformToByteArray()), body)).toBe(0);
    expect(got.ContentType).toBe('application/octet-stream');
  });

  it('takes a stream of known length without leaving its framing in the object', async () => {
    const body = randomBytes(300_000);

    await put('streamed', Readable.from([body.subarray(0, 100_000), body.subarray(100_000)]), {
      ContentLength: body.length,
    });

    const got = Buffer.from(await (await get('streamed')).Body!.transformToByteArray());
    expect(got.length).toBe(300_000);
    expect(Buffer.compare(got, body)).toBe(0);
  });

  it.each([
    'a b',
    'ü/€/😀',
    'a+b',
    '100%',
    "quote'(1)*!~",
    'q?x=1&y#z',
    '..',
    'a/../b',
    '//x//',
    'trailing/',
    '<&>"',
    'x'.repeat(1024),
  ])('stores under the key %j', async (key) => {
    await put(key, key);

    expect(await text(key)).toBe(key);
  });

  it('refuses a key over 1,024 bytes', async () => {
    expect(await failure(put('x'.repeat(1025), 'x'))).toMatchObject({ name: 'KeyTooLongError', status: 400 });
  });

  it('heads an object with what get would say', async () => {
    await put('head', 'hello', { Metadata: { a: 'b' } });

    const head = await s3.send(new HeadObjectCommand({ Bucket: BUCKET, Key: 'head' }));

    expect(head).toMatchObject({ ContentLength: 5, ETag: `"${md5('hello')}"`, Metadata: { a: 'b' } });
  });

  it('overwrites', async () => {
    await put('twice', 'one');
    await put('twice', 'two!');

    expect(await text('twice')).toBe('two!');
  });

  it('answers for a missing key or bucket with their codes', async () => {
    expect(await failure(get('missing'))).toMatchObject({ name: 'NoSuchKey', status: 404 });
    expect(await failure(s3.send(new HeadObjectCommand({ Bucket: BUCKET, Key: 'missing' })))).toMatchObject({
      name: 'NotFound',
      status: 404,
    });
    expect(await failure(s3.send(new GetObjectCommand({ Bucket: 'nowhere', Key: 'x' })))).toMatchObject({
      name: 'NoSuchBucket',
      status: 404,
    });
  });

  it('fails by name for what it does not implement', async () => {
    const error = await failure(s3.send(new PutObjectAclCommand({ Bucket: BUCKET, Key: 'head', ACL: 'private' })));

    expect(error).toMatchObject({ name: 'NotImplemented', status: 501 });
    expect(error.message).toContain('?acl');
    expect(await failure(put('acl', 'x', { ACL: 'public-read' }))).toMatchObject({
      name: 'AccessControlListNotSupported',
    });
    expect(await failure(get('head', { PartNumber: 1 }))).toMatchObject({ name: 'NotImplemented' });
  });
});

describe('ranges and conditions of a read', () => {
  beforeAll(async () => {
    await put('digits', '0123456789');
  });

  it.each([
    ['bytes=2-4', '234', 'bytes 2-4/10'],
    ['bytes=7-', '789', 'bytes 7-9/10'],
    ['bytes=-3', '789', 'bytes 7-9/10'],
    ['bytes=-99', '0123456789', 'bytes 0-9/10'],
    ['bytes=8-99', '89', 'bytes 8-9/10'],
  ])('serves %s', async (range, expected, contentRange) => {
    const got = await get('digits', { Range: range });

    expect(await got.Body!.transformToString()).toBe(expected);
    expect(got).toMatchObject({
      ContentRange: contentRange,
      ContentLength: expected.length,
      $metadata: { httpStatusCode: 206 },
    });
  });

  it('refuses a range past the end, and ignores one it cannot read', async () => {
    expect(await failure(get('digits', { Range: 'bytes=10-12' }))).toMatchObject({ name: 'InvalidRange', status: 416 });
    expect(await text('digits', { Range: 'bytes=5-2' })).toBe('0123456789');
  });

  it('answers 304 and 412 as the conditions say', async () => {
    const etag = `"${md5('0123456789')}"`;

    expect(await failure(get('digits', { IfNoneMatch: etag }))).toMatchObject({ status: 304 });
    expect(await failure(get('digits', { IfMatch: '"other"' }))).toMatchObject({
      name: 'PreconditionFailed',
      status: 412,
    });
    expect(await failure(get('digits', { IfModifiedSince: new Date(Date.now() + 3_600_000) }))).toMatchObject({
      status: 304,
    });
    expect(await failure(get('digits', { IfUnmodifiedSince: new Date(0) }))).toMatchObject({ status: 412 });
    expect(await text('digits', { IfMatch: etag })).toBe('0123456789');
  });

  it('overrides headers of the answer where the request asks for it', async () => {
    const got = await get('digits', {
      ResponseContentType: 'text/csv',
      ResponseContentDisposition: 'attachment; filename="d.csv"',
    });

    expect(got).toMatchObject({ ContentType: 'text/csv', ContentDisposition: 'attachment; filename="d.csv"' });
  });
});

describe('checksums', () => {
  // Of "hello", by OpenSSL, zlib and the CRC catalogue's parameters.
  const ofHello = {
    CRC32: 'NhCmhg==',
    CRC32C: 'mnG7TA==',
    SHA1: 'qvTGHdzF6KLavt4PO0gs2a6pQ00=',
    SHA256: 'LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=',
  } as const;

  it.each(Object.entries(ofHello))('keeps and gives back %s', async (algorithm, value) => {
    await put('sum', 'hello', { ChecksumAlgorithm: algorithm });

    const got = await get('sum', { ChecksumMode: 'ENABLED' });

    expect(got).toMatchObject({ [`Checksum${algorithm}`]: value, ChecksumType: 'FULL_OBJECT' });
    await got.Body!.transformToString();
  });

  it.each(Object.keys(ofHello))('refuses a wrong %s and stores nothing', async (algorithm) => {
    const wrong = Buffer.from(ofHello[algorithm as keyof typeof ofHello], 'base64')
      .fill(1)
      .toString('base64');

    const error = await failure(put('wrong-sum', 'hello', { [`Checksum${algorithm}`]: wrong }));

    expect(error).toMatchObject({ name: 'BadDigest', status: 400 });
    expect(await failure(get('wrong-sum'))).toMatchObject({ name: 'NoSuchKey' });
  });

  it('checks Content-MD5', async () => {
    const ContentMD5 = createHash('md5').update('other').digest('base64');

    expect(await failure(put('md5', 'hello', { ContentMD5 }))).toMatchObject({ name: 'BadDigest', status: 400 });
    expect(await failure(put('md5', 'hello', { ContentMD5: 'short' }))).toMatchObject({
      name: 'InvalidDigest',
      status: 400,
    });
    expect(await put('md5', 'other', { ContentMD5 })).toMatchObject({ ETag: `"${md5('other')}"` });
  });
});

describe('copy', () => {
  it('copies data and metadata, or replaces the metadata', async () => {
    await put('source ü', 'hello', { ContentType: 'text/plain', Metadata: { a: '1' } });
    const CopySource = `/${BUCKET}/${encodeURIComponent('source ü')}`;

    const copied = await s3.send(new CopyObjectCommand({ Bucket: BUCKET, Key: 'copy', CopySource }));
    await s3.send(
      new CopyObjectCommand({
        Bucket: BUCKET,
        Key: 'copy2',
        CopySource,
        MetadataDirective: 'REPLACE',
        Metadata: { b: '2' },
      }),
    );

    expect(copied.CopyObjectResult).toMatchObject({ ETag: `"${md5('hello')}"` });
    expect(await get('copy')).toMatchObject({ ContentType: 'text/plain', Metadata: { a: '1' } });
    expect(await get('copy2')).toMatchObject({ Metadata: { b: '2' } });
    expect(await text('copy2')).toBe('hello');
  });

  it('refuses a missing source, a copy onto itself, and a source that changed', async () => {
    const copy = (more: object) =>
      s3.send(new CopyObjectCommand({ Bucket: BUCKET, Key: 'copy', CopySource: `${BUCKET}/copy2`, ...more }));

    expect(await failure(copy({ CopySource: `${BUCKET}/none` }))).toMatchObject({ name: 'NoSuchKey' });
    expect(await failure(copy({ Key: 'copy2' }))).toMatchObject({ name: 'InvalidRequest' });
    expect(await failure(copy({ CopySourceIfMatch: '"other"' }))).toMatchObject({
      name: 'PreconditionFailed',
      status: 412,
    });
  });
});

describe('delete', () => {
  it('deletes one object, and a missing one without complaint', async () => {
    await put('gone', 'x');

    await s3.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: 'gone' }));
    await s3.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: 'gone' }));

    expect(await failure(get('gone'))).toMatchObject({ name: 'NoSuchKey' });
  });

  it('deletes many, and says so unless it is to be quiet', async () => {
    const keys = ['m<1>', 'm&2', 'm 3'];
    for (const key of keys) await put(key, 'x');
    const many = (Quiet: boolean, names: string[]) =>
      s3.send(new DeleteObjectsCommand({ Bucket: BUCKET, Delete: { Quiet, Objects: names.map((Key) => ({ Key })) } }));

    const loud = await many(false, keys.slice(0, 2));
    const quiet = await many(true, [keys[2]!, 'never-was']);

    expect(loud.Deleted!.map((entry) => entry.Key)).toEqual(keys.slice(0, 2));
    expect(quiet.Deleted).toBeUndefined();
    for (const key of keys) expect(await failure(get(key))).toMatchObject({ name: 'NoSuchKey' });
  });

  it('refuses more than 1,000 keys', async () => {
    const Objects = Array.from({ length: 1001 }, (_, index) => ({ Key: String(index) }));

    expect(await failure(s3.send(new DeleteObjectsCommand({ Bucket: BUCKET, Delete: { Objects } })))).toMatchObject({
      name: 'MalformedXML',
      status: 400,
    });
  });
});

describe('tags', () => {
  it('come from the put or their own call', async () => {
    await put('tagged', 'x', { Tagging: 'a=1&b=2%203' });
    const tags = async () => (await s3.send(new GetObjectTaggingCommand({ Bucket: BUCKET, Key: 'tagged' }))).TagSet;
    expect(await tags()).toEqual([
      { Key: 'a', Value: '1' },
      { Key: 'b', Value: '2 3' },
    ]);

    await s3.send(
      new PutObjectTaggingCommand({ Bucket: BUCKET, Key: 'tagged', Tagging: { TagSet: [{ Key: 'c', Value: '<4>' }] } }),
    );

    expect(await tags()).toEqual([{ Key: 'c', Value: '<4>' }]);
    expect(await text('tagged')).toBe('x');
    await s3.send(new DeleteObjectTaggingCommand({ Bucket: BUCKET, Key: 'tagged' }));
    expect(await tags()).toEqual([]);
  });
});
