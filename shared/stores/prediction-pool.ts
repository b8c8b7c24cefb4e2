/**
 * A tenant's predictions of the month, and the leases on them. Two kinds of items, each changed by one conditional write:
 *
 * - `MONTH#<month>#predictions`: `used` counts every unit that was served or is leased out, so that it can never pass the limit;
 *   beside it stands each lease (`lease#<holder>`): its units, and how many of them its holder may have served (`may`).
 * - `USAGE#<day>#<holder>`: the holder's running totals with their own number (`seq`): served, `may` again, the entries to bill.
 *
 * `may` is written BEFORE units are served. So what a holder that died can have served is known to be at most `may`: that much
 * stays counted, the rest of its lease comes back. Before it comes back the holder's record is closed, under a condition on its
 * number: a holder that only seemed dead finds it closed and takes a new lease.
 */
import type { Clock } from '../clock.ts';
import { epochS } from '../clock.ts';
import type { Item, Items } from './items.ts';
import { dayOf, entriesOf, usageKey } from './usage.ts';
import type { UsageEntry } from './usage.ts';

/** A lease as the month's item knows it. */
export interface Lease {
  readonly holder: string;
  readonly day: string;
  readonly seq: number;
  /** Of the write that made it so: tells a write whose answer was lost from another's. */
  readonly nonce: string;
  readonly units: number;
  readonly may: number;
  readonly expires_at: number;
  /** What stands for a lease that ended, so that a late copy of its first write cannot make it again. */
  readonly ended?: boolean;
}

/** A holder's totals as its own item keeps them. */
export interface HolderRecord {
  readonly holder: string;
  readonly day: string;
  readonly seq: number;
  /** `seq` of the lease when this was written: tells which of the two `may` is the newer. */
  readonly lease_seq: number;
  readonly served: number;
  readonly may: number;
  readonly expires_at: number;
  readonly entries: readonly UsageEntry[];
  readonly closed?: 'returned' | 'expired' | 'erased';
}

export type LeaseAnswer =
  /** With every lease of the month, where the write's answer told them. */
  | { readonly kind: 'leased'; readonly leases: readonly Lease[] }
  | { readonly kind: 'refused' }
  | { readonly kind: 'other'; readonly lease?: Lease };

const LEASE = 'lease#';
/** A signed request is refused after 15 minutes: until then a copy of it may still arrive. */
const ENDED_KEPT_S = 20 * 60;
const ALIVE = 'attribute_not_exists(closed) AND (attribute_not_exists(seq) OR seq < :seq)';

export class PredictionPool {
  readonly #items: Items;
  readonly #clock: Clock;

  constructor(items: Items, clock: Clock) {
    this.#items = items;
    this.#clock = clock;
  }

