/** Calls that the local cloud fails on purpose, seen by the real SDK clients: what each fault is, and whether it took effect. */
import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterEach, describe, expect, it } from '@jest/globals';
import { FAULT_KINDS, Faults } from '../../../harness/aws/faults.ts';
import type { FaultKind } from '../../../harness/aws/faults.ts';
import { BUCKET, CATALOG_TABLE, REGION, failure, startTestCloud } from './start-cloud.ts';
import type { TestCloud } from './start-cloud.ts';

let test: TestCloud | undefined;
afterEach(async () => {
  await test?.stop();
  test = undefined;
});

/** A cloud where each call to S3 and DynamoDB meets this fault. */
async function cloudWith(kind: FaultKind): Promise<TestCloud> {
  test = await startTestCloud({ tables: [CATALOG_TABLE], faults: { rate: 1, seed: 1, kinds: [kind], slowMs: 5 } });
  return test;
}

const item = { pk: { S: 'TENANT#a' }, sk: { S: 'x' } };

describe('a call that is failed on purpose', () => {
  it.each([
    ['internal_error', 'InternalError', 500, 'InternalServerError', 500],
    ['unavailable', 'ServiceUnavailable', 503, 'ServiceUnavailable', 503],
    ['throttled', 'SlowDown', 503, 'ProvisionedThroughputExceededException', 400],
  ] as const)('answers %s in the words of S3 and of DynamoDB', async (kind, s3Name, s3Status, name, status) => {
    const aws = await cloudWith(kind);

    const put = await failure(aws.s3().send(new PutObjectCommand({ Bucket: BUCKET, Key: 'a', Body: 'x' })));
    const written = await failure(aws.dynamodb().send(new PutItemCommand({ TableName: 'catalog', Item: item })));

    expect(put).toMatchObject({ name: s3Name, status: s3Status });
    expect(written).toMatchObject({ name, status });
  });

  it('is carried out where only its answer is lost', async () => {
    const aws = await cloudWith('lost_answer');
    await failure(aws.s3().send(new PutObjectCommand({ Bucket: BUCKET, Key: 'a', Body: 'kept' })));
    await failure(aws.dynamodb().send(new PutItemCommand({ TableName: 'catalog', Item: item })));
    await test!.cloud.stop();

    test = await startTestCloud({ dataDir: aws.dataDir, tables: [CATALOG_TABLE] });
    const { Body } = await test.s3().send(new GetObjectCommand({ Bucket: BUCKET, Key: 'a' }));
    const { Item } = await test.dynamodb().send(new GetItemCommand({ TableName: 'catalog', Key: item }));

    expect(await Body?.transformToString()).toBe('kept');
    expect(Item).toEqual(item);
  });

  it('never hands out a torn object as a whole one', async () => {
    const aws = await cloudWith('slow');
    await aws.s3().send(new PutObjectCommand({ Bucket: BUCKET, Key: 'a', Body: Buffer.alloc(100_000, 7) }));
    await test!.cloud.stop();
    test = await startTestCloud({ dataDir: aws.dataDir, faults: { rate: 1, seed: 1, kinds: ['torn_answer'] } });

    const read = test.s3().send(new GetObjectCommand({ Bucket: BUCKET, Key: 'a' }));

    await expect(read.then(({ Body }) => Body!.transformToByteArray())).rejects.toThrow();
  });

  it('succeeds in the end for a client that tries again', async () => {
    test = await startTestCloud({ faults: { rate: 0.3, seed: 5, slowMs: 5 } });
    const { cloud } = test;
    const client = new S3Client({
      endpoint: cloud.url,
      region: REGION,
      credentials: cloud.operatorCredentials(),
      maxAttempts: 10,
    });

    for (let i = 0; i < 10; i++) await client.send(new PutObjectCommand({ Bucket: BUCKET, Key: `k${i}`, Body: 'x' }));
    const heads = await Promise.all(
      Array.from({ length: 10 }, (_, i) => client.send(new HeadObjectCommand({ Bucket: BUCKET, Key: `k${i}` }))),
    );
    client.destroy();

    expect(heads.map(({ ContentLength }) => ContentLength)).toEqual(Array(10).fill(1));
  });
});

describe('the draw of faults', () => {
  const drawn = async (rate: number): Promise<Record<FaultKind, number>> => {
    const faults = new Faults({ rate, seed: 3, slowMs: 0 });
    for (let i = 0; i < 3000; i++)
      await faults.meet({ service: 's3', protocol: 's3' }, {} as never).catch(() => undefined);
    return faults.counts;
  };

  it('hits the share of the calls that was asked for, with every kind', async () => {
    const counts = await drawn(0.5);

    expect(Math.abs(Object.values(counts).reduce((a, b) => a + b, 0) - 1500)).toBeLessThan(100);
    for (const kind of FAULT_KINDS) expect(counts[kind]).toBeGreaterThan(150);
  });

  it('is the same for the same seed, and leaves other services alone', async () => {
    const faults = new Faults({ rate: 1, seed: 3 });
    await faults.meet({ service: 'lambda', protocol: 'rest-json' }, {} as never);

    expect(Object.values(faults.counts)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(await drawn(0.2)).toEqual(await drawn(0.2));
  });
});
