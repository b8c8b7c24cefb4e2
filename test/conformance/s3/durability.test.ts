/** What was acknowledged survives `kill -9`: objects, items, uploads in progress, credentials and presigned URLs. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { GetItemCommand, PutItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { BUCKET, CATALOG_TABLE, REGION, startTestCloud } from '../sigv4/start-cloud.ts';
import type { AwsCredentials } from '../../../harness/aws/index.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'aws-kill-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

async function startProcess() {
  const child = spawn(process.execPath, ['--import', 'tsx', join(__dirname, '../sigv4/cloud-process.ts'), dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const { url, port, credentials } = JSON.parse(line) as { url: string; port: number; credentials: AwsCredentials };
  const config = { endpoint: url, region: REGION, credentials, maxAttempts: 1 };
  const kill = async () => {
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  return { port, kill, s3: new S3Client(config), dynamodb: new DynamoDBClient(config) };
}

describe('after kill -9', () => {
  it('every acknowledged write is there, whole, and no torn one', async () => {
    const first = await startProcess();
    const acknowledged = new Map<string, number>();
    let isKilled = false;
    const bodyOf = (key: string, version: number) => `${key} ${version} `.repeat(5000);
    // Eight writers overwrite their own keys until the process is gone.
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      const key = `writer-${writer}`;
      for (let version = 1; !isKilled; version++) {
        try {
          await first.s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: bodyOf(key, version) }));
          acknowledged.set(key, version);
        } catch {
          return;
        }
      }
    });
    while ([...acknowledged.values()].reduce((sum, version) => sum + version, 0) < 100) await new Promise(setImmediate);
    await first.kill();
    isKilled = true;
    await Promise.all(writers);

    const second = await startTestCloud({ dataDir });

    try {
      for (const [key, version] of acknowledged) {
        const got = await second.s3().send(new GetObjectCommand({ Bucket: BUCKET, Key: key }));
        const text = await got.Body!.transformToString();
        // The write under way at the kill may or may not have been committed, but is never torn.
        expect([bodyOf(key, version), bodyOf(key, version + 1)]).toContain(text);
        expect(got.ETag).toBe(`"${createHash('md5').update(text).digest('hex')}"`);
      }
      // Nothing is left behind of uncommitted writes.
      expect(readdirSync(join(dataDir, 's3', BUCKET, 'data'))).toHaveLength(acknowledged.size);
    } finally {
      await second.stop();
    }
  });

  it('items, uploads in progress, credentials and presigned URLs go on', async () => {
    const first = await startProcess();
    await first.dynamodb.send(new PutItemCommand({ TableName: 'catalog', Item: { pk: { S: 'a' }, sk: { S: 'b' } } }));
    await first.s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'kept', Body: 'hello' }));
    const url = await getSignedUrl(first.s3, new GetObjectCommand({ Bucket: BUCKET, Key: 'kept' }));
    const { UploadId } = await first.s3.send(new CreateMultipartUploadCommand({ Bucket: BUCKET, Key: 'multi' }));
    const part = await first.s3.send(
      new UploadPartCommand({ Bucket: BUCKET, Key: 'multi', UploadId, PartNumber: 1, Body: 'part' }),
    );
    await first.kill();

    const second = await startTestCloud({ dataDir, port: first.port, tables: [CATALOG_TABLE] });

    try {
      // The clients of before: same port, same credentials.
      const item = await first.dynamodb.send(
        new GetItemCommand({ TableName: 'catalog', Key: { pk: { S: 'a' }, sk: { S: 'b' } } }),
      );
      expect(item.Item).toEqual({ pk: { S: 'a' }, sk: { S: 'b' } });
      expect(await (await fetch(url)).text()).toBe('hello');
      const MultipartUpload = { Parts: [{ PartNumber: 1, ETag: part.ETag }] };
      await first.s3.send(
        new CompleteMultipartUploadCommand({ Bucket: BUCKET, Key: 'multi', UploadId, MultipartUpload }),
      );
      const got = await first.s3.send(new GetObjectCommand({ Bucket: BUCKET, Key: 'multi' }));
      expect(await got.Body!.transformToString()).toBe('part');
    } finally {
      await second.stop();
    }
  });
});
