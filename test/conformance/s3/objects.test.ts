/** Objects of the local S3 through the real SDK client: what goes in comes out, and what is wrong is refused. */
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { BUCKET, startTestCloud } from '../sigv4/start-cloud.ts';
import type { TestCloud } from '../sigv4/start-cloud.ts';

let aws: TestCloud;
beforeAll(async () => (aws = await startTestCloud()));
afterAll(() => aws.stop());

describe('put and get', () => {
  it('gives back the bytes, type and metadata that were put', async () => {
    const s3 = aws.s3();
    await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'a/b.txt', Body: 'hello', ContentType: 'text/plain', Metadata: { one: '1' } }));

    const got = await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key: 'a/b.txt' }));

    expect(await got.Body!.transformToString()).toBe('hello');
    expect(got).toMatchObject({ ContentType: 'text/plain', Metadata: { one: '1' }, ETag: '"5d41402abc4b2a76b9719d911017c592"' });
  });
});
