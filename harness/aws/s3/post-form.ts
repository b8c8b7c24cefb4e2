/** A browser's POST upload: multipart/form-data whose fields come before the file. Source: RFC 7578; S3 API, "POST Object". */
import { ByteReader } from '../signature/byte-reader.ts';
import { s3Error } from './errors.ts';
import type { ServiceRequest } from '../service.ts';

const MAX_FIELDS_BYTES = 64 * 1024;

export interface PostForm {
  /** By lower-case name, all that stand before the file. */
  readonly fields: Readonly<Record<string, string>>;
  readonly fileName: string;
  /** The file's bytes, to be read once; what follows the file is dropped. */
  readonly file: AsyncIterable<Buffer>;
}

export const isPostForm = (request: ServiceRequest): boolean =>
  request.method === 'POST' &&
  (request.http.headers['content-type'] ?? '').toLowerCase().startsWith('multipart/form-data');

/** Reads the fields up to the file; throws MalformedPOSTRequest, InvalidArgument. */
export async function readPostForm(request: ServiceRequest): Promise<PostForm> {
  const boundary = /boundary=(?:"([^"]+)"|([^;]+))/i.exec(request.http.headers['content-type'] ?? '');
  const name = boundary?.[1] ?? boundary?.[2]?.trim();
  if (name === undefined)
    throw s3Error('MalformedPOSTRequest', { message: 'The Content-Type of the form names no boundary.' });
  const reader = new ByteReader(request.stream());
  const delimiter = Buffer.from(`\r\n--${name}`);
  if ((await reader.line()) !== `--${name}`) throw s3Error('MalformedPOSTRequest');
  const fields: Record<string, string> = {};
  let sizeBytes = 0;
  for (;;) {
    const part = await readPartHeaders(reader);
    if (part.name === 'file') {
      return { fields, fileName: part.fileName ?? '', file: fileOf(reader, delimiter) };
    }
    const pieces: Buffer[] = [];
    for await (const piece of reader.until(delimiter)) {
      pieces.push(piece);
      sizeBytes += piece.length;
      if (sizeBytes > MAX_FIELDS_BYTES)
        throw s3Error('MalformedPOSTRequest', {
          message: `The form's fields before the file are larger than ${MAX_FIELDS_BYTES} bytes.`,
        });
    }
    fields[part.name.toLowerCase()] = Buffer.concat(pieces).toString();
    if ((await reader.line()) !== '') {
      throw s3Error('InvalidArgument', {
        message: 'POST requires exactly one file upload per request.',
        fields: { ArgumentName: 'file', ArgumentValue: '0' },
      });
    }
  }
}

async function* fileOf(reader: ByteReader, delimiter: Buffer): AsyncGenerator<Buffer> {
  yield* reader.until(delimiter);
  await reader.drain();
}

interface PartHeaders {
  readonly name: string;
  readonly fileName: string | undefined;
}

async function readPartHeaders(reader: ByteReader): Promise<PartHeaders> {
  const headers: Record<string, string> = {};
  for (let line = await utf8Line(reader); line !== ''; line = await utf8Line(reader)) {
    const colon = line.indexOf(':');
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const disposition = headers['content-disposition'] ?? '';
  const name = /[; ]name="([^"]*)"/i.exec(disposition)?.[1];
  if (name === undefined) throw s3Error('MalformedPOSTRequest', { message: 'A part of the form has no name.' });
  return { name, fileName: /filename="([^"]*)"/i.exec(disposition)?.[1] };
}

const utf8Line = async (reader: ByteReader): Promise<string> => Buffer.from(await reader.line(), 'latin1').toString();
