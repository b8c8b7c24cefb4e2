/** What a holder of a prediction lease keeps in memory between two writes: what it may serve, has served, and is to be billed. */
import { toNanoUsd } from '../tenancy/price.ts';
import type { PriceList } from '../tenancy/price.ts';
import type { Lease } from './prediction-pool.ts';
import { ERASED } from './usage.ts';
import type { UsageEntry } from './usage.ts';

/** One use of a model that was served. */
export interface Served {
  readonly model: string;
  readonly key: string;
  readonly prices: PriceList;
  readonly predictions: number;
  readonly gbSeconds: number;
}

interface Running extends Omit<UsageEntry, 'nano_usd'> {
  readonly prices: PriceList | undefined;
  /** Amounts taken over from another holder's record. */
  readonly carried_nano_usd: number;
}

export class Grant {
  readonly holder: string;
  readonly day: string;
  /** As the month's item has it, as far as we know. */
  lease: Lease | undefined;
  /** Number of the last write of our record. */
  seq = 0;
  /** Written ahead: so many units may be taken without a write. */
  may = 0;
  expiresAtS = 0;
  taken = 0;
  served = 0;
  inFlight = 0;
  writtenAtMs = 0;
  isDirty = false;
  /** Its record was closed by another. */
  isFenced = false;
  readonly #entries = new Map<string, Running>();

  constructor(holder: string, day: string) {
    this.holder = holder;
    this.day = day;
  }

  /** Takes over what another record could not take any more. */
  carry(entries: readonly UsageEntry[]): void {
    for (const { nano_usd: nanoUsd, ...entry } of entries) {
      const key = `carried ${this.#entries.size} ${keyOf(entry)}`;
      this.#entries.set(key, { ...entry, prices: undefined, carried_nano_usd: nanoUsd });
      this.isDirty = true;
    }
  }

  add(use: Served): void {
    const identity = { model: use.model, key: use.key, price_version: use.prices.version };
    const known = this.#entries.get(keyOf(identity));
    this.#entries.set(keyOf(identity), {
      ...identity,
      requests: (known?.requests ?? 0) + 1,
      predictions: (known?.predictions ?? 0) + use.predictions,
      inference_gb_seconds: (known?.inference_gb_seconds ?? 0) + use.gbSeconds,
      training_gb_seconds: 0,
      prices: use.prices,
      carried_nano_usd: 0,
    });
    this.isDirty = true;
  }

  /** Totals so far. An amount is rounded once, from the total, and not once a request. */
  entries(): readonly UsageEntry[] {
    return [...this.#entries.values()].map(({ prices, carried_nano_usd: carried, ...entry }) => ({
      ...entry,
      nano_usd:
        prices === undefined
          ? carried
          : toNanoUsd(
              entry.requests * prices.request_usd +
                entry.predictions * prices.prediction_usd +
                entry.inference_gb_seconds * prices.inference_gb_second_usd,
            ),
    }));
  }
}

const AMOUNTS = ['requests', 'predictions', 'inference_gb_seconds', 'training_gb_seconds', 'nano_usd'] as const;

/** What is in `ours` and not yet in the record that was closed; without names where they were erased from it. */
export function unbilled(ours: readonly UsageEntry[], closed: readonly UsageEntry[], isErased: boolean): UsageEntry[] {
  const named = (entry: UsageEntry): UsageEntry => (isErased ? { ...entry, model: ERASED, key: ERASED } : entry);
  const groups = Map.groupBy(ours.map(named), keyOf);
  return [...groups].flatMap(([key, group]) => {
    const left: { -readonly [K in keyof UsageEntry]: UsageEntry[K] } = { ...group[0]! };
    for (const amount of AMOUNTS) {
      const sum = (entries: readonly UsageEntry[]): number => entries.reduce((total, e) => total + e[amount], 0);
      left[amount] = sum(group) - sum(closed.filter((entry) => keyOf(entry) === key));
    }
    return left.requests > 0 || left.nano_usd > 0 ? [left] : [];
  });
}

function keyOf(entry: Pick<UsageEntry, 'model' | 'key' | 'price_version'>): string {
  return `${entry.model} ${entry.key} ${entry.price_version}`;
}
