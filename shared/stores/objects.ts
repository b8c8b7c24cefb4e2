/** A tenant's objects in S3: bytes in, bytes out, under `tenants/<tenant>/`. */
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  NoSuchKey,
  PutObjectCommand,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import type { S3Client, _Object as ListedObject } from '@aws-sdk/client-s3';
import { TENANT_KEY_PREFIX } from '../contract.ts';
import type { DataClients } from './clients.ts';
import { ObjectReader } from './object-reader.ts';
import { ObjectWriter } from './object-writer.ts';

/** Where things lie, relative to the tenant's prefix. */
export const paths = {
  dataset: (id: string) => `datasets/${id}/`,
  upload: (id: string, part: string) => `datasets/${id}/upload/${part}`,
  columns: (id: string, file: string) => `datasets/${id}/columns/${file}`,
  job: (id: string) => `jobs/${id}/`,
  checkpoint: ({ job, trial }: { job: string; trial?: string }, segment: number) =>
    `jobs/${job}/${trial === undefined ? '' : `trials/${trial}/`}checkpoints/${String(segment).padStart(6, '0')}`,
  versions: (name: string) => `models/${name}/`,
  version: (name: string, version: number) => `models/${name}/${version}/`,
  model: (name: string, version: number) => `models/${name}/${version}/model.onnx`,
  /** Where a tenant's own model is uploaded to. What was checked is copied from here: the URL can be written to again. */
  modelUpload: (name: string, version: number) => `models/${name}/${version}/upload.onnx`,
  /** The sample of training rows that explanations compare with: never part of the ONNX file. */
  background: (name: string, version: number) => `models/${name}/${version}/background.json`,
  card: (name: string, version: number) => `models/${name}/${version}/card.json`,
  batch: (id: string) => `batches/${id}/`,
  batchInstances: (id: string) => `batches/${id}/instances.json`,
  batchParts: (id: string) => `batches/${id}/parts/`,
  batchPart: (id: string, { begin, end }: { begin: number; end: number }) =>
    `batches/${id}/parts/${begin}-${end}.jsonl`,
  batchOutput: (id: string) => `batches/${id}/output.jsonl`,
};

/** Of a download: one connection does not fill a function's network, and a part that fails is tried again alone. */
const PART_BYTES = 8 * 2 ** 20;
const PARTS_AT_ONCE = 6;

export class ObjectStore {
  readonly #s3: S3Client;
  readonly #presigner: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;

  constructor({ s3, presigner }: Pick<DataClients, 's3' | 'presigner'>, bucket: string, tenantId: string) {
    this.#s3 = s3;
    this.#presigner = presigner;
    this.#bucket = bucket;
    this.#prefix = `${TENANT_KEY_PREFIX}${tenantId}/`;
  }

  /** The object, or of it the bytes from `start` to `end`; undefined when there is none. */
  async get(path: string, part?: { start: number; end: number }): Promise<Uint8Array | undefined> {
    const range = part && { Range: `bytes=${part.start}-${part.end}` };
    try {
      const { Body } = await this.#s3.send(new GetObjectCommand({ ...this.#at(path), ...range }));
      return await Body?.transformToByteArray();
    } catch (error) {
      if (error instanceof NoSuchKey) return undefined;
      // Our right to list is bound to a prefix, which a GET does not carry: S3 then says 403 of an object that is not there.
      if (isForbidden(error) && (await this.size(path)) === undefined) return undefined;
      throw error;
    }
  }

  /** The object's bytes. @throws {Error} naming the path when there is none: for objects that the catalog says exist */
  async read(path: string): Promise<Uint8Array> {
    const bytes = await this.get(path);
    if (bytes === undefined) throw new Error(`object ${path} is missing`);
    return bytes;
  }

