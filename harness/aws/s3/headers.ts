/** Object metadata in headers, both ways: what PUT sends is what GET gives back. */
import { s3Error } from './errors.ts';
import type { ObjectMeta } from './object.ts';
import type { ServiceRequest } from '../service.ts';
import type { IncomingHttpHeaders } from 'node:http';

const MAX_USER_METADATA_BYTES = 2048;

/** Headers that are stored and come back as they were sent. */
const KEPT = [
  'content-type',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'expires',
  'x-amz-server-side-encryption',
  'x-amz-server-side-encryption-aws-kms-key-id',
  'x-amz-server-side-encryption-bucket-key-enabled',
  'x-amz-storage-class',
  'x-amz-website-redirect-location',
] as const;

type KeptMetadata = Pick<ObjectMeta, 'headers' | 'userMetadata' | 'tags'>;

/** The metadata a PUT, POST or CreateMultipartUpload states. */
export function metadataFrom(headers: IncomingHttpHeaders): KeptMetadata {
  refuseUnsupported(headers);
  const kept: Record<string, string> = {};
  for (const name of KEPT) {
    const value = headers[name];
    if (typeof value === 'string' && value !== '') kept[name] = value;
  }
  // The framing of the upload is no encoding of the object.
  const encodings = (kept['content-encoding'] ?? '').split(',').map((encoding) => encoding.trim());
  const encoding = encodings.filter((name) => name !== '' && name !== 'aws-chunked').join(',');
  if (encoding === '') delete kept['content-encoding'];
  else kept['content-encoding'] = encoding;
  kept['content-type'] ??= 'binary/octet-stream';
  return {
    headers: kept,
    userMetadata: userMetadata(headers),
    tags: parseTags(headers['x-amz-tagging'] as string | undefined),
  };
}

/** What would silently be lost must fail: ACLs (buckets are owner-enforced), object lock, customers' keys. */
function refuseUnsupported(headers: IncomingHttpHeaders): void {
  const acl = headers['x-amz-acl'];
  const isGrant = Object.keys(headers).some((name) => name.startsWith('x-amz-grant-'));
  if (isGrant || (acl !== undefined && acl !== 'private' && acl !== 'bucket-owner-full-control'))
    throw s3Error('AccessControlListNotSupported');
  const unsupported = Object.keys(headers).find((name) =>
    /^x-amz-(object-lock-|server-side-encryption-customer-|write-offset-bytes)/.test(name),
  );
  if (unsupported !== undefined)
    throw s3Error('NotImplemented', {
      message: `The header ${unsupported} is not implemented by the local S3.`,
      fields: { Header: unsupported },
    });
}

function userMetadata(headers: IncomingHttpHeaders): Record<string, string> {
  const found: Record<string, string> = {};
  let sizeBytes = 0;
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith('x-amz-meta-') || value === undefined) continue;
    const text = Array.isArray(value) ? value.join(',') : value;
    found[name.slice('x-amz-meta-'.length)] = text;
    sizeBytes += Buffer.byteLength(name) - 'x-amz-meta-'.length + Buffer.byteLength(text);
  }
  if (sizeBytes > MAX_USER_METADATA_BYTES) {
    throw s3Error('MetadataTooLarge', {
      fields: { Size: String(sizeBytes), MaxSizeAllowed: String(MAX_USER_METADATA_BYTES) },
    });
  }
  return found;
}

/** `a=1&b=2` of x-amz-tagging. */
export function parseTags(text: string | undefined): Record<string, string> {
  return text === undefined ? {} : Object.fromEntries(new URLSearchParams(text));
}

/** The headers of GET and HEAD for an object. */
export function objectHeaders(meta: ObjectMeta, request: ServiceRequest): Record<string, string> {
  const headers: Record<string, string> = {
    ...meta.headers,
    ETag: `"${meta.etag}"`,
    'Last-Modified': new Date(meta.lastModifiedMs).toUTCString(),
    'Accept-Ranges': 'bytes',
  };
  for (const [name, value] of Object.entries(meta.userMetadata)) headers[`x-amz-meta-${name}`] = value;
  const tagCount = Object.keys(meta.tags).length;
  if (tagCount > 0) headers['x-amz-tagging-count'] = String(tagCount);
  if (request.http.headers['x-amz-checksum-mode'] === 'ENABLED') Object.assign(headers, checksumHeaders(meta));
  for (const [name, value] of request.query) {
    // response-content-type=... and its kin; S3 takes them from signed requests only.
    const overridden =
      /^response-(content-type|content-language|expires|cache-control|content-disposition|content-encoding)$/.exec(
        name,
      )?.[1];
    if (overridden === undefined) continue;
    if (request.principal === undefined) {
      throw s3Error('InvalidRequest', {
        message: 'Request specific response headers cannot be used for anonymous GET requests.',
      });
    }
    headers[overridden] = value;
  }
  return headers;
}

export function checksumHeaders(meta: Pick<ObjectMeta, 'checksum'>): Record<string, string> {
  if (meta.checksum === undefined) return {};
  const { algorithm, value, type } = meta.checksum;
  return { [`x-amz-checksum-${algorithm}`]: value, 'x-amz-checksum-type': type };
}

/** The encryption headers of an answer to a write. */
export function encryptionHeaders(meta: Pick<ObjectMeta, 'headers'>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(meta.headers).filter(([name]) => name.startsWith('x-amz-server-side-encryption')),
  );
}
