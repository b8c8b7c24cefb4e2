/** POST Object: a browser's form upload under a signed policy. */
import { s3Error } from '../errors.ts';
import { metadataFrom } from '../headers.ts';
import { objectArn, sendEmpty, writeContext } from '../operation.ts';
import { checkPolicyHolds } from '../post-policy.ts';
import { storeChecked } from '../receive.ts';
import { xmlDocument } from '../../xml.ts';
import type { ObjectMeta } from '../object.ts';
import type { S3Call, S3Operation } from '../operation.ts';
import type { PostForm } from '../post-form.ts';
import type { SizeRange } from '../post-policy.ts';
import type { ServerResponse } from 'node:http';

export const postObject: S3Operation = {
  name: 'PostObject',
  method: 'POST',
  on: 'bucket',
  header: 'content-type',
  permissions: (call) => [
    { action: 's3:PutObject', resource: objectArn({ ...call, key: keyOf(formOf(call)) }), context: writeContext(call) },
  ],
  async handle(call, response) {
    const form = formOf(call);
    const bucket = call.store.bucket(call.bucket);
    const range =
      call.request.principal === undefined
        ? { minBytes: 0, maxBytes: Infinity }
        : checkPolicyHolds(form, call.bucket, call.store.now());
    const key = keyOf(form);
    const metadata = metadataFrom(form.fields);
    const { file, sizeBytes, md5 } = await storeChecked(bucket, limited(form.file, range), undefined, (received) => {
      if (received.sizeBytes < range.minBytes)
        throw s3Error('EntityTooSmall', { fields: sizeFields(received.sizeBytes, range) });
    });
    const meta: ObjectMeta = { key, sizeBytes, etag: md5, lastModifiedMs: call.store.now(), ...metadata, file };
    await bucket.commit(meta, () => undefined);
    answer(call, response, meta);
  },
};

function formOf(call: S3Call): PostForm {
  if (call.form === undefined)
    throw s3Error('MalformedPOSTRequest', { message: 'The enclosing HTTP POST must be multipart/form-data.' });
  return call.form;
}

function keyOf(form: PostForm): string {
  const key = form.fields['key'];
  if (key === undefined || key === '') {
    throw s3Error('InvalidArgument', {
      message:
        "Bucket POST must contain a field named 'key'. If it is specified, please check the order of the fields.",
      fields: { ArgumentName: 'key' },
    });
  }
  return key.replaceAll('${filename}', () => form.fileName.split(/[\\/]/).at(-1) ?? '');
}

async function* limited(source: AsyncIterable<Buffer>, range: SizeRange): AsyncGenerator<Buffer> {
  let sizeBytes = 0;
  for await (const chunk of source) {
    sizeBytes += chunk.length;
    if (sizeBytes > range.maxBytes) throw s3Error('EntityTooLarge', { fields: sizeFields(sizeBytes, range) });
    yield chunk;
  }
}

const sizeFields = (sizeBytes: number, range: SizeRange): Record<string, string> => ({
  ProposedSize: String(sizeBytes),
  MinSizeAllowed: String(range.minBytes),
  MaxSizeAllowed: String(range.maxBytes),
});

/** 204 unless the form asks for a status or a redirect. */
function answer(call: S3Call, response: ServerResponse, meta: ObjectMeta): void {
  const { success_action_status: status, success_action_redirect: redirect } = formOf(call).fields;
  const headers = {
    ETag: `"${meta.etag}"`,
    Location: `http://${call.request.http.headers.host ?? ''}/${call.bucket}/${encodeURIComponent(meta.key)}`,
  };
  if (redirect !== undefined && URL.canParse(redirect)) {
    const url = new URL(redirect);
    for (const [name, value] of Object.entries({ bucket: call.bucket, key: meta.key, etag: headers.ETag }))
      url.searchParams.set(name, value);
    sendEmpty(response, 303, { ...headers, Location: url.href });
  } else if (status === '201') {
    const body = xmlDocument('PostResponse', {
      Location: headers.Location,
      Bucket: call.bucket,
      Key: meta.key,
      ETag: headers.ETag,
    });
    response.writeHead(201, {
      ...headers,
      'content-type': 'application/xml',
      'content-length': String(Buffer.byteLength(body)),
    });
    response.end(body);
  } else {
    sendEmpty(response, status === '200' ? 200 : 204, headers);
  }
}
