/** All buckets of the local S3, one folder each under `<dataDir>/s3`. */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Bucket } from './bucket.ts';
import { s3Error } from './errors.ts';
import type { BucketDefinition } from './bucket.ts';

export class S3Store {
  readonly now: () => number;
  readonly #dir: string;
  readonly #buckets = new Map<string, Bucket>();

  /** Opens what an earlier run left under `dir`. */
  constructor(dir: string, now: () => number) {
    this.#dir = dir;
    this.now = now;
    mkdirSync(dir, { recursive: true });
    for (const name of readdirSync(dir)) {
      if (existsSync(join(dir, name, 'bucket.json'))) this.#buckets.set(name, Bucket.open(join(dir, name)));
    }
  }

  buckets(): readonly Bucket[] {
    return [...this.#buckets.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The bucket; throws NoSuchBucket. */
  bucket(name: string): Bucket {
    const bucket = this.#buckets.get(name);
    if (bucket === undefined) throw s3Error('NoSuchBucket', { fields: { BucketName: name } });
    return bucket;
  }

  /** Makes the bucket where it is missing; one that is there keeps its objects and takes the new settings. */
  ensureBucket(definition: BucketDefinition): Bucket {
    const existing = this.#buckets.get(definition.name);
    if (existing) {
      existing.configure(definition);
      return existing;
    }
    if (
      !/^(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(definition.name) ||
      definition.name.includes('..')
    ) {
      throw s3Error('InvalidBucketName', { fields: { BucketName: definition.name } });
    }
    const bucket = Bucket.create(join(this.#dir, definition.name), definition, this.now());
    this.#buckets.set(definition.name, bucket);
    return bucket;
  }

  has(name: string): boolean {
    return this.#buckets.has(name);
  }

  /** Removes an empty bucket. */
  deleteBucket(name: string): void {
    const bucket = this.bucket(name);
    if (bucket.keys.size > 0) throw s3Error('BucketNotEmpty', { fields: { BucketName: name } });
    this.#buckets.delete(name);
    rmSync(bucket.dir, { recursive: true, force: true });
  }
}
