/** ListObjectsV2, and the older ListObjects. */
import { s3Error } from '../errors.ts';
import { listKeys } from '../listing.ts';
import { bucketArn, sendXml, S3_NAMESPACE } from '../operation.ts';
import { uriEncode } from '../../signature/canonical.ts';
import { xmlDocument } from '../../xml.ts';
import type { Listing } from '../listing.ts';
import type { S3Call, S3Operation } from '../operation.ts';
import type { Permission } from '../../service.ts';

/** s3:ListBucket, with the prefix and the other parameters as condition keys where they were sent. */
function listPermissions(call: S3Call): readonly Permission[] {
  const context: Record<string, string> = { 's3:TlsVersion': '1.3' };
  for (const name of ['prefix', 'delimiter', 'max-keys']) {
    const value = call.request.query.get(name);
    if (value !== null) context[`s3:${name}`] = value;
  }
  return [{ action: 's3:ListBucket', resource: bucketArn(call), context }];
}

export const listObjectsV2: S3Operation = {
  name: 'ListObjectsV2',
  method: 'GET',
  on: 'bucket',
  query: ['list-type'],
  permissions: listPermissions,
  async handle(call, response) {
    const { query } = call.request;
    if (query.get('list-type') !== '2')
      throw s3Error('InvalidArgument', {
        fields: { ArgumentName: 'list-type', ArgumentValue: query.get('list-type') ?? '' },
      });
    const token = query.get('continuation-token') ?? undefined;
    const startAfter = query.get('start-after') ?? '';
    const from = token === undefined ? { after: startAfter } : readToken(token);
    const page = listKeys(call.store.bucket(call.bucket), { ...pageOptions(call), ...from });
    const encode = encoderOf(call);
    const content = {
      ...commonContent(call, page),
      KeyCount: page.contents.length + page.commonPrefixes.length,
      ContinuationToken: token,
      NextContinuationToken: page.isTruncated && page.last ? writeToken(page.last) : undefined,
      StartAfter: startAfter === '' ? undefined : encode(startAfter),
    };
    sendXml(response, xmlDocument('ListBucketResult', content, S3_NAMESPACE));
  },
};

export const listObjects: S3Operation = {
  name: 'ListObjects',
  method: 'GET',
  on: 'bucket',
  permissions: listPermissions,
  async handle(call, response) {
    const marker = call.request.query.get('marker') ?? '';
    const options = pageOptions(call);
    // A marker that is a common prefix of the page before stands for everything below it.
    const isPrefix =
      options.delimiter !== '' && marker.startsWith(options.prefix) && marker.endsWith(options.delimiter);
    const page = listKeys(call.store.bucket(call.bucket), {
      ...options,
      after: marker,
      afterPrefix: isPrefix ? marker : undefined,
    });
    const encode = encoderOf(call);
    const content = {
      ...commonContent(call, page),
      Marker: encode(marker),
      NextMarker: page.isTruncated && options.delimiter !== '' && page.last ? encode(page.last.key) : undefined,
    };
    sendXml(response, xmlDocument('ListBucketResult', content, S3_NAMESPACE));
  },
};

function pageOptions(call: S3Call) {
  const { query } = call.request;
  const text = query.get('max-keys') ?? '1000';
  if (!/^\d{1,10}$/.test(text)) {
    throw s3Error('InvalidArgument', {
      message: 'Provided max-keys not an integer or within integer range',
      fields: { ArgumentName: 'max-keys', ArgumentValue: text },
    });
  }
  return {
    prefix: query.get('prefix') ?? '',
    delimiter: query.get('delimiter') ?? '',
    maxKeys: Math.min(Number(text), 1000),
  };
}

function commonContent(call: S3Call, page: Listing) {
  const { prefix, delimiter, maxKeys } = pageOptions(call);
  const encode = encoderOf(call);
  return {
    Name: call.bucket,
    Prefix: encode(prefix),
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    MaxKeys: maxKeys,
    EncodingType: call.request.query.get('encoding-type') ?? undefined,
    IsTruncated: page.isTruncated,
    Contents: page.contents.map((meta) => ({
      Key: encode(meta.key),
      LastModified: new Date(meta.lastModifiedMs).toISOString(),
      ETag: `"${meta.etag}"`,
      ChecksumAlgorithm: meta.checksum?.algorithm.toUpperCase(),
      ChecksumType: meta.checksum?.type,
      Size: meta.sizeBytes,
      StorageClass: meta.headers['x-amz-storage-class'] ?? 'STANDARD',
    })),
    CommonPrefixes: page.commonPrefixes.map((common) => ({ Prefix: encode(common) })),
  };
}

/** encoding-type=url is for keys that XML cannot hold. */
function encoderOf(call: S3Call): (text: string) => string {
  const type = call.request.query.get('encoding-type');
  if (type === null) return (text) => text;
  if (type !== 'url')
    throw s3Error('InvalidArgument', {
      message: 'Invalid Encoding Method specified in Request',
      fields: { ArgumentName: 'encoding-type', ArgumentValue: type },
    });
  return (text) => text.split('/').map(uriEncode).join('/');
}

const writeToken = (last: NonNullable<Listing['last']>): string =>
  Buffer.from(JSON.stringify(last)).toString('base64url');

function readToken(token: string): { after: string; afterPrefix: string | undefined } {
  try {
    const { key, isPrefix } = JSON.parse(Buffer.from(token, 'base64url').toString()) as {
      key: unknown;
      isPrefix: unknown;
    };
    if (typeof key === 'string' && typeof isPrefix === 'boolean')
      return { after: key, afterPrefix: isPrefix ? key : undefined };
  } catch {
    // Answered below.
  }
  throw s3Error('InvalidArgument', {
    message: 'The continuation token provided is incorrect',
    fields: { ArgumentName: 'continuation-token' },
  });
}
