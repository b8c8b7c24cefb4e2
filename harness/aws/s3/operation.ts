/** The contract of an S3 operation: how it is recognized, what it needs, what it does. One entry of operations/index.ts. */
import type { Permission, ServiceRequest } from '../service.ts';
import type { PostForm } from './post-form.ts';
import type { S3Store } from './store.ts';
import type { ServerResponse } from 'node:http';

export interface S3Call {
  readonly request: ServiceRequest;
  readonly store: S3Store;
  readonly region: string;
  /** Empty for ListBuckets. */
  readonly bucket: string;
  /** Empty for bucket operations. */
  readonly key: string;
  /** The form of a browser's POST upload. */
  readonly form?: PostForm | undefined;
}

export interface S3Operation {
  /** As in the S3 API reference. */
  readonly name: string;
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  readonly on: 'service' | 'bucket' | 'object';
  /** Query parameters that must be there; of several operations that fit, the first in the table is taken. */
  readonly query?: readonly string[];
  /** A header that must be there. */
  readonly header?: string;
  permissions(call: S3Call): readonly Permission[];
  handle(call: S3Call, response: ServerResponse): Promise<void>;
}

export const bucketArn = (call: S3Call): string => `arn:aws:s3:::${call.bucket}`;
export const objectArn = (call: S3Call): string => `arn:aws:s3:::${call.bucket}/${call.key}`;

/** The one permission of most operations on an object. */
export const onObject =
  (action: string) =>
  (call: S3Call): readonly Permission[] => [{ action, resource: objectArn(call), context: writeContext(call) }];

/** The one permission of most operations on a bucket. */
export const onBucket =
  (action: string) =>
  (call: S3Call): readonly Permission[] => [{ action, resource: bucketArn(call), context: { 's3:TlsVersion': '1.3' } }];

/** Condition keys that stand for headers of the request. Loopback counts as TLS 1.3, as it does for aws:SecureTransport. */
export function writeContext(call: S3Call): Record<string, string> {
  const context: Record<string, string> = { 's3:TlsVersion': '1.3' };
  const { headers } = call.request.http;
  for (const name of [
    'x-amz-acl',
    'x-amz-storage-class',
    'x-amz-server-side-encryption',
    'x-amz-server-side-encryption-aws-kms-key-id',
    'x-amz-content-sha256',
    'if-match',
    'if-none-match',
  ]) {
    const value = headers[name];
    if (typeof value === 'string') context[`s3:${name}`] = value;
  }
  return context;
}

/** Answers with headers and no body. */
export function sendEmpty(response: ServerResponse, status: number, headers: Record<string, string> = {}): void {
  response.writeHead(status, status === 204 ? headers : { ...headers, 'content-length': '0' });
  response.end();
}

/** Answers 200 with an XML document. */
export function sendXml(response: ServerResponse, document: string, headers: Record<string, string> = {}): void {
  response.writeHead(200, {
    'content-type': 'application/xml',
    'content-length': String(Buffer.byteLength(document)),
    ...headers,
  });
  response.end(document);
}

export const S3_NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';
