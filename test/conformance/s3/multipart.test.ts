/** Multipart uploads through the real SDK client. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash, randomBytes } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { BUCKET, failure, startTestCloud } from '../sigv4/start-cloud.ts';
import type { CompletedPart, S3Client } from '@aws-sdk/client-s3';
import type { TestCloud } from '../sigv4/start-cloud.ts';

const MB = 1024 * 1024;
let aws: TestCloud;
let s3: S3Client;
beforeAll(async () => {
  aws = await startTestCloud();
  s3 = aws.s3();
});
afterAll(() => aws.stop());

const create = async (Key: string, more: object = {}) =>
  (await s3.send(new CreateMultipartUploadCommand({ Bucket: BUCKET, Key, ...more }))).UploadId!;
const upload = async (Key: string, UploadId: string, PartNumber: number, Body: Buffer): Promise<CompletedPart> => {
  const { ETag, ChecksumCRC32 } = await s3.send(
    new UploadPartCommand({ Bucket: BUCKET, Key, UploadId, PartNumber, Body }),
  );
  return { PartNumber, ETag, ChecksumCRC32 };
};
const complete = (Key: string, UploadId: string, Parts: CompletedPart[], more: object = {}) =>
  s3.send(new CompleteMultipartUploadCommand({ Bucket: BUCKET, Key, UploadId, MultipartUpload: { Parts }, ...more }));
const bytes = async (Key: string) =>
  Buffer.from(await (await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key }))).Body!.transformToByteArray());
const md5 = (data: Buffer) => createHash('md5').update(data).digest();

describe('a multipart upload', () => {
  it('joins its parts, whatever order they came in', async () => {
    const [one, two] = [randomBytes(5 * MB), randomBytes(1234)];
    const UploadId = await create('joined', { ContentType: 'text/csv', Metadata: { a: '1' } });
    const second = await upload('joined', UploadId, 7, two);
    const first = await upload('joined', UploadId, 2, one);

    const done = await complete('joined', UploadId, [first, second]);

    const etag = `"${md5(Buffer.concat([md5(one), md5(two)])).toString('hex')}-2"`;
    expect(done.ETag).toBe(etag);
    expect(Buffer.compare(await bytes('joined'), Buffer.concat([one, two]))).toBe(0);
    expect(await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key: 'joined' }))).toMatchObject({
      ETag: etag,
      ContentType: 'text/csv',
      Metadata: { a: '1' },
    });
  });

  it('replaces a part that is sent again', async () => {
    const UploadId = await create('again');
    await upload('again', UploadId, 1, Buffer.from('old'));
    const part = await upload('again', UploadId, 1, Buffer.from('new'));

    await complete('again', UploadId, [part]);

    expect((await bytes('again')).toString()).toBe('new');
  });

  it('has a composite checksum of its parts', async () => {
    const UploadId = await create('sums', { ChecksumAlgorithm: 'SHA256' });
    const body = Buffer.from('hello');
    const { ETag, ChecksumSHA256 } = await s3.send(
      new UploadPartCommand({
        Bucket: BUCKET,
        Key: 'sums',
        UploadId,
        PartNumber: 1,
        Body: body,
        ChecksumAlgorithm: 'SHA256',
      }),
    );

    const done = await complete('sums', UploadId, [{ PartNumber: 1, ETag, ChecksumSHA256 }]);

    const sha256 = (data: Buffer) => createHash('sha256').update(data).digest();
    expect(ChecksumSHA256).toBe(sha256(body).toString('base64'));
    expect(done).toMatchObject({
      ChecksumSHA256: `${sha256(sha256(body)).toString('base64')}-1`,
      ChecksumType: 'COMPOSITE',
    });
  });

  it('copies parts from objects', async () => {
    await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'from', Body: '0123456789' }));
    const UploadId = await create('copied');
    const copy = (range: string) =>
      s3.send(
        new UploadPartCopyCommand({
          Bucket: BUCKET,
          Key: 'copied',
          UploadId,
          PartNumber: 1,
          CopySource: `${BUCKET}/from`,
          CopySourceRange: range,
        }),
      );

    const { CopyPartResult } = await copy('bytes=2-5');
    await complete('copied', UploadId, [{ PartNumber: 1, ETag: CopyPartResult!.ETag }]);

    expect((await bytes('copied')).toString()).toBe('2345');
    expect(await failure(copy('bytes=2-5'))).toMatchObject({ name: 'NoSuchUpload' });
  });

  it('refuses wrong lists of parts and keeps the upload', async () => {
    const UploadId = await create('picky');
    const parts = [
      await upload('picky', UploadId, 1, Buffer.from('small')),
      await upload('picky', UploadId, 2, Buffer.from('last')),
    ] as const;

    expect(await failure(complete('picky', UploadId, [...parts]))).toMatchObject({
      name: 'EntityTooSmall',
      status: 400,
    });
    expect(await failure(complete('picky', UploadId, [parts[1], parts[0]]))).toMatchObject({
      name: 'InvalidPartOrder',
    });
    expect(await failure(complete('picky', UploadId, [{ PartNumber: 3, ETag: '"x"' }]))).toMatchObject({
      name: 'InvalidPart',
    });
    expect(await failure(complete('picky', UploadId, [{ ...parts[0], ETag: parts[1].ETag }]))).toMatchObject({
      name: 'InvalidPart',
    });
    await complete('picky', UploadId, [parts[0]]);
    expect((await bytes('picky')).toString()).toBe('small');
  });

  it('completes under a condition, once', async () => {
    await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'taken', Body: 'first' }));
    const UploadId = await create('taken');
    const part = await upload('taken', UploadId, 1, Buffer.from('second'));

    expect(await failure(complete('taken', UploadId, [part], { IfNoneMatch: '*' }))).toMatchObject({
      name: 'PreconditionFailed',
      status: 412,
    });

    expect((await bytes('taken')).toString()).toBe('first');
    await complete('taken', UploadId, [part]);
    expect((await bytes('taken')).toString()).toBe('second');
  });

  it('is listed until it is aborted, and takes no part afterwards', async () => {
    const UploadId = await create('aborted');
    await upload('aborted', UploadId, 1, Buffer.from('x'));
    const uploads = async () =>
      (await s3.send(new ListMultipartUploadsCommand({ Bucket: BUCKET, Prefix: 'aborted' }))).Uploads ?? [];
    const { Parts } = await s3.send(new ListPartsCommand({ Bucket: BUCKET, Key: 'aborted', UploadId }));
    expect(Parts).toMatchObject([{ PartNumber: 1, Size: 1 }]);
    expect(await uploads()).toMatchObject([{ Key: 'aborted', UploadId }]);

    await s3.send(new AbortMultipartUploadCommand({ Bucket: BUCKET, Key: 'aborted', UploadId }));

    expect(await uploads()).toEqual([]);
    expect(await failure(upload('aborted', UploadId, 2, Buffer.from('x')))).toMatchObject({
      name: 'NoSuchUpload',
      status: 404,
    });
    expect(await failure(s3.send(new ListPartsCommand({ Bucket: BUCKET, Key: 'aborted', UploadId })))).toMatchObject({
      name: 'NoSuchUpload',
    });
    expect(await failure(bytes('aborted'))).toMatchObject({ name: 'NoSuchKey' });
  });

  it('pages through parts', async () => {
    const UploadId = await create('paged');
    for (const number of [1, 2, 3]) await upload('paged', UploadId, number, Buffer.from('x'));

    const page = await s3.send(new ListPartsCommand({ Bucket: BUCKET, Key: 'paged', UploadId, MaxParts: 2 }));
    const rest = await s3.send(
      new ListPartsCommand({ Bucket: BUCKET, Key: 'paged', UploadId, PartNumberMarker: page.NextPartNumberMarker }),
    );

    expect([page.IsTruncated, page.Parts!.length, rest.Parts!.map((part) => part.PartNumber)]).toEqual([true, 2, [3]]);
  });

  it('takes part numbers 1 to 10,000 only', async () => {
    const UploadId = await create('numbers');

    expect(await failure(upload('numbers', UploadId, 10_001, Buffer.from('x')))).toMatchObject({
      name: 'InvalidArgument',
      status: 400,
    });
  });
});
