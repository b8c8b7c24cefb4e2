/** An object of any size, written piece by piece: a multipart upload as soon as there is more than one part's worth. */
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { S3Client } from '@aws-sdk/client-s3';

/** S3 takes parts from 5 MiB, and 10,000 of them: 160 GB. */
const PART_BYTES = 16 * 1024 ** 2;

interface Target {
  readonly Bucket: string;
  readonly Key: string;
  readonly ContentType: string;
}

export class ObjectWriter {
  readonly #s3: S3Client;
  readonly #target: Target;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #uploadId: string | undefined;
  readonly #parts: { PartNumber: number; ETag: string | undefined }[] = [];

  constructor(s3: S3Client, target: Target) {
    this.#s3 = s3;
    this.#target = target;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.byteLength;
    if (this.#pendingBytes >= PART_BYTES) await this.#uploadPart();
  }

  /** What was begun and not ended, the bucket removes after a day. */
  async end(): Promise<void> {
    if (this.#uploadId === undefined) {
      await this.#s3.send(new PutObjectCommand({ ...this.#target, Body: this.#take() }));
      return;
    }
    if (this.#pendingBytes > 0) await this.#uploadPart();
    const { Bucket, Key } = this.#target;
    const upload = { Bucket, Key, UploadId: this.#uploadId, MultipartUpload: { Parts: this.#parts } };
    await this.#s3.send(new CompleteMultipartUploadCommand(upload));
  }

  async #uploadPart(): Promise<void> {
    const { Bucket, Key } = this.#target;
    this.#uploadId ??= (await this.#s3.send(new CreateMultipartUploadCommand(this.#target))).UploadId!;
    const part = { UploadId: this.#uploadId, PartNumber: this.#parts.length + 1, Body: this.#take() };
    const { ETag } = await this.#s3.send(new UploadPartCommand({ Bucket, Key, ...part }));
    this.#parts.push({ PartNumber: part.PartNumber, ETag });
  }

  #take(): Uint8Array {
    const bytes = Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    return bytes;
  }
}
