/** GetObjectTagging, PutObjectTagging, DeleteObjectTagging. */
import { s3Error } from '../errors.ts';
import { onObject, sendEmpty, sendXml, S3_NAMESPACE } from '../operation.ts';
import { parseXmlBody } from '../xml-body.ts';
import { missingKey } from './object-read.ts';
import { xmlDocument } from '../../xml.ts';
import type { S3Call, S3Operation } from '../operation.ts';

const MAX_TAGS = 10;

async function setTags(call: S3Call, tags: Readonly<Record<string, string>>): Promise<void> {
  const isThere = await call.store.bucket(call.bucket).update(call.key, (current) => ({ ...current, tags }));
  if (!isThere) throw missingKey(call);
}

export const getObjectTagging: S3Operation = {
  name: 'GetObjectTagging',
  method: 'GET',
  on: 'object',
  query: ['tagging'],
  permissions: onObject('s3:GetObjectTagging'),
  async handle(call, response) {
    const meta = call.store.bucket(call.bucket).get(call.key);
    if (meta === undefined) throw missingKey(call);
    const tags = Object.entries(meta.tags).map(([Key, Value]) => ({ Key, Value }));
    sendXml(response, xmlDocument('Tagging', { TagSet: { Tag: tags } }, S3_NAMESPACE));
  },
};

export const putObjectTagging: S3Operation = {
  name: 'PutObjectTagging',
  method: 'PUT',
  on: 'object',
  query: ['tagging'],
  permissions: onObject('s3:PutObjectTagging'),
  async handle(call, response) {
    const tagSet = parseXmlBody(await call.request.body(), 'Tagging').child('TagSet');
    const tags = (tagSet?.list('Tag') ?? []).map((tag) => [tag.text('Key') ?? '', tag.text('Value') ?? ''] as const);
    if (tags.length > MAX_TAGS)
      throw s3Error('InvalidRequest', { message: `Object tags cannot be greater than ${MAX_TAGS}` });
    await setTags(call, Object.fromEntries(tags));
    sendEmpty(response, 200);
  },
};

export const deleteObjectTagging: S3Operation = {
  name: 'DeleteObjectTagging',
  method: 'DELETE',
  on: 'object',
  query: ['tagging'],
  permissions: onObject('s3:DeleteObjectTagging'),
  async handle(call, response) {
    await setTags(call, {});
    sendEmpty(response, 204);
  },
};