  /** An object that may be larger than memory. @throws {Error} naming the path when there is none */
  async reader(path: string): Promise<ObjectReader> {
    const { ETag, Size } = (await this.#listed(path)) ?? {};
    if (ETag === undefined || Size === undefined) throw new Error(`object ${path} is missing`);
    return new ObjectReader(this.#s3, { ...this.#at(path), IfMatch: ETag }, Size);
  }

  /**
   * Writes an object into a new file, by ranges of it at once and past this process's memory. Whether they are of one object is for
   * the caller to check, by its hash. @returns whether there is such an object
   */
  async download(path: string, file: string, sizeBytes: number): Promise<boolean> {
    const starts = Array.from({ length: Math.ceil(sizeBytes / PART_BYTES) }, (_, part) => part * PART_BYTES).values();
    const handle = await open(file, 'wx');
    try {
      const fetchParts = async (): Promise<boolean> => {
        for (const start of starts) if (!(await this.#copyPart(path, handle, start))) return false;
        return true;
      };
      const found = await Promise.all(Array.from({ length: PARTS_AT_ONCE }, fetchParts));
      return found.every(Boolean);
    } finally {
      await handle.close();
    }
  }

  async #copyPart(path: string, file: FileHandle, start: number): Promise<boolean> {
    const bytes = await this.get(path, { start, end: start + PART_BYTES - 1 }).catch(nothingWhereItEnds);
    if (bytes === undefined) return false;
    await file.write(bytes, 0, bytes.length, start);
    return true;
  }

  /** Bytes `begin` to `end` (not included) of an object that the catalog says exists. */
  async readRange(path: string, begin: number, end: number): Promise<Uint8Array> {
    if (begin === end) return new Uint8Array();
    const bytes = await this.get(path, { start: begin, end: end - 1 });
    if (bytes?.byteLength !== end - begin) throw new Error(`object ${path} is missing, or ends before byte ${end}`);
    return bytes;
  }

  async put(path: string, bytes: Uint8Array | string, contentType = 'application/octet-stream'): Promise<void> {
    await this.#s3.send(new PutObjectCommand({ ...this.#at(path), Body: bytes, ContentType: contentType }));
  }

  /** Writes the object unless it exists. @returns whether it was written */
  async create(path: string, bytes: Uint8Array): Promise<boolean> {
    try {
      await this.#s3.send(new PutObjectCommand({ ...this.#at(path), Body: bytes, IfNoneMatch: '*' }));
      return true;
    } catch (error) {
      // 412: it exists; 409: another writer is at it this moment and will have written it.
      if (error instanceof S3ServiceException && [409, 412].includes(error.$metadata.httpStatusCode ?? 0)) return false;
      throw error;
    }
  }

  /** The object's size in bytes, or undefined when there is none. Asked by listing: a HEAD would be 403 where there is none. */
  async size(path: string): Promise<number | undefined> {
    return (await this.#listed(path))?.Size;
  }

  async #listed(path: string): Promise<ListedObject | undefined> {
    const { Bucket, Key } = this.#at(path);
    const { Contents = [] } = await this.#s3.send(new ListObjectsV2Command({ Bucket, Prefix: Key, MaxKeys: 1 }));
    return Contents[0]?.Key === Key ? Contents[0] : undefined;
  }

  /** Removes every object whose path begins with `prefix`. @returns how many */
  async deleteAll(prefix: string): Promise<number> {
    let deleted = 0;
    for (;;) {
      const { Contents = [] } = await this.#s3.send(
        new ListObjectsV2Command({ Bucket: this.#bucket, Prefix: this.#prefix + prefix }),
      );
      if (Contents.length === 0) return deleted;
      const { Errors = [] } = await this.#s3.send(
        new DeleteObjectsCommand({
          Bucket: this.#bucket,
          Delete: { Objects: Contents.map(({ Key }) => ({ Key })), Quiet: true },
        }),
      );
      if (Errors.length > 0) throw new Error(`S3 kept ${Errors.length} objects: ${Errors[0]?.Code ?? 'no code'}`);
      deleted += Contents.length;
    }
  }

  /** A new object that is written piece by piece; it is there once `end` has come back. */
  writer(path: string, contentType: string): ObjectWriter {
    return new ObjectWriter(this.#s3, { ...this.#at(path), ContentType: contentType });
  }

  presignGet(path: string, expiresS: number, fileName: string): Promise<string> {
    const command = new GetObjectCommand({
      ...this.#at(path),
      ResponseContentDisposition: `attachment; filename="${fileName}"`,
    });
    return this.#presign(command, expiresS);
  }

  presignPut(path: string, expiresS: number): Promise<string> {
    return this.#presign(new PutObjectCommand(this.#at(path)), expiresS);
  }

  /** What signs is loaded when it is needed: most functions do without. */
  async #presign(command: GetObjectCommand | PutObjectCommand, expiresS: number): Promise<string> {
    const { getSignedUrl } = await import('@aws-sdk/s3-request-presigner');
    return getSignedUrl(this.#presigner, command, { expiresIn: expiresS });
  }

  #at(path: string): { Bucket: string; Key: string } {
    return { Bucket: this.#bucket, Key: this.#prefix + path };
  }
}

/** The object is shorter than it was said to be. */
function nothingWhereItEnds(error: unknown): undefined {
  if (error instanceof S3ServiceException && error.name === 'InvalidRange') return undefined;
  throw error;
}

function isForbidden(error: unknown): boolean {
  return error instanceof S3ServiceException && error.$metadata.httpStatusCode === 403;
}
