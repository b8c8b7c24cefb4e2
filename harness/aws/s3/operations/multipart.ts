/** Multipart uploads: create, complete, abort, list. A completed one is an ordinary object with the ETag `<md5 of md5s>-<parts>`. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { CHECKSUM_ALGORITHMS } from '../checksums.ts';
import { writeCondition } from '../conditions.ts';
import { s3Error } from '../errors.ts';
import { encryptionHeaders, metadataFrom } from '../headers.ts';
import { onBucket, onObject, sendEmpty, sendXml, S3_NAMESPACE } from '../operation.ts';
import { requestedAlgorithm, storeChecked } from '../receive.ts';
import { compareUtf8 } from '../sorted-keys.ts';
import { parseXmlBody } from '../xml-body.ts';
import { putPermissions } from './object-write.ts';
import { uploadIdOf } from './parts.ts';
import { xmlDocument } from '../../xml.ts';
import type { Bucket } from '../bucket.ts';
import type { ObjectChecksum, ObjectMeta } from '../object.ts';
import type { S3Operation } from '../operation.ts';
import type { UploadInfo, UploadPart } from '../uploads.ts';
import type { XmlElement } from '../xml-body.ts';

const MIN_PART_BYTES = 5 * 1024 * 1024;

export const createMultipartUpload: S3Operation = {
  name: 'CreateMultipartUpload',
  method: 'POST',
  on: 'object',
  query: ['uploads'],
  permissions: putPermissions,
  async handle(call, response) {
    const { headers } = call.request.http;
    const algorithm = requestedAlgorithm(headers);
    const asked = headers['x-amz-checksum-type'];
    const checksumType =
      asked === 'FULL_OBJECT' || asked === 'COMPOSITE'
        ? asked
        : algorithm === 'crc64nvme'
          ? 'FULL_OBJECT'
          : 'COMPOSITE';
    const upload = await call.store.bucket(call.bucket).uploads.create({
      key: call.key,
      initiatedMs: call.store.now(),
      ...metadataFrom(headers),
      ...(algorithm && { algorithm, checksumType }),
    });
    const result = { Bucket: call.bucket, Key: call.key, UploadId: upload.uploadId };
    sendXml(response, xmlDocument('InitiateMultipartUploadResult', result, S3_NAMESPACE), {
      ...(algorithm && { 'x-amz-checksum-algorithm': algorithm.toUpperCase(), 'x-amz-checksum-type': checksumType }),
      ...encryptionHeaders(upload),
    });
  },
};

export const completeMultipartUpload: S3Operation = {
  name: 'CompleteMultipartUpload',
  method: 'POST',
  on: 'object',
  query: ['uploadId'],
  permissions: putPermissions,
  async handle(call, response) {
    const bucket = call.store.bucket(call.bucket);
    const wanted = parseXmlBody(await call.request.body(), 'CompleteMultipartUpload').list('Part');
    const condition = writeCondition(call.request.http.headers);
    let meta: ObjectMeta | undefined;
    await bucket.uploads.end(uploadIdOf(call), call.key, async (stored, info) => {
      const parts = chooseParts(wanted, stored);
      meta = await assemble(bucket, info, parts, call.store.now());
      await bucket.commit(meta, condition);
    });
    const { etag, checksum } = meta!;
    const result = {
      Location: `http://${call.request.http.headers.host ?? ''}/${call.bucket}/${call.key}`,
      Bucket: call.bucket,
      Key: call.key,
      ETag: `"${etag}"`,
      ...(checksum && { [`Checksum${checksum.algorithm.toUpperCase()}`]: checksum.value, ChecksumType: checksum.type }),
    };
    sendXml(response, xmlDocument('CompleteMultipartUploadResult', result, S3_NAMESPACE), encryptionHeaders(meta!));
  },
};

/** The parts the client lists, checked against those that came; throws InvalidPart, InvalidPartOrder, EntityTooSmall. */
function chooseParts(wanted: readonly XmlElement[], stored: readonly UploadPart[]): readonly UploadPart[] {
  if (wanted.length === 0) throw s3Error('MalformedXML');
  const numbers = wanted.map((element) => Number(element.text('PartNumber')));
  if (numbers.some((number, index) => index > 0 && number <= numbers[index - 1]!)) throw s3Error('InvalidPartOrder');
  return wanted.map((element, index) => {
    const partNumber = numbers[index]!;
    const part = stored.find((candidate) => candidate.partNumber === partNumber);
    const etag = element
      .text('ETag')
      ?.trim()
      .replace(/^"(.*)"$/, '$1');
    const sent = part?.checksum && element.text(`Checksum${part.checksum.algorithm.toUpperCase()}`);
    if (part === undefined || part.md5 !== etag || (sent !== undefined && sent !== part.checksum?.value))
      throw s3Error('InvalidPart', { fields: { PartNumber: String(partNumber), ETag: etag ?? '' } });
    if (index < wanted.length - 1 && part.sizeBytes < MIN_PART_BYTES) {
      throw s3Error('EntityTooSmall', {
        fields: {
          PartNumber: String(partNumber),
          ProposedSize: String(part.sizeBytes),
          MinSizeAllowed: String(MIN_PART_BYTES),
        },
      });
    }
    return part;
  });
}

