/** Parts of multipart uploads: UploadPart, UploadPartCopy, ListParts. */
import { createReadStream } from 'node:fs';
import { s3Error } from '../errors.ts';
import { onObject, sendEmpty, sendXml, S3_NAMESPACE } from '../operation.ts';
import { receiveBody, storeChecked } from '../receive.ts';
import { copyPermissions, sourceObject } from './object-write.ts';
import { xmlDocument } from '../../xml.ts';
import type { ReceivedData } from '../receive.ts';
import type { S3Call, S3Operation } from '../operation.ts';
import type { UploadPart } from '../uploads.ts';

const MAX_PART_NUMBER = 10_000;

function partNumberOf(call: S3Call): number {
  const text = call.request.query.get('partNumber') ?? '';
  const partNumber = Number(text);
  if (/^\d+$/.test(text) && partNumber >= 1 && partNumber <= MAX_PART_NUMBER) return partNumber;
  throw s3Error('InvalidArgument', {
    message: `Part number must be an integer between 1 and ${MAX_PART_NUMBER}, inclusive`,
    fields: { ArgumentName: 'partNumber', ArgumentValue: text },
  });
}

async function addPart(call: S3Call, received: ReceivedData): Promise<UploadPart> {
  const { file, md5, sizeBytes, checksum } = received;
  const part: UploadPart = {
    partNumber: partNumberOf(call),
    md5,
    sizeBytes,
    lastModifiedMs: call.store.now(),
    ...(checksum && { checksum }),
    file,
  };
  await call.store.bucket(call.bucket).uploads.addPart(uploadIdOf(call), call.key, part);
  return part;
}

export const uploadIdOf = (call: S3Call): string => call.request.query.get('uploadId') ?? '';

export const uploadPart: S3Operation = {
  name: 'UploadPart',
  method: 'PUT',
  on: 'object',
  query: ['partNumber', 'uploadId'],
  permissions: onObject('s3:PutObject'),
  async handle(call, response) {
    partNumberOf(call);
    const bucket = call.store.bucket(call.bucket);
    const { algorithm } = bucket.uploads.get(uploadIdOf(call), call.key);
    const part = await addPart(call, await receiveBody(bucket, call.request, algorithm));
    sendEmpty(response, 200, {
      ETag: `"${part.md5}"`,
      ...(part.checksum && { [`x-amz-checksum-${part.checksum.algorithm}`]: part.checksum.value }),
    });
  },
};

export const uploadPartCopy: S3Operation = {
  name: 'UploadPartCopy',
  method: 'PUT',
  on: 'object',
  query: ['partNumber', 'uploadId'],
  header: 'x-amz-copy-source',
  permissions: copyPermissions,
  async handle(call, response) {
    partNumberOf(call);
    const bucket = call.store.bucket(call.bucket);
    const { algorithm } = bucket.uploads.get(uploadIdOf(call), call.key);
    const source = sourceObject(call);
    const { start, end } = copyRange(call, source.meta.sizeBytes);
    const path = call.store.bucket(source.bucket).dataPath(source.meta.file);
    const bytes =
      source.meta.sizeBytes === 0 ? emptySource() : (createReadStream(path, { start, end }) as AsyncIterable<Buffer>);
    const part = await addPart(call, await storeChecked(bucket, bytes, algorithm));
    const result = { ETag: `"${part.md5}"`, LastModified: new Date(part.lastModifiedMs).toISOString() };
    sendXml(response, xmlDocument('CopyPartResult', result, S3_NAMESPACE));
  },
};

/** A range of no bytes cannot be read from a file. */
async function* emptySource(): AsyncGenerator<Buffer> {}

/** First and last byte of x-amz-copy-source-range, the whole source without it. */
function copyRange(call: S3Call, sizeBytes: number): { start: number; end: number } {
  const text = call.request.http.headers['x-amz-copy-source-range'] as string | undefined;
  if (text === undefined) return { start: 0, end: sizeBytes - 1 };
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(text) ?? [];
  const [start, end] = [Number(first), Number(last)];
  if (first === undefined || start > end || end >= sizeBytes) {
    throw s3Error('InvalidArgument', {
      message: `The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy; the source has ${sizeBytes} bytes, got ${text}`,
    });
  }
  return { start, end };
}

export const listParts: S3Operation = {
  name: 'ListParts',
  method: 'GET',
  on: 'object',
  query: ['uploadId'],
  permissions: onObject('s3:ListMultipartUploadParts'),
  async handle(call, response) {
    const { query } = call.request;
    const { uploads } = call.store.bucket(call.bucket);
    const marker = Number(query.get('part-number-marker') ?? '0');
    const maxParts = Math.min(Number(query.get('max-parts') ?? '1000'), 1000);
    if (!Number.isInteger(marker) || !Number.isInteger(maxParts))
      throw s3Error('InvalidArgument', { message: 'max-parts and part-number-marker must be integers' });
    const { algorithm, checksumType } = uploads.get(uploadIdOf(call), call.key);
    const after = uploads.parts(uploadIdOf(call), call.key).filter((part) => part.partNumber > marker);
    const page = after.slice(0, maxParts);
    const content = {
      Bucket: call.bucket,
      Key: call.key,
      UploadId: uploadIdOf(call),
      ChecksumAlgorithm: algorithm?.toUpperCase(),
      ChecksumType: checksumType,
      PartNumberMarker: marker,
      NextPartNumberMarker: page.at(-1)?.partNumber ?? 0,
      MaxParts: maxParts,
      IsTruncated: after.length > page.length,
      Part: page.map((part) => ({
        PartNumber: part.partNumber,
        LastModified: new Date(part.lastModifiedMs).toISOString(),
        ETag: `"${part.md5}"`,
        Size: part.sizeBytes,
        ...(part.checksum && { [`Checksum${part.checksum.algorithm.toUpperCase()}`]: part.checksum.value }),
      })),
    };
    sendXml(response, xmlDocument('ListPartsResult', content, S3_NAMESPACE));
  },
};
