/** DeleteObjects: up to 1,000 keys in one call; what may not be deleted is an error of its key, not of the call. */
import { AwsError } from '../../service.ts';
import { writeCondition } from '../conditions.ts';
import { s3Error } from '../errors.ts';
import { onObject, sendXml, S3_NAMESPACE } from '../operation.ts';
import { checkSent, requestedAlgorithm } from '../receive.ts';
import { CHECKSUM_ALGORITHMS } from '../checksums.ts';
import { parseXmlBody } from '../xml-body.ts';
import { createHash } from 'node:crypto';
import { xmlDocument } from '../../xml.ts';
import type { XmlObject } from '../../xml.ts';
import type { S3Call, S3Operation } from '../operation.ts';

const MAX_KEYS = 1000;

export const deleteObjects: S3Operation = {
  name: 'DeleteObjects',
  method: 'POST',
  on: 'bucket',
  query: ['delete'],
  // Each key has its own permission, checked below; the call itself needs none but a signature.
  permissions: (call) =>
    call.request.principal === undefined ? onObject('s3:DeleteObject')({ ...call, key: '*' }) : [],
  async handle(call, response) {
    const body = await call.request.body();
    checkIntegrity(call, body);
    const request = parseXmlBody(body, 'Delete');
    const objects = request.list('Object');
    if (objects.length === 0 || objects.length > MAX_KEYS) throw s3Error('MalformedXML');
    const isQuiet = request.text('Quiet')?.trim() === 'true';
    const deleted: XmlObject[] = [];
    const errors: XmlObject[] = [];
    for (const object of objects) {
      const key = object.text('Key') ?? '';
      try {
        if (object.text('VersionId') !== undefined)
          throw s3Error('NotImplemented', { message: 'Deleting a version is not implemented by the local S3.' });
        await deleteOne({ ...call, key }, object.text('ETag'));
        deleted.push({ Key: key });
      } catch (error) {
        if (!(error instanceof AwsError)) throw error;
        errors.push({ Key: key, Code: error.code, Message: error.message });
      }
    }
    sendXml(
      response,
      xmlDocument('DeleteResult', { Deleted: isQuiet ? undefined : deleted, Error: errors }, S3_NAMESPACE),
    );
  },
};

async function deleteOne(call: S3Call, etag: string | undefined): Promise<void> {
  const [permission] = onObject('s3:DeleteObject')(call);
  if (!call.request.may(permission!)) throw s3Error('AccessDenied');
  await call.store.bucket(call.bucket).remove(call.key, writeCondition(etag === undefined ? {} : { 'if-match': etag }));
}

/** S3 demands Content-MD5 or a checksum here, because a wrong key would be a lost object. */
function checkIntegrity(call: S3Call, body: Buffer): void {
  const { headers } = call.request.http;
  const algorithm = requestedAlgorithm(headers);
  const contentMd5 = headers['content-md5'];
  if (contentMd5 !== undefined && contentMd5 !== createHash('md5').update(body).digest('base64'))
    throw s3Error('BadDigest');
  const sent =
    algorithm &&
    ((headers[`x-amz-checksum-${algorithm}`] as string | undefined) ??
      call.request.trailers[`x-amz-checksum-${algorithm}`]);
  if (algorithm === undefined || sent === undefined) {
    if (contentMd5 === undefined)
      throw s3Error('InvalidRequest', {
        message: 'Missing required header for this request: Content-MD5 OR x-amz-checksum-*',
      });
    return;
  }
  const digest = CHECKSUM_ALGORITHMS[algorithm].create();
  digest.update(body);
  checkSent(sent, digest.digest(), algorithm);
}
