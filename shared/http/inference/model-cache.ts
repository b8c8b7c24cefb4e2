/**
 * Models in memory, ready to predict: bounded by bytes, the least recently used goes first and frees its session. A model's file is on
 * disk only until its session is made: under a name of its own, so that nobody else reads what is half there, and read only when its
 * bytes are those that the catalog names.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import type { Afterwards } from '../../afterwards.ts';
import type { Clock } from '../../clock.ts';
import { ServiceError } from '../../errors.ts';
import { targetOf } from '../../resources/alias.ts';
import type { AliasTarget } from '../../resources/alias.ts';
import type { ModelRef } from '../../resources/model-ref.ts';
import { loadForeignModel } from '../../runtime/foreign-model.ts';
import { measuredOf } from '../../runtime/lengths.ts';
import type { Measured } from '../../runtime/lengths.ts';
import { loadPredictor } from '../../runtime/predictor.ts';
import type { ServedModel } from '../../runtime/predictor.ts';
import { requireReady } from '../ready.ts';
import { UPLOADED_FAMILY } from '../../resources/model-ref.ts';
import { versionId } from '../../stores/catalog.ts';
import { paths } from '../../stores/objects.ts';
import type { TenantStores } from '../../stores/tenant-stores.ts';
import { notFound } from '../context.ts';
import { chooseVersion } from '../split.ts';
import { RecentReads } from './recent-reads.ts';

/** How long an alias may lag behind, and a deleted version live on, in ms. */
const ALIAS_TTL_MS = 5_000;

export interface LoadedModel {
  readonly name: string;
  readonly version: number;
  readonly predictor: ServedModel;
  /** It had to be loaded for this call. */
  readonly isCold: boolean;
}

/** What the catalog says of a version's file. */
interface ModelFile {
  readonly sha256: string;
  readonly bytes: number;
  readonly isForeign: boolean;
  /** Of an uploaded model: what its trial run took, of one row of which size, and whether values decide how long others take. */
  readonly trial?: Measured;
  readonly hangsOnData?: boolean;
}

export class ModelCache {
  readonly #stores: TenantStores;
  readonly #threads: number;
  readonly #aliases: RecentReads<AliasTarget>;
  /** Versions that were there a moment ago. */
  readonly #files: RecentReads<ModelFile>;
  /** SHA-256 of what is loaded, however long ago. */
  readonly #loadedFiles = new LRUCache<string, string>({ max: 10_000 });
  readonly #loaded: LRUCache<string, ServedModel>;
  readonly #loading = new Map<string, Promise<ServedModel>>();

