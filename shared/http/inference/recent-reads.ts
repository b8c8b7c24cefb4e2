/**
 * What was read of the catalog a moment ago, and may be that old and no older. Who asks after half of that time is answered at once,
 * and it is read again behind the answer, or beside it: an environment that is called often enough never waits for it.
 */
import { LRUCache } from 'lru-cache';
import type { Afterwards } from '../../afterwards.ts';
import type { Clock } from '../../clock.ts';

const MAX_ENTRIES = 10_000;

interface Entry<V> {
  readonly value: V;
  /** Before it was read: an environment may be frozen while an answer is on its way. */
  readonly askedMs: number;
}

export class RecentReads<V extends object | number> {
  readonly #clock: Clock;
  readonly #afterwards: Afterwards;
  readonly #ttlMs: number;
  readonly #entries = new LRUCache<string, Entry<V>>({ max: MAX_ENTRIES });
  readonly #underway = new Set<string>();

  constructor({ clock, afterwards }: { clock: Clock; afterwards: Afterwards }, ttlMs: number) {
    this.#clock = clock;
    this.#afterwards = afterwards;
    this.#ttlMs = ttlMs;
  }

  /** @param read what throws is not kept */
  async get(key: string, read: () => Promise<V>): Promise<V> {
    const known = this.#entries.get(key);
    const ageMs = known === undefined ? Infinity : this.#clock.nowMs() - known.askedMs;
    if (known === undefined || ageMs >= this.#ttlMs) return this.#read(key, read);
    if (ageMs >= this.#ttlMs / 2) this.#readBeside(key, read);
    return known.value;
  }

  forget(key: string): void {
    this.#entries.delete(key);
  }

  async #read(key: string, read: () => Promise<V>): Promise<V> {
    const askedMs = this.#clock.nowMs();
    try {
      const value = await read();
      this.#entries.set(key, { value, askedMs });
      return value;
    } catch (error) {
      this.#entries.delete(key);
      throw error;
    }
  }

  /** What it throws is for the next call, which asks again. */
  #readBeside(key: string, read: () => Promise<V>): void {
    if (this.#underway.has(key)) return;
    this.#underway.add(key);
    this.#afterwards.do(() =>
      this.#read(key, read)
        .catch(() => undefined)
        .finally(() => this.#underway.delete(key)),
    );
  }
}