/** Joins the parts into one data file. */
async function assemble(
  bucket: Bucket,
  info: UploadInfo,
  parts: readonly UploadPart[],
  nowMs: number,
): Promise<ObjectMeta> {
  const { algorithm, checksumType, key, headers, userMetadata, tags } = info;
  const whole = await storeChecked(
    bucket,
    concatenated(bucket, parts),
    checksumType === 'FULL_OBJECT' ? algorithm : undefined,
  );
  const etag = createHash('md5')
    .update(Buffer.concat(parts.map((part) => Buffer.from(part.md5, 'hex'))))
    .digest('hex');
  const checksum = whole.checksum ?? compositeChecksum(info, parts);
  return {
    key,
    sizeBytes: whole.sizeBytes,
    etag: `${etag}-${parts.length}`,
    lastModifiedMs: nowMs,
    headers,
    userMetadata,
    tags,
    ...(checksum && { checksum }),
    file: whole.file,
  };
}

async function* concatenated(bucket: Bucket, parts: readonly UploadPart[]): AsyncGenerator<Buffer> {
  for (const part of parts)
    yield* createReadStream(bucket.dataPath(part.file), { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>;
}

/** The checksum of the parts' checksums. */
function compositeChecksum(info: UploadInfo, parts: readonly UploadPart[]): ObjectChecksum | undefined {
  const { algorithm } = info;
  if (algorithm === undefined) return undefined;
  const digest = CHECKSUM_ALGORITHMS[algorithm].create();
  for (const part of parts) digest.update(Buffer.from(part.checksum?.value ?? '', 'base64'));
  return { algorithm, value: `${digest.digest().toString('base64')}-${parts.length}`, type: 'COMPOSITE' };
}

export const abortMultipartUpload: S3Operation = {
  name: 'AbortMultipartUpload',
  method: 'DELETE',
  on: 'object',
  query: ['uploadId'],
  permissions: onObject('s3:AbortMultipartUpload'),
  async handle(call, response) {
    await call.store.bucket(call.bucket).uploads.end(uploadIdOf(call), call.key, () => Promise.resolve());
    sendEmpty(response, 204);
  },
};

export const listMultipartUploads: S3Operation = {
  name: 'ListMultipartUploads',
  method: 'GET',
  on: 'bucket',
  query: ['uploads'],
  permissions: onBucket('s3:ListBucketMultipartUploads'),
  async handle(call, response) {
    const { query } = call.request;
    const unsupported = ['delimiter', 'key-marker', 'upload-id-marker'].find((name) => query.get(name));
    if (unsupported !== undefined)
      throw s3Error('NotImplemented', {
        message: `${unsupported} of ListMultipartUploads is not implemented by the local S3.`,
      });
    const prefix = query.get('prefix') ?? '';
    const uploads = call.store
      .bucket(call.bucket)
      .uploads.list()
      .filter((upload) => upload.key.startsWith(prefix))
      .sort((a, b) => compareUtf8(a.key, b.key) || a.initiatedMs - b.initiatedMs);
    const content = {
      Bucket: call.bucket,
      Prefix: prefix,
      MaxUploads: uploads.length,
      IsTruncated: false,
      Upload: uploads.map(({ key, uploadId, initiatedMs }) => ({
        Key: key,
        UploadId: uploadId,
        Initiated: new Date(initiatedMs).toISOString(),
        StorageClass: 'STANDARD',
      })),
    };
    sendXml(response, xmlDocument('ListMultipartUploadsResult', content, S3_NAMESPACE));
  },
};