  constructor(
    stores: TenantStores,
    options: { threads: number; maxBytes: number; clock: Clock; afterwards: Afterwards },
  ) {
    this.#stores = stores;
    this.#threads = options.threads;
    this.#aliases = new RecentReads(options, ALIAS_TTL_MS);
    this.#files = new RecentReads(options, ALIAS_TTL_MS);
    this.#loaded = new LRUCache({
      maxSize: options.maxBytes,
      sizeCalculation: ({ sizeBytes }) => sizeBytes,
      dispose: (predictor) => void predictor.release(),
    });
  }

  /** The model of a reference. @throws {ServiceError} not_found, model_not_ready */
  async get(ref: ModelRef): Promise<LoadedModel> {
    const version = ref.version ?? (await this.#resolve(ref));
    const key = `${ref.name}:${version}`;
    const file = await this.#fileOf(key, ref.name, version);
    const warm = this.#loaded.get(key);
    const predictor = warm ?? (await this.#load(key, paths.model(ref.name, version), file));
    return { name: ref.name, version, predictor, isCold: warm === undefined };
  }

  /** Frees the memory of a model's version. @throws {ServiceError} not_found */
  async drop(ref: ModelRef): Promise<void> {
    const version = ref.version ?? (await this.#resolve(ref));
    if ((await this.#stores.catalog.versions(ref.name).get(versionId(version))) === undefined)
      throw notFound('model', `${ref.name}:${version}`);
    this.#loaded.delete(`${ref.name}:${version}`);
  }

  async #resolve(ref: ModelRef): Promise<number> {
    const alias = ref.alias ?? 'latest';
    const key = `${ref.name}@${alias}`;
    const by = { alias: key, user: ref.user };
    return chooseVersion(await this.#aliases.get(key, () => this.#targetOf(ref, alias)), by);
  }

  async #targetOf(ref: ModelRef, alias: string): Promise<AliasTarget> {
    const model = await this.#stores.catalog.models.get(ref.name);
    const target = alias === 'latest' ? model?.latest_version : targetOf(model?.aliases ?? {}, alias);
    if (target === 0)
      throw new ServiceError('model_not_ready', `${ref.name} has no version that is ready`, { retryAfterS: 2 });
    if (target === undefined) throw notFound('model', ref.alias === undefined ? ref.name : `${ref.name}@${alias}`);
    return target;
  }

  /** A version that was deleted is not served on; a number may come again after its model was erased. */
  async #fileOf(key: string, name: string, version: number): Promise<ModelFile> {
    const file = await this.#files
      .get(key, () => this.#readFile(key, name, version))
      .catch((error: unknown) => {
        if (error instanceof ServiceError) this.#loaded.delete(key);
        throw error;
      });
    if (this.#loadedFiles.get(key) !== file.sha256) this.#loaded.delete(key);
    this.#loadedFiles.set(key, file.sha256);
    return file;
  }

  async #readFile(key: string, name: string, version: number): Promise<ModelFile> {
    const record = await this.#stores.catalog.versions(name).get(versionId(version));
    if (record === undefined) throw notFound('model', key);
    requireReady(record);
    const { sha256, bytes, family, lint } = record;
    const { run_seconds: seconds, inputs = {} } = lint?.trial ?? {};
    const trial = seconds === undefined ? {} : { trial: measuredOf(Object.values(inputs), seconds) };
    // Reports of before it was looked into name the operators alone.
    const { ops, work_hangs_on_data: hangsOnData = ops?.['Loop'] !== undefined } = lint?.content ?? {};
    return { sha256, bytes, isForeign: family === UPLOADED_FAMILY, ...trial, hangsOnData };
  }

  /** Loads once, however many requests wait for it. */
  async #load(key: string, path: string, file: ModelFile): Promise<ServedModel> {
    const loading = this.#loading.get(key) ?? this.#fetch(key, path, file).finally(() => this.#loading.delete(key));
    this.#loading.set(key, loading);
    const predictor = await loading;
    this.#loaded.set(key, predictor);
    return predictor;
  }

  /** The file of a model, for as long as it is used. @throws {ServiceError} not_found, model_not_ready */
  async withFile<T>({ name, version }: LoadedModel, use: (file: string) => Promise<T>): Promise<T> {
    const key = `${name}:${version}`;
    return this.#download(key, { path: paths.model(name, version), file: await this.#fileOf(key, name, version) }, use);
  }

  #fetch(key: string, path: string, file: ModelFile): Promise<ServedModel> {
    const threads = this.#threads;
    const { isForeign, trial, hangsOnData } = file;
    return this.#download(key, { path, file }, (name) =>
      isForeign ? loadForeignModel(name, { threads, trial, hangsOnData }) : loadPredictor(name, { threads }),
    );
  }

  async #download<T>(
    key: string,
    { path, file: { sha256, bytes } }: { path: string; file: ModelFile },
    use: (file: string) => Promise<T>,
  ): Promise<T> {
    const folder = await mkdtemp(join(tmpdir(), 'model-'));
    try {
      const file = join(folder, 'model.onnx');
      const isThere = await this.#stores.objects.download(path, file, bytes);
      if (!isThere || (await sha256Of(file)) !== sha256) {
        this.#files.forget(key);
        throw new ServiceError('model_not_ready', `${key} is being published`, { retryAfterS: 1 });
      }
      return await use(file);
    } finally {
      await rm(folder, { recursive: true });
    }
  }
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
