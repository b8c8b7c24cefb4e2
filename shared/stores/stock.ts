/**
 * How much of something a tenant keeps: bytes, models. What is taken is taken for a thing, by its id, and stays pending until the
 * thing is there: taken again after a crash it is taken once. Of bytes the item also keeps, for each day, what came and went and
 * when (as a sum of amount times second of the day), from which byte-hours follow without anybody having to look at midnight.
 */
import type { Clock } from '../clock.ts';
import type { Item, Items } from './items.ts';
import { dayOf } from './usage.ts';

const DAY_S = 86_400;
const KIB = 1024;
const KIB_SECONDS_PER_GB_HOUR = 1024 ** 2 * 3_600;

export class Stock {
  readonly #items: Items;
  readonly #sk: string;
  readonly #clock: Clock;

  constructor(items: Items, sk: string, clock: Clock) {
    this.#items = items;
    this.#sk = sk;
    this.#clock = clock;
  }

  /** Takes `n` for a thing if there is room for it. @returns whether there was, also where it was taken for it before */
  async take(id: string, n: number, limit: number): Promise<boolean> {
    const taken = await this.#change(n, {
      set: 'ADD',
      id,
      condition:
        '(attribute_not_exists(pending) OR NOT contains(pending, :id)) AND (attribute_not_exists(used) OR used <= :room)',
      values: { ':room': limit - n },
      // A first unit would pass whatever the limit.
      isPossible: n <= limit,
    });
    if (taken !== undefined) return true;
    const pending = (await this.#items.get(this.#sk))?.['pending'];
    return pending instanceof Set && pending.has(id);
  }

  /** The thing is there: what was taken for it stays. */
  async confirm(id: string): Promise<void> {
    await this.#items.update(this.#sk, { expression: 'DELETE pending :ids', values: { ':ids': new Set([id]) } });
  }

  /** The thing will not be: what was taken for it is free again, once. */
  async undo(id: string, n: number): Promise<void> {
    await this.#change(-n, { set: 'DELETE', id, condition: 'contains(pending, :id)', values: {}, isPossible: true });
  }

  /** The thing is gone: told by whoever removed it, once. */
  async giveBack(n: number): Promise<void> {
    await this.#items.update(this.#sk, this.#changeOf(-n));
  }

  async used(): Promise<number> {
    return Number((await this.#items.get(this.#sk))?.['used'] ?? 0);
  }

  /** GB-hours (2^30 bytes) of each day from `from` to `to`, of today so far; days without any are left out. */
  async gbHours(from: string, to: string): Promise<readonly { day: string; gbHours: number }[]> {
    const item = await this.#items.get(this.#sk);
    const nowMs = this.#clock.nowMs();
    const days = daysOf(item);
    const hours: { day: string; gbHours: number }[] = [];
    let kib = days.filter(({ day }) => day < from).reduce((sum, { delta }) => sum + delta, 0);
    for (let atMs = Date.parse(from); dayOf(atMs) <= to && atMs <= nowMs; atMs += DAY_S * 1000) {
      const day = dayOf(atMs);
      const lengthS = Math.min(DAY_S, Math.floor((nowMs - atMs) / 1000));
      const { delta = 0, moment = 0 } = days.find((known) => known.day === day) ?? {};
      // The integral of what was kept: each change counts from its own second on.
      const kibSeconds = kib * lengthS + delta * lengthS - moment;
      if (kibSeconds > 0) hours.push({ day, gbHours: kibSeconds / KIB_SECONDS_PER_GB_HOUR });
      kib += delta;
    }
    return hours;
  }

  async #change(
    n: number,
    what: {
      set: 'ADD' | 'DELETE';
      id: string;
      condition: string;
      values: Record<string, unknown>;
      isPossible: boolean;
    },
  ): Promise<Item | undefined> {
    if (!what.isPossible) return undefined;
    const { expression, names, values } = this.#changeOf(n);
    return this.#items.update(this.#sk, {
      expression: what.set === 'ADD' ? `${expression}, pending :ids` : `${expression} DELETE pending :ids`,
      condition: what.condition,
      names,
      values: { ...values, ...what.values, ':ids': new Set([what.id]), ':id': what.id },
    });
  }

  #changeOf(n: number): { expression: string; names: Record<string, string>; values: Record<string, unknown> } {
    const nowMs = this.#clock.nowMs();
    const day = dayOf(nowMs);
    const second = Math.floor((nowMs - Date.parse(day)) / 1000);
    const kib = Math.sign(n) * Math.ceil(Math.abs(n) / KIB);
    return {
      expression: 'ADD used :n, #delta :kib, #moment :moment',
      names: { '#delta': `delta#${day}`, '#moment': `moment#${day}` },
      values: { ':n': n, ':kib': kib, ':moment': kib * second },
    };
  }
}

function daysOf(item: Item | undefined): { day: string; delta: number; moment: number }[] {
  return Object.entries(item ?? {}).flatMap(([name, value]) => {
    const day = /^delta#(.*)$/.exec(name)?.[1];
    return day === undefined ? [] : [{ day, delta: Number(value), moment: Number(item?.[`moment#${day}`] ?? 0) }];
  });
}
