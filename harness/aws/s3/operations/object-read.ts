/** GetObject and HeadObject: ranges, conditions, response-* overrides; a missing key is 403 to who may not list the bucket. */
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { readCondition } from '../conditions.ts';
import { s3Error } from '../errors.ts';
import { objectHeaders } from '../headers.ts';
import { bucketArn, onObject, sendEmpty } from '../operation.ts';
import { resolveRange } from '../range.ts';
import { AuthFailure } from '../../wire-errors.ts';
import type { Bucket } from '../bucket.ts';
import type { ObjectMeta } from '../object.ts';
import type { S3Call, S3Operation } from '../operation.ts';
import type { ByteRange } from '../range.ts';
import type { FileHandle } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';

export const getObject: S3Operation = {
  name: 'GetObject',
  method: 'GET',
  on: 'object',
  permissions: onObject('s3:GetObject'),
  async handle(call, response) {
    const opened = await openObject(call.store.bucket(call.bucket), call.key);
    if (opened === undefined) throw missingKey(call);
    try {
      const { range, status, headers } = prepare(call, opened.meta);
      if (status === 304) {
        sendEmpty(response, status, headers);
        return;
      }
      response.writeHead(status, headers);
      await sendFile(opened.handle, range, response);
    } finally {
      await opened.handle.close();
    }
  },
};

export const headObject: S3Operation = {
  name: 'HeadObject',
  method: 'HEAD',
  on: 'object',
  permissions: onObject('s3:GetObject'),
  async handle(call, response) {
    const meta = call.store.bucket(call.bucket).get(call.key);
    if (meta === undefined) throw missingKey(call);
    const { status, headers } = prepare(call, meta);
    response.writeHead(status, headers);
    response.end();
  },
};

/** 404 only for callers who may list the bucket without a prefix: to others the key's absence is a secret, as in S3. */
export function missingKey(call: S3Call): Error {
  const permission = { action: 's3:ListBucket', resource: bucketArn(call) };
  const arn = call.request.principal?.arn;
  if (call.request.may(permission)) return s3Error('NoSuchKey', { fields: { Key: call.key } });
  if (arn === undefined) return s3Error('AccessDenied');
  return new AuthFailure('denied', {
    arn,
    ...permission,
    because: 'because no identity-based policy allows the s3:ListBucket action',
  });
}

/** The object's metadata with its open file; a writer may replace the object between the two, then the new one is taken. */
export async function openObject(
  bucket: Bucket,
  key: string,
): Promise<{ meta: ObjectMeta; handle: FileHandle } | undefined> {
  for (;;) {
    const meta = bucket.get(key);
    if (meta === undefined) return undefined;
    try {
      return { meta, handle: await open(bucket.dataPath(meta.file), 'r') };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || bucket.get(key)?.file === meta.file) throw error;
    }
  }
}

function prepare(
  call: S3Call,
  meta: ObjectMeta,
): { range: ByteRange; status: 200 | 206 | 304; headers: Record<string, string> } {
  const { http } = call.request;
  const headers = objectHeaders(meta, call.request);
  const whole = { start: 0, sizeBytes: meta.sizeBytes };
  if (readCondition(http.headers, meta) === 'not_modified') return { range: whole, status: 304, headers };
  const range = resolveRange(http.headers.range, http.headers['if-range'] as string | undefined, meta);
  if (range === undefined) {
    headers['Content-Length'] = String(meta.sizeBytes);
    return { range: whole, status: 200, headers };
  }
  headers['Content-Length'] = String(range.sizeBytes);
  headers['Content-Range'] = `bytes ${range.start}-${range.start + range.sizeBytes - 1}/${meta.sizeBytes}`;
  // The checksum is that of the whole object.
  const kept = Object.entries(headers).filter(([name]) => !name.startsWith('x-amz-checksum-'));
  return { range, status: 206, headers: Object.fromEntries(kept) };
}

async function sendFile(handle: FileHandle, range: ByteRange, response: ServerResponse): Promise<void> {
  if (range.sizeBytes === 0) {
    response.end();
    return;
  }
  const source = handle.createReadStream({
    start: range.start,
    end: range.start + range.sizeBytes - 1,
    autoClose: false,
    highWaterMark: 256 * 1024,
  });
  await pipeline(source, response);
}
