/**
 * What a tenant used, as it is billed: one item for each job and for each holder of a prediction lease and day. An item holds
 * running totals that are set, never added to, so that writing it again changes nothing. Names of models and keys stand in the
 * entries and not in keys.
 */
import type { Items } from './items.ts';

/** Use of one model through one key at one price. */
export interface UsageEntry {
  readonly model: string;
  readonly key: string;
  readonly price_version: number;
  readonly requests: number;
  readonly predictions: number;
  readonly inference_gb_seconds: number;
  readonly training_gb_seconds: number;
  /** Whole nano-dollars: sums are exact. */
  readonly nano_usd: number;
}

export interface DatedEntry extends UsageEntry {
  /** YYYY-MM-DD, UTC */
  readonly day: string;
}

/** In the place of names that were erased; no model and no key can have this name. */
export const ERASED = '(erased)';

export class Usage {
  readonly #items: Items;

  constructor(items: Items) {
    this.#items = items;
  }

  /** Sets the usage of one job under its own item, so that settling it again changes nothing. */
  async recordJob(job: { id: string; day: string }, entry: UsageEntry): Promise<void> {
    await this.#items.update(usageKey(job.day, job.id), {
      expression: 'SET #day = :day, entries = :entries',
      names: { '#day': 'day' },
      values: { ':day': job.day, ':entries': JSON.stringify([entry]) },
    });
  }

  /** Entries of the days `from` to `to` (YYYY-MM-DD, both included). */
  async between(from: string, to: string): Promise<readonly DatedEntry[]> {
    const items = await this.#items.between(usageKey(from, ''), usageKey(to, '\u{10FFFF}'));
    return items.flatMap((item) => entriesOf(item['entries']).map((entry) => ({ ...entry, day: String(item['day']) })));
  }

  /**
   * Takes the names of models and keys out of every entry, until it is due; amounts stay, for the bill.
   * @returns how many items there are, and whether all are without names
   */
  async anonymise(isDue: () => boolean = () => false): Promise<{ items: number; isDone: boolean }> {
    const items = await this.#items.between(usageKey('', ''), usageKey('\u{10FFFF}', ''));
    for (const item of items) {
      const named = entriesOf(item['entries']);
      const isNameless = named.every(({ model, key }) => model === ERASED && key === ERASED);
      if (isNameless && item['closed'] !== undefined) continue;
      if (isDue()) return { items: items.length, isDone: false };
      const entries = named.map((entry) => ({ ...entry, model: ERASED, key: ERASED }));
      await this.#items.update(String(item['sk']), {
        // A holder that still has names in its memory cannot write them here any more.
        expression: 'SET entries = :entries, closed = if_not_exists(closed, :erased)',
        values: { ':entries': JSON.stringify(entries), ':erased': 'erased' },
      });
    }
    return { items: items.length, isDone: true };
  }

  /** Removes every item. @returns how many */
  async remove(): Promise<number> {
    const items = await this.#items.between(usageKey('', ''), usageKey('\u{10FFFF}', ''));
    for (const item of items) await this.#items.delete(String(item['sk']));
    return items.length;
  }
}

export function usageKey(day: string, id: string): string {
  return `USAGE#${day}${id === '' ? '' : '#'}${id}`;
}

export function entriesOf(json: unknown): readonly UsageEntry[] {
  return typeof json === 'string' ? (JSON.parse(json) as UsageEntry[]) : [];
}

const DAY_MS = 86_400_000;
let lastDay = { number: Number.NaN, text: '' };

/** The UTC day of a time, YYYY-MM-DD. */
export function dayOf(nowMs: number): string {
  const number = Math.floor(nowMs / DAY_MS);
  // Asked for several times a prediction, nearly always of the same day.
  if (number !== lastDay.number) lastDay = { number, text: new Date(nowMs).toISOString().slice(0, 10) };
  return lastDay.text;
}
