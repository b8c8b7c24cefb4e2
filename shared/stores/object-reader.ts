/**
 * An object of any size, read by ranges: from its beginning, as often as it is iterated, or any bytes of it. All of them are of one and the same object:
 * what is written in its place meanwhile is an error.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { GetObjectCommand, S3ServiceException } from '@aws-sdk/client-s3';
import type { S3Client } from '@aws-sdk/client-s3';

const PART_BYTES = 8 * 2 ** 20;
/** Of one part; the client's own tries end where the body begins. */
const TRIES = 4;
const PAUSE_MS = 200;

interface Source {
  readonly Bucket: string;
  readonly Key: string;
  readonly IfMatch: string;
}

export class ObjectReader implements AsyncIterable<Uint8Array> {
  readonly byteLength: number;
  readonly #s3: S3Client;
  readonly #source: Source;
  /** The first part, which readers come back to. */
  #first: Uint8Array | undefined;

  constructor(s3: S3Client, source: Source, byteLength: number) {
    this.#s3 = s3;
    this.#source = source;
    this.byteLength = byteLength;
  }

  /** The next part is on its way while one is being read. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    let next = this.#part(0);
    for (let part = 0; part < this.#parts; part++) {
      const bytes = await next;
      next = this.#part(part + 1);
      // Whose reader has enough of the object is not told that the next part failed.
      next.catch(() => undefined);
      yield bytes;
    }
  }

  /** Bytes `start` to `end`, not included. */
  async slice(start: number, end = this.byteLength): Promise<ArrayBuffer> {
    const bytes = await this.#read(start, Math.min(end, this.byteLength));
    const isWhole = bytes.byteLength === bytes.buffer.byteLength;
    return (isWhole ? bytes : bytes.slice()).buffer as ArrayBuffer;
  }

  get #parts(): number {
    return Math.ceil(this.byteLength / PART_BYTES);
  }

  async #part(part: number): Promise<Uint8Array> {
    if (part >= this.#parts) return new Uint8Array();
    if (part === 0 && this.#first !== undefined) return this.#first;
    const start = part * PART_BYTES;
    const bytes = await this.#read(start, Math.min(start + PART_BYTES, this.byteLength));
    if (part === 0) this.#first = bytes;
    return bytes;
  }

  async #read(start: number, end: number): Promise<Uint8Array> {
    if (start >= end) return new Uint8Array();
    const command = new GetObjectCommand({ ...this.#source, Range: `bytes=${start}-${end - 1}` });
    for (let tries = 1; ; tries++) {
      try {
        const { Body } = await this.#s3.send(command);
        const bytes = await Body?.transformToByteArray();
        if (bytes?.byteLength !== end - start) throw new Error(`object ${this.#source.Key} ends within a range of it`);
        return bytes;
      } catch (error) {
        if (error instanceof S3ServiceException || tries === TRIES) throw error;
        await sleep(PAUSE_MS * 2 ** tries);
      }
    }
  }
}
