/** Files to presigned URLs, streamed from disk with a length (S3 takes no chunked bodies), and files from them. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, renameSync, rmSync, statSync } from 'node:fs';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { pipeline } from 'node:stream/promises';
import { Readable, Transform } from 'node:stream';
import { ConnectionError, reasonOf } from './client.ts';
import type { UploadTarget } from './resources.ts';

export type OnBytes = (bytes: number) => void;

/** @throws {ConnectionError} where the transfer breaks off, {Error} for a refusal */
export async function uploadFile(file: string, { url, headers }: UploadTarget, onBytes: OnBytes): Promise<void> {
  const request = url.startsWith('https:') ? requestHttps : requestHttp;
  const sending = request(url, { method: 'PUT', headers: { ...headers, 'content-length': statSync(file).size } });
  const answered = new Promise<{ status: number; text: string }>((resolve, reject) => {
    sending.once('error', reject);
    sending.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      );
    });
  });
  // An early refusal breaks the pipe: the answer says why, the pipe only that.
  const piped = pipeline(createReadStream(file), counting(onBytes), sending).catch((error: unknown) => error);
  const { status, text } = await answered.catch((error: unknown) => {
    throw new ConnectionError(`uploading ${file} broke off: ${reasonOf(error)}`, { cause: error });
  });
  await piped;
  if (status < 200 || status > 299) throw new Error(`uploading ${file}: the storage answered ${status} ${text}`);
}

/** Downloads to the file, which stands there whole or not at all. @throws {Error} where the bytes are not the expected ones */
export async function downloadFile(url: string, file: string, sha256: string, onBytes: OnBytes): Promise<void> {
  const response = await fetch(url).catch((error: unknown) => {
    throw new ConnectionError(`downloading ${file}: ${reasonOf(error)}`, { cause: error });
  });
  if (!response.ok || response.body === null)
    throw new Error(`downloading ${file}: the storage answered ${response.status}`);
  const part = `${file}.part`;
  const hash = createHash('sha256');
  try {
    const hashed = counting(onBytes, (chunk) => hash.update(chunk));
    await pipeline(Readable.fromWeb(response.body), hashed, createWriteStream(part));
    const got = hash.digest('hex');
    if (got !== sha256) throw new Error(`${file}: expected the SHA-256 ${sha256}, got ${got}`);
    renameSync(part, file);
  } finally {
    rmSync(part, { force: true });
  }
}

function counting(onBytes: OnBytes, onChunk: (chunk: Buffer) => void = () => undefined): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      onBytes(chunk.length);
      onChunk(chunk);
      done(null, chunk);
    },
  });
}
