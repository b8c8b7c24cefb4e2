/** Conditional writes: of racing writers exactly one wins, the rest get 412 and change nothing. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CopyObjectCommand, DeleteObjectCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
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

const put = (Key: string, Body: string, more: object = {}) =>
  s3.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body, ...more }));
const text = async (Key: string) =>
  (await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key }))).Body!.transformToString();

/** Sends all at once; gives the bodies that were accepted and the statuses of the others. */
async function race(bodies: readonly string[], write: (body: string) => Promise<unknown>) {
  const outcomes = await Promise.allSettled(bodies.map(write));
  const winners = bodies.filter((_, index) => outcomes[index]!.status === 'fulfilled');
  const losers = outcomes.flatMap((outcome) =>
    outcome.status === 'rejected'
      ? [(outcome.reason as { $metadata: { httpStatusCode: number } }).$metadata.httpStatusCode]
      : [],
  );
  return { winners, losers };
}
const racers = Array.from({ length: 20 }, (_, index) => `writer ${index} ${'x'.repeat(index * 1000)}`);

describe('If-None-Match: *', () => {
  it('creates once', async () => {
    await put('once', 'first', { IfNoneMatch: '*' });

    expect(await failure(put('once', 'second', { IfNoneMatch: '*' }))).toMatchObject({
      name: 'PreconditionFailed',
      status: 412,
    });
    expect(await text('once')).toBe('first');
  });

  it('lets exactly one of 20 racers win', async () => {
    const { winners, losers } = await race(racers, (body) => put('race-create', body, { IfNoneMatch: '*' }));

    expect(winners).toHaveLength(1);
    expect(losers).toEqual(Array.from({ length: 19 }, () => 412));
    expect(await text('race-create')).toBe(winners[0]);
  });

  it('takes no ETag', async () => {
    expect(await failure(put('x', 'x', { IfNoneMatch: '"abc"' }))).toMatchObject({
      name: 'NotImplemented',
      status: 501,
    });
  });

  it('holds for copies', async () => {
    await put('copy-source', 'x');
    const copy = () =>
      s3.send(
        new CopyObjectCommand({
          Bucket: BUCKET,
          Key: 'copy-target',
          CopySource: `${BUCKET}/copy-source`,
          IfNoneMatch: '*',
        }),
      );

    await copy();

    expect(await failure(copy())).toMatchObject({ status: 412 });
  });
});

describe('If-Match', () => {
  it('replaces only what it names', async () => {
    const { ETag } = await put('swap', 'one');
    await put('swap', 'two', { IfMatch: ETag });

    expect(await failure(put('swap', 'three', { IfMatch: ETag }))).toMatchObject({
      name: 'PreconditionFailed',
      status: 412,
    });
    expect(await text('swap')).toBe('two');
  });

  it('lets exactly one of 20 racers win', async () => {
    const { ETag } = await put('race-swap', 'start');

    const { winners, losers } = await race(racers, (body) => put('race-swap', body, { IfMatch: ETag }));

    expect(winners).toHaveLength(1);
    expect(losers).toEqual(Array.from({ length: 19 }, () => 412));
    expect(await text('race-swap')).toBe(winners[0]);
  });

  it('is 404 where there is no object', async () => {
    expect(await failure(put('never', 'x', { IfMatch: '"abc"' }))).toMatchObject({ name: 'NoSuchKey', status: 404 });
  });

  it('guards a delete', async () => {
    const { ETag } = await put('guarded', 'x');
    const remove = (IfMatch: string | undefined) =>
      s3.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: 'guarded', IfMatch }));

    expect(await failure(remove('"other"'))).toMatchObject({ name: 'PreconditionFailed', status: 412 });
    await remove(ETag);

    expect(await failure(text('guarded'))).toMatchObject({ name: 'NoSuchKey' });
  });
});
