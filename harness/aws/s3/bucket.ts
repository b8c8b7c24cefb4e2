/**
 * One bucket on disk: immutable data files, one JSON file of metadata an object, and a sorted index in memory. A write is
 * committed by renaming its metadata file, so a kill at any moment leaves the old object or the new one, never a mixture;
 * what was not committed is swept at the next start. (No fsync: a power cut may lose the last writes.)
 */
import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KeyLocks } from './key-locks.ts';
import { SortedKeys } from './sorted-keys.ts';
import { Uploads } from './uploads.ts';
import type { CorsRule } from './cors.ts';
import type { ObjectMeta } from './object.ts';

/** What the template says of a bucket. */
export interface BucketDefinition {
  readonly name: string;
  readonly corsRules?: readonly CorsRule[];
}

export class Bucket {
  readonly name: string;
  readonly createdAtMs: number;
  corsRules: readonly CorsRule[];
  readonly dir: string;
  readonly dataDir: string;
  readonly keys = new SortedKeys();
  readonly uploads: Uploads;
  readonly #objects = new Map<string, ObjectMeta>();
  readonly #locks = new KeyLocks();

  private constructor(dir: string, stored: StoredBucket) {
    this.dir = dir;
    this.dataDir = join(dir, 'data');
    this.name = stored.name;
    this.createdAtMs = stored.createdAtMs;
    this.corsRules = stored.corsRules ?? [];
    this.uploads = new Uploads(join(dir, 'uploads'), (file) => rm(this.dataPath(file), { force: true }));
  }

  /** Makes the bucket's folder; the caller has checked the name. */
  static create(dir: string, definition: BucketDefinition, nowMs: number): Bucket {
    for (const folder of ['data', 'meta']) mkdirSync(join(dir, folder), { recursive: true });
    const bucket = new Bucket(dir, { ...definition, createdAtMs: nowMs });
    bucket.configure(definition);
    return bucket;
  }

  /** Opens a bucket of an earlier run and sweeps what it had not committed. */
  static open(dir: string): Bucket {
    const bucket = new Bucket(dir, JSON.parse(readFileSync(join(dir, 'bucket.json'), 'utf8')) as StoredBucket);
    const files = new Set(bucket.uploads.files());
    for (const entry of readdirSync(join(dir, 'meta'))) {
      const path = join(dir, 'meta', entry);
      if (!entry.endsWith('.json')) {
        rmSync(path);
        continue;
      }
      const meta = JSON.parse(readFileSync(path, 'utf8')) as ObjectMeta;
      bucket.#objects.set(meta.key, meta);
      files.add(meta.file);
    }
    bucket.keys.addAll([...bucket.#objects.keys()]);
    for (const file of readdirSync(bucket.dataDir)) if (!files.has(file)) rmSync(join(bucket.dataDir, file));
    return bucket;
  }

  /** Takes over what the template says now. */
  configure(definition: BucketDefinition): void {
    this.corsRules = definition.corsRules ?? [];
    const { name, createdAtMs, corsRules } = this;
    const path = join(this.dir, 'bucket.json');
    writeFileSync(`${path}.new`, JSON.stringify({ name, createdAtMs, corsRules } satisfies StoredBucket));
    renameSync(`${path}.new`, path);
  }

  get(key: string): ObjectMeta | undefined {
    return this.#objects.get(key);
  }

  dataPath(file: string): string {
    return join(this.dataDir, file);
  }

  /**
   * Makes `meta` the object under its key. `check` sees the object that stands there and throws to refuse: of writers
   * racing with the same condition exactly one passes. The refused write's data file is removed.
   */
  async commit(meta: ObjectMeta, check: (current: ObjectMeta | undefined) => void): Promise<void> {
    await this.#locks.run(meta.key, async () => {
      const current = this.#objects.get(meta.key);
      try {
        check(current);
        await this.#writeMeta(meta);
      } catch (error) {
        await rm(this.dataPath(meta.file), { force: true });
        throw error;
      }
      if (current === undefined) this.keys.add(meta.key);
      else if (current.file !== meta.file) await rm(this.dataPath(current.file), { force: true });
    });
  }

  /** Removes the object, if there is one; `check` as in `commit`. */
  async remove(key: string, check: (current: ObjectMeta | undefined) => void): Promise<void> {
    await this.#locks.run(key, async () => {
      const current = this.#objects.get(key);
      check(current);
      if (current === undefined) return;
      await rm(this.#metaPath(key), { force: true });
      this.#objects.delete(key);
      this.keys.delete(key);
      await rm(this.dataPath(current.file), { force: true });
    });
  }

  /** Changes the metadata of an object whose data stays; false where there is no such object. */
  async update(key: string, change: (current: ObjectMeta) => ObjectMeta): Promise<boolean> {
    return this.#locks.run(key, async () => {
      const current = this.#objects.get(key);
      if (current !== undefined) await this.#writeMeta(change(current));
      return current !== undefined;
    });
  }

  async #writeMeta(meta: ObjectMeta): Promise<void> {
    const path = this.#metaPath(meta.key);
    const temporary = `${path}.${randomUUID()}.new`;
    await writeFile(temporary, JSON.stringify(meta));
    await rename(temporary, path);
    this.#objects.set(meta.key, meta);
  }

  /** Keys may hold any character and be 1,024 bytes long: the file's name is their hash. */
  #metaPath(key: string): string {
    return join(this.dir, 'meta', `${createHash('sha256').update(key).digest('hex')}.json`);
  }
}

interface StoredBucket {
  readonly name: string;
  readonly createdAtMs: number;
  readonly corsRules?: readonly CorsRule[];
}
