/** Buckets, and the listing of their keys. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetBucketLocationCommand,
  GetBucketVersioningCommand,
  HeadBucketCommand,
  ListBucketsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  paginateListObjectsV2,
} from '@aws-sdk/client-s3';
import { BUCKET, failure, REGION, startTestCloud } from '../sigv4/start-cloud.ts';
import type { S3Client } from '@aws-sdk/client-s3';
import type { TestCloud } from '../sigv4/start-cloud.ts';

let aws: TestCloud;
let s3: S3Client;
const numbered = Array.from({ length: 250 }, (_, index) => `n/${String(index).padStart(3, '0')}`);
const tree = ['t/a', 't/b/1', 't/b/2', 't/b/c/3', 't/d', 't/e/4', 't/z'];
// U+FF5A sorts before U+1F600 by UTF-8 bytes, and after it by UTF-16 units.
const unicode = ['u/A', 'u/a', 'u/é', 'u/\u{ff5a}', 'u/\u{1f600}'];

beforeAll(async () => {
  aws = await startTestCloud();
  s3 = aws.s3();
  for (const Key of [...numbered, ...tree, ...[...unicode].reverse()])
    await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: Key }));
});
afterAll(() => aws.stop());

async function pages(input: object): Promise<{ keys: string[]; prefixes: string[] }[]> {
  const found = [];
  for await (const page of paginateListObjectsV2({ client: s3 }, { Bucket: BUCKET, ...input })) {
    found.push({
      keys: (page.Contents ?? []).map((object) => object.Key!),
      prefixes: (page.CommonPrefixes ?? []).map((common) => common.Prefix!),
    });
  }
  return found;
}
const allKeys = async (input: object) => (await pages(input)).flatMap((page) => page.keys);

describe('ListObjectsV2', () => {
  it('pages through 250 keys by 100', async () => {
    const found = await pages({ Prefix: 'n/', MaxKeys: 100 });

    expect(found.map((page) => page.keys.length)).toEqual([100, 100, 50]);
    expect(found.flatMap((page) => page.keys)).toEqual(numbered);
  });

  it('says what each object is', async () => {
    const { Contents, KeyCount, IsTruncated } = await s3.send(
      new ListObjectsV2Command({ Bucket: BUCKET, Prefix: 't/b/1' }),
    );

    expect(Contents).toMatchObject([{ Key: 't/b/1', Size: 5, StorageClass: 'STANDARD' }]);
    expect({ KeyCount, IsTruncated }).toEqual({ KeyCount: 1, IsTruncated: false });
  });

  it('groups by a delimiter', async () => {
    expect(await pages({ Prefix: 't/', Delimiter: '/' })).toEqual([
      { keys: ['t/a', 't/d', 't/z'], prefixes: ['t/b/', 't/e/'] },
    ]);
  });

  it.each([1, 2, 3])('groups the same over pages of %d', async (MaxKeys) => {
    const found = await pages({ Prefix: 't/', Delimiter: '/', MaxKeys });

    expect(found.flatMap((page) => page.keys)).toEqual(['t/a', 't/d', 't/z']);
    expect(found.flatMap((page) => page.prefixes)).toEqual(['t/b/', 't/e/']);
    expect(Math.max(...found.map((page) => page.keys.length + page.prefixes.length))).toBe(MaxKeys);
  });

  it('starts after a key, there or not', async () => {
    expect(await allKeys({ Prefix: 'n/', StartAfter: 'n/247' })).toEqual(['n/248', 'n/249']);
    expect(await allKeys({ Prefix: 'n/', StartAfter: 'n/247x' })).toEqual(['n/248', 'n/249']);
  });

  it('orders by UTF-8 bytes', async () => {
    expect(await allKeys({ Prefix: 'u/' })).toEqual(unicode);
  });

  it('encodes keys for XML where asked', async () => {
    await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'x/a b\u0001', Body: 'x' }));

    const { Contents, EncodingType } = await s3.send(
      new ListObjectsV2Command({ Bucket: BUCKET, Prefix: 'x/', EncodingType: 'url' }),
    );

    expect(EncodingType).toBe('url');
    expect(Contents!.map((object) => object.Key)).toEqual(['x/a%20b%01']);
  });

  it('lists nothing for MaxKeys 0 and refuses a token of its own invention', async () => {
    expect(await s3.send(new ListObjectsV2Command({ Bucket: BUCKET, MaxKeys: 0 }))).toMatchObject({
      KeyCount: 0,
      IsTruncated: false,
    });
    expect(await failure(s3.send(new ListObjectsV2Command({ Bucket: BUCKET, ContinuationToken: 'x' })))).toMatchObject({
      name: 'InvalidArgument',
    });
  });

  it('lists no more what was deleted', async () => {
    await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'd/1', Body: 'x' }));
    await s3.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: 'd/1' }));

    expect(await allKeys({ Prefix: 'd/' })).toEqual([]);
  });
});

describe('ListObjects', () => {
  it('pages by marker', async () => {
    const first = await s3.send(new ListObjectsCommand({ Bucket: BUCKET, Prefix: 't/', Delimiter: '/', MaxKeys: 2 }));
    const second = await s3.send(
      new ListObjectsCommand({ Bucket: BUCKET, Prefix: 't/', Delimiter: '/', Marker: first.NextMarker }),
    );

    expect(first).toMatchObject({ IsTruncated: true, NextMarker: 't/b/', CommonPrefixes: [{ Prefix: 't/b/' }] });
    expect(second.Contents!.map((object) => object.Key)).toEqual(['t/d', 't/z']);
    expect(second.CommonPrefixes).toEqual([{ Prefix: 't/e/' }]);
  });
});

describe('buckets', () => {
  it('are made, found, listed and removed', async () => {
    await s3.send(new CreateBucketCommand({ Bucket: 'second-bucket' }));

    await s3.send(new HeadBucketCommand({ Bucket: 'second-bucket' }));
    const { Buckets } = await s3.send(new ListBucketsCommand({}));
    expect(Buckets!.map((bucket) => bucket.Name)).toEqual([BUCKET, 'second-bucket']);
    expect(await s3.send(new GetBucketLocationCommand({ Bucket: 'second-bucket' }))).toMatchObject({
      LocationConstraint: REGION,
    });
    await s3.send(new DeleteBucketCommand({ Bucket: 'second-bucket' }));
    expect(await failure(s3.send(new HeadBucketCommand({ Bucket: 'second-bucket' })))).toMatchObject({ status: 404 });
  });

  it('are refused under a bad name, twice, or while objects are in them', async () => {
    expect(await failure(s3.send(new CreateBucketCommand({ Bucket: 'Bad_Name' })))).toMatchObject({
      name: 'InvalidBucketName',
    });
    expect(await failure(s3.send(new CreateBucketCommand({ Bucket: BUCKET })))).toMatchObject({
      name: 'BucketAlreadyOwnedByYou',
      status: 409,
    });
    expect(await failure(s3.send(new DeleteBucketCommand({ Bucket: BUCKET })))).toMatchObject({
      name: 'BucketNotEmpty',
      status: 409,
    });
  });

  it('fail by name for what is not implemented', async () => {
    const error = await failure(s3.send(new GetBucketVersioningCommand({ Bucket: BUCKET })));

    expect(error).toMatchObject({ name: 'NotImplemented', status: 501 });
    expect(error.message).toContain('?versioning');
  });
});
