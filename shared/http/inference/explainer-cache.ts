/** Explainers in memory beside the models that predict: their sessions are others, and are made at the first question. */
import { LRUCache } from 'lru-cache';
import type { Explainer } from '../../explain/explainer.ts';
import type { StoredBackground } from '../../explain/background.ts';
import { paths } from '../../stores/objects.ts';
import type { TenantStores } from '../../stores/tenant-stores.ts';
import type { LoadedModel } from './model-cache.ts';

/** A model's own session and one with its gradients, each about the size of the predictor's. */
const SIZE_FACTOR = 3;

export class ExplainerCache {
  readonly #stores: TenantStores;
  readonly #threads: number;
  readonly #explainers: LRUCache<string, Explainer>;

  constructor(stores: TenantStores, options: { threads: number; maxBytes: number }) {
    this.#stores = stores;
    this.#threads = options.threads;
    this.#explainers = new LRUCache({
      maxSize: options.maxBytes,
      dispose: (explainer) => void explainer.release(),
    });
  }

  /** The explainer of a model that is loaded. */
  async get({ name, version, predictor }: LoadedModel): Promise<Explainer> {
    const key = `${name}:${version}`;
    const known = this.#explainers.get(key);
    if (known !== undefined) return known;
    // Most environments only ever predict: what explanations need is loaded with the first of them.
    const { Explainer } = await import('../../explain/explainer.ts');
    const { objects } = this.#stores;
    const bytes = await objects.read(paths.model(name, version));
    const background = await objects.get(paths.background(name, version));
    const stored =
      background === undefined ? undefined : (JSON.parse(Buffer.from(background).toString('utf8')) as StoredBackground);
    const explainer = new Explainer(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), {
      threads: this.#threads,
      stored,
      isForeign: predictor.schema === undefined,
    });
    this.#explainers.set(key, explainer, { size: predictor.sizeBytes * SIZE_FACTOR });
    return explainer;
  }
}
