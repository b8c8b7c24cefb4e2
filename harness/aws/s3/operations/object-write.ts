/** PutObject, CopyObject and DeleteObject. Writes are committed with their condition under the key's lock. */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { readCondition, writeCondition } from '../conditions.ts';
import { s3Error } from '../errors.ts';
import { checksumHeaders, encryptionHeaders, metadataFrom, parseTags } from '../headers.ts';
import { objectArn, onObject, sendEmpty, sendXml, S3_NAMESPACE, writeContext } from '../operation.ts';
import { receiveBody } from '../receive.ts';
import { missingKey } from './object-read.ts';
import { xmlDocument } from '../../xml.ts';
import type { Bucket } from '../bucket.ts';
import type { ObjectMeta } from '../object.ts';
import type { S3Call, S3Operation } from '../operation.ts';
import type { Permission } from '../../service.ts';

/** PutObject itself, tagging where tags are sent, and reading where the write depends on the object's ETag. */
export function putPermissions(call: S3Call): readonly Permission[] {
  const { headers } = call.request.http;
  const resource = objectArn(call);
  const context = writeContext(call);
  return [
    { action: 's3:PutObject', resource, context },
    ...(headers['x-amz-tagging'] === undefined ? [] : [{ action: 's3:PutObjectTagging', resource, context }]),
    ...(headers['if-match'] === undefined ? [] : [{ action: 's3:GetObject', resource, context }]),
  ];
}

export const putObject: S3Operation = {
  name: 'PutObject',
  method: 'PUT',
  on: 'object',
  permissions: putPermissions,
  async handle(call, response) {
    const { headers } = call.request.http;
    const bucket = call.store.bucket(call.bucket);
    if (headers['content-length'] === undefined && headers['x-amz-decoded-content-length'] === undefined)
      throw s3Error('MissingContentLength');
    const metadata = metadataFrom(headers);
    const condition = writeCondition(headers);
    const { file, sizeBytes, md5, checksum } = await receiveBody(bucket, call.request);
    const meta: ObjectMeta = {
      key: call.key,
      sizeBytes,
      etag: md5,
      lastModifiedMs: call.store.now(),
      ...metadata,
      ...(checksum && { checksum }),
      file,
    };
    await bucket.commit(meta, condition);
    sendEmpty(response, 200, { ETag: `"${md5}"`, ...checksumHeaders(meta), ...encryptionHeaders(meta) });
  },
};

/** Bucket and key of x-amz-copy-source: `/bucket/key` or `bucket/key`, percent-encoded. */
export function copySource(call: S3Call): { bucket: string; key: string } {
  const text = call.request.http.headers['x-amz-copy-source'] as string;
  if (text.includes('?'))
    throw s3Error('NotImplemented', {
      message: 'A copy of a version (versionId in x-amz-copy-source) is not implemented.',
    });
  const [bucket = '', ...rest] = decodeURIComponent(text).replace(/^\//, '').split('/');
  if (bucket === '' || rest.length === 0)
    throw s3Error('InvalidArgument', {
      message: 'Copy Source must mention the source bucket and key: sourcebucket/sourcekey',
    });
  return { bucket, key: rest.join('/') };
}

/** Reading the source and writing the target. */
export function copyPermissions(call: S3Call): readonly Permission[] {
  const source = copySource(call);
  return [{ action: 's3:GetObject', resource: `arn:aws:s3:::${source.bucket}/${source.key}` }, ...putPermissions(call)];
}

/** The source object, its conditions met; throws NoSuchKey or PreconditionFailed. */
export function sourceObject(call: S3Call): { bucket: string; meta: ObjectMeta } {
  const { bucket, key } = copySource(call);
  const meta = call.store.bucket(bucket).get(key);
  if (meta === undefined) throw missingKey({ ...call, bucket, key });
  if (readCondition(call.request.http.headers, meta, 'x-amz-copy-source-') === 'not_modified')
    throw s3Error('PreconditionFailed');
  return { bucket, meta };
}

/** Copies the source's bytes to a new data file of `target`; a source that is replaced meanwhile is looked up again. */
async function copyData(call: S3Call, target: Bucket): Promise<{ bucket: string; meta: ObjectMeta; file: string }> {
  for (;;) {
    const source = sourceObject(call);
    const file = randomUUID();
    try {
      await copyFile(
        call.store.bucket(source.bucket).dataPath(source.meta.file),
        target.dataPath(file),
        constants.COPYFILE_FICLONE,
      );
      return { ...source, file };
    } catch (error) {
      const isReplaced = call.store.bucket(source.bucket).get(source.meta.key)?.file !== source.meta.file;
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || !isReplaced) throw error;
    }
  }
}

export const copyObject: S3Operation = {
  name: 'CopyObject',
  method: 'PUT',
  on: 'object',
  header: 'x-amz-copy-source',
  permissions: copyPermissions,
  async handle(call, response) {
    const { headers } = call.request.http;
    const bucket = call.store.bucket(call.bucket);
    const replaces = headers['x-amz-metadata-directive'] === 'REPLACE';
    const { bucket: sourceBucket, key: sourceKey } = copySource(call);
    if (sourceBucket === call.bucket && sourceKey === call.key && !replaces) {
      throw s3Error('InvalidRequest', {
        message:
          "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
      });
    }
    const { file, ...source } = await copyData(call, bucket);
    const metadata = replaces
      ? metadataFrom(headers)
      : { headers: source.meta.headers, userMetadata: source.meta.userMetadata };
    const tags =
      headers['x-amz-tagging-directive'] === 'REPLACE'
        ? parseTags(headers['x-amz-tagging'] as string | undefined)
        : source.meta.tags;
    const meta: ObjectMeta = {
      ...source.meta,
      ...metadata,
      tags,
      key: call.key,
      lastModifiedMs: call.store.now(),
      file,
    };
    await bucket.commit(meta, writeCondition(headers));
    const result = { ETag: `"${meta.etag}"`, LastModified: new Date(meta.lastModifiedMs).toISOString() };
    sendXml(response, xmlDocument('CopyObjectResult', result, S3_NAMESPACE), encryptionHeaders(meta));
  },
};

export const deleteObject: S3Operation = {
  name: 'DeleteObject',
  method: 'DELETE',
  on: 'object',
  permissions: onObject('s3:DeleteObject'),
  async handle(call, response) {
    await call.store.bucket(call.bucket).remove(call.key, writeCondition(call.request.http.headers));
    sendEmpty(response, 204);
  },
};
