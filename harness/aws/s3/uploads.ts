/**
 * Multipart uploads in progress: one folder each, a JSON file for the upload and one for each part; the bytes of a part
 * are a data file of the bucket. They outlive a restart, until they are completed or aborted.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { s3Error } from './errors.ts';
import { KeyLocks } from './key-locks.ts';
import type { ChecksumAlgorithm } from './checksums.ts';
import type { ObjectChecksum, ObjectMeta } from './object.ts';

export interface UploadInfo extends Pick<ObjectMeta, 'key' | 'headers' | 'userMetadata' | 'tags'> {
  readonly uploadId: string;
  readonly initiatedMs: number;
  readonly algorithm?: ChecksumAlgorithm;
  readonly checksumType?: ObjectChecksum['type'];
}

export interface UploadPart {
  readonly partNumber: number;
  /** Hex. */
  readonly md5: string;
  readonly sizeBytes: number;
  readonly lastModifiedMs: number;
  readonly checksum?: ObjectChecksum;
  readonly file: string;
}

interface Upload {
  readonly info: UploadInfo;
  readonly parts: Map<number, UploadPart>;
}

export class Uploads {
  readonly #dir: string;
  readonly #removeData: (file: string) => Promise<void>;
  readonly #uploads = new Map<string, Upload>();
  readonly #locks = new KeyLocks();

  /** Opens the uploads under `dir`; `removeData` deletes a data file of the bucket. */
  constructor(dir: string, removeData: (file: string) => Promise<void>) {
    this.#dir = dir;
    this.#removeData = removeData;
    mkdirSync(dir, { recursive: true });
    for (const uploadId of readdirSync(dir)) {
      const names = readdirSync(join(dir, uploadId)).filter((name) => name.endsWith('.json'));
      // Killed between making the folder and its first file: nobody was told of this upload.
      if (!names.includes('upload.json')) continue;
      const read = (name: string): unknown => JSON.parse(readFileSync(join(dir, uploadId, name), 'utf8'));
      const parts = names.filter((name) => name !== 'upload.json').map((name) => read(name) as UploadPart);
      this.#uploads.set(uploadId, {
        info: read('upload.json') as UploadInfo,
        parts: new Map(parts.map((part) => [part.partNumber, part])),
      });
    }
  }

  /** Data files that parts refer to. */
  files(): readonly string[] {
    return [...this.#uploads.values()].flatMap(({ parts }) => [...parts.values()].map((part) => part.file));
  }

  list(): readonly UploadInfo[] {
    return [...this.#uploads.values()].map(({ info }) => info);
  }

  async create(info: Omit<UploadInfo, 'uploadId'>): Promise<UploadInfo> {
    const created = { ...info, uploadId: randomUUID().replaceAll('-', '') };
    await mkdir(join(this.#dir, created.uploadId));
    await this.#write(created.uploadId, 'upload.json', created);
    this.#uploads.set(created.uploadId, { info: created, parts: new Map() });
    return created;
  }

  /** The upload, which must be of this key; throws NoSuchUpload. */
  get(uploadId: string, key: string): UploadInfo {
    return this.#upload(uploadId, key).info;
  }

  /** In the order of part numbers. */
  parts(uploadId: string, key: string): readonly UploadPart[] {
    return [...this.#upload(uploadId, key).parts.values()].sort((a, b) => a.partNumber - b.partNumber);
  }

  /** Adds a part whose bytes are stored, in place of an earlier one with its number. */
  async addPart(uploadId: string, key: string, part: UploadPart): Promise<void> {
    await this.#locks.run(uploadId, async () => {
      try {
        const { parts } = this.#upload(uploadId, key);
        await this.#write(uploadId, `part-${part.partNumber}.json`, part);
        const before = parts.get(part.partNumber);
        parts.set(part.partNumber, part);
        if (before) await this.#removeData(before.file);
      } catch (error) {
        await this.#removeData(part.file);
        throw error;
      }
    });
  }

  /** Ends the upload after `finish` has succeeded: its parts are removed. No part can come in between. */
  async end(
    uploadId: string,
    key: string,
    finish: (parts: readonly UploadPart[], info: UploadInfo) => Promise<void>,
  ): Promise<void> {
    await this.#locks.run(uploadId, async () => {
      const { info } = this.#upload(uploadId, key);
      const parts = this.parts(uploadId, key);
      await finish(parts, info);
      this.#uploads.delete(uploadId);
      await rm(join(this.#dir, uploadId), { recursive: true, force: true });
      for (const part of parts) await this.#removeData(part.file);
    });
  }

  #upload(uploadId: string, key: string): Upload {
    const upload = this.#uploads.get(uploadId);
    if (upload?.info.key !== key) throw s3Error('NoSuchUpload', { fields: { UploadId: uploadId } });
    return upload;
  }

  async #write(uploadId: string, name: string, value: object): Promise<void> {
    const path = join(this.#dir, uploadId, name);
    const temporary = `${path}.${randomUUID()}.new`;
    await writeFile(temporary, JSON.stringify(value));
    await rename(temporary, path);
  }
}
