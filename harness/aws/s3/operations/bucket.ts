/** Operations on buckets themselves. */
import { s3Error } from '../errors.ts';
import { onBucket, sendEmpty, sendXml, S3_NAMESPACE } from '../operation.ts';
import { xmlDocument } from '../../xml.ts';
import type { S3Operation } from '../operation.ts';

export const listBuckets: S3Operation = {
  name: 'ListBuckets',
  method: 'GET',
  on: 'service',
  permissions: () => [{ action: 's3:ListAllMyBuckets', resource: '*' }],
  async handle(call, response) {
    const buckets = call.store.buckets().map(({ name, createdAtMs }) => ({
      Name: name,
      CreationDate: new Date(createdAtMs).toISOString(),
      BucketRegion: call.region,
    }));
    sendXml(
      response,
      xmlDocument(
        'ListAllMyBucketsResult',
        { Owner: { ID: call.request.principal?.accountId }, Buckets: { Bucket: buckets } },
        S3_NAMESPACE,
      ),
    );
  },
};

export const createBucket: S3Operation = {
  name: 'CreateBucket',
  method: 'PUT',
  on: 'bucket',
  permissions: onBucket('s3:CreateBucket'),
  async handle(call, response) {
    await call.request.body();
    if (call.store.has(call.bucket)) throw s3Error('BucketAlreadyOwnedByYou', { fields: { BucketName: call.bucket } });
    call.store.ensureBucket({ name: call.bucket });
    sendEmpty(response, 200, { Location: `/${call.bucket}` });
  },
};

export const headBucket: S3Operation = {
  name: 'HeadBucket',
  method: 'HEAD',
  on: 'bucket',
  permissions: onBucket('s3:ListBucket'),
  async handle(call, response) {
    call.store.bucket(call.bucket);
    response.writeHead(200, { 'x-amz-bucket-region': call.region, 'content-type': 'application/xml' });
    response.end();
  },
};

export const deleteBucket: S3Operation = {
  name: 'DeleteBucket',
  method: 'DELETE',
  on: 'bucket',
  permissions: onBucket('s3:DeleteBucket'),
  async handle(call, response) {
    call.store.deleteBucket(call.bucket);
    sendEmpty(response, 204);
  },
};

export const getBucketLocation: S3Operation = {
  name: 'GetBucketLocation',
  method: 'GET',
  on: 'bucket',
  query: ['location'],
  permissions: onBucket('s3:GetBucketLocation'),
  async handle(call, response) {
    call.store.bucket(call.bucket);
    // us-east-1 is the empty element, for S3's history.
    const body = `<LocationConstraint xmlns="${S3_NAMESPACE}">${call.region === 'us-east-1' ? '' : call.region}</LocationConstraint>`;
    sendXml(response, `<?xml version="1.0" encoding="UTF-8"?>\n${body}`);
  },
};

export const getBucketCors: S3Operation = {
  name: 'GetBucketCors',
  method: 'GET',
  on: 'bucket',
  query: ['cors'],
  permissions: onBucket('s3:GetBucketCORS'),
  async handle(call, response) {
    const rules = call.store.bucket(call.bucket).corsRules;
    if (rules.length === 0) throw s3Error('NoSuchCORSConfiguration', { fields: { BucketName: call.bucket } });
    const elements = rules.map((rule) => ({
      AllowedOrigin: rule.AllowedOrigins,
      AllowedMethod: rule.AllowedMethods,
      AllowedHeader: rule.AllowedHeaders,
      ExposeHeader: rule.ExposedHeaders,
      MaxAgeSeconds: rule.MaxAge,
    }));
    sendXml(response, xmlDocument('CORSConfiguration', { CORSRule: elements }, S3_NAMESPACE));
  },
};