  /**
   * Grows a lease (or makes it, when `before` is undefined) if the month has room for `units` more.
   * @param room what may be used of the month, these units included
   * @returns `leased`, `refused` for lack of room, or the lease as it is where it is not what `before` says
   */
  async lease(before: Lease | undefined, after: Lease, room: number): Promise<LeaseAnswer> {
    const more = after.units - (before?.units ?? 0);
    const updated = await this.#items.update(monthKey(after.day), {
      expression: 'SET #lease = :lease ADD used :more',
      condition: `(attribute_not_exists(used) OR used <= :room) AND ${
        before === undefined ? 'attribute_not_exists(#lease)' : '#lease.seq = :before'
      }`,
      names: { '#lease': LEASE + after.holder },
      values: {
        ':lease': after,
        ':more': more,
        ':room': room - more,
        ...(before === undefined ? {} : { ':before': before.seq }),
      },
    });
    // `attribute_not_exists(used)` lets any first lease pass.
    if (updated !== undefined) return { kind: 'leased', leases: leasesOf(updated) };
    const now = await this.ofHolder(after);
    // The answer to an earlier try was lost.
    if (now?.nonce === after.nonce) return { kind: 'leased', leases: [] };
    return now?.seq === before?.seq ? { kind: 'refused' } : { kind: 'other', ...(now && { lease: now }) };
  }

  async ofHolder({ day, holder }: Pick<Lease, 'day' | 'holder'>): Promise<Lease | undefined> {
    return leasesOf(await this.#items.get(monthKey(day))).find((lease) => lease.holder === holder);
  }

  /** Ends a lease; what was not served of it is free again. @returns whether it was as `lease` says */
  async end(lease: Lease, served: number): Promise<boolean> {
    const keptUntil = epochS(this.#clock) + ENDED_KEPT_S;
    const ended = await this.#items.update(monthKey(lease.day), {
      expression: 'SET #lease = :ended ADD used :less',
      condition: '#lease.nonce = :nonce',
      names: { '#lease': LEASE + lease.holder },
      values: {
        ':less': served - lease.units,
        ':nonce': lease.nonce,
        ':ended': { ...lease, seq: -1, nonce: '', units: 0, may: 0, ended: true, expires_at: keptUntil },
      },
    });
    return ended !== undefined;
  }

  /** Writes a holder's totals. @returns undefined, or the record as it stands where it was closed meanwhile */
  async record(record: HolderRecord): Promise<HolderRecord | undefined> {
    const { entries, closed, holder: _, ...rest } = record;
    const fields = { ...rest, entries: JSON.stringify(entries), ...(closed === undefined ? {} : { closed }) };
    const written = await this.#items.update(recordKey(record), {
      expression: `SET ${Object.keys(fields)
        .map((name) => `#${name} = :${name}`)
        .join(', ')}`,
      condition: ALIVE,
      names: Object.fromEntries(Object.keys(fields).map((name) => [`#${name}`, name])),
      values: Object.fromEntries(Object.entries(fields).map(([name, value]) => [`:${name}`, value])),
    });
    if (written !== undefined) return undefined;
    const stands = await this.#recordOf(record);
    // Our own write, whose answer was lost.
    if (stands?.closed === closed && stands !== undefined && stands.seq >= record.seq) return undefined;
    return stands;
  }

  /** How many predictions of this month were served. */
  async served(): Promise<number> {
    const item = await this.#items.get(monthKey(dayOf(this.#clock.nowMs())));
    const leases = leasesOf(item);
    const records = await Promise.all(leases.map((lease) => this.#recordOf(lease)));
    const unserved = leases.reduce((sum, lease, i) => sum + lease.units - (records[i]?.served ?? 0), 0);
    return Number(item?.['used'] ?? 0) - unserved;
  }

  /** Brings back what holders had leased that died. @returns how many leases ended */
  async sweep(day = dayOf(this.#clock.nowMs())): Promise<number> {
    const nowS = epochS(this.#clock);
    const item = await this.#items.get(monthKey(day));
    const forgotten = markersOf(item).filter(({ ended, expires_at: at }) => ended === true && at < nowS);
    await Promise.all(forgotten.map((marker) => this.#forget(marker)));
    const expired = leasesOf(item).filter((lease) => lease.expires_at < nowS);
    const ended = await Promise.all(expired.map((lease) => this.#expire(lease, nowS)));
    return ended.filter(Boolean).length;
  }

  async #expire(lease: Lease, nowS: number): Promise<boolean> {
    const record = await this.#recordOf(lease);
    if (record !== undefined && record.closed === undefined) {
      if (record.expires_at >= nowS) return false;
    }
    if (record?.closed === undefined && !(await this.#close(lease, record))) return false;
    const isNewer = record !== undefined && record.lease_seq >= lease.seq;
    return this.end(lease, record?.closed === 'returned' ? record.served : isNewer ? record.may : lease.may);
  }

  async #forget({ day, holder }: Lease): Promise<void> {
    await this.#items.update(monthKey(day), {
      expression: 'REMOVE #lease',
      condition: '#lease.ended = :ended',
      names: { '#lease': LEASE + holder },
      values: { ':ended': true },
    });
  }

  /** Closes the record of a holder that seems dead. @returns false where it has written meanwhile */
  async #close(lease: Lease, record: HolderRecord | undefined): Promise<boolean> {
    const closed = await this.#items.update(recordKey(lease), {
      expression: 'SET closed = :expired, #day = :day',
      condition: `attribute_not_exists(closed) AND ${record === undefined ? 'attribute_not_exists(seq)' : 'seq = :seq'}`,
      names: { '#day': 'day' },
      values: { ':expired': 'expired', ':day': lease.day, ...(record === undefined ? {} : { ':seq': record.seq }) },
    });
    return closed !== undefined;
  }

  async #recordOf(of: { day: string; holder: string }): Promise<HolderRecord | undefined> {
    const item = await this.#items.get(recordKey(of));
    if (item === undefined) return undefined;
    const number = (name: string): number => Number(item[name] ?? 0);
    const closed = item['closed'] as HolderRecord['closed'];
    return {
      holder: of.holder,
      day: of.day,
      seq: number('seq'),
      lease_seq: number('lease_seq'),
      served: number('served'),
      may: number('may'),
      expires_at: number('expires_at'),
      entries: entriesOf(item['entries']),
      ...(closed === undefined ? {} : { closed }),
    };
  }
}

function monthKey(day: string): string {
  return `MONTH#${day.slice(0, 7)}#predictions`;
}

function recordKey({ day, holder }: { day: string; holder: string }): string {
  return usageKey(day, holder);
}

function leasesOf(item: Item | undefined): Lease[] {
  return markersOf(item).filter(({ ended }) => ended !== true);
}

/** Leases, and what stands for those that ended. */
function markersOf(item: Item | undefined): Lease[] {
  return Object.entries(item ?? {}).flatMap(([name, value]) => (name.startsWith(LEASE) ? [value as Lease] : []));
}
