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
 *
 * Batches lease nothing: what a part of one has predicted is taken before the part counts, and `take#<lane>` in the month's item
 * says up to which row.
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

/** What a lane of a batch has taken for good, up to a row. */
interface Take {
  readonly holder: string;
  readonly day: string;
  /** The row behind the last one that it was taken for. */
  readonly through: number;
  readonly granted: number;
  readonly ended?: boolean;
  readonly expires_at?: number;
}

const LEASE = 'lease#';
const TAKE = 'take#';
const MAX_TRIES = 100;
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

  /** What is left of the month, leases that nobody holds any more brought back. */
  async room(limit: number, day = dayOf(this.#clock.nowMs())): Promise<number> {
    const left = async (): Promise<number> => limit - Number((await this.#items.get(monthKey(day)))?.['used'] ?? 0);
    const room = await left();
    return room > 0 || (await this.sweep(day)) === 0 ? room : left();
  }

  /**
   * Takes units for good, as many of them as the month has room for. A holder takes in the order of its rows: taken again up to the
   * same row, after a crash, it is taken once.
   * @returns how many were granted
   */
  async take(wanted: Omit<Take, 'granted'> & { units: number }, limit: number): Promise<number> {
    const { holder, day, through, units } = wanted;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const item = await this.#items.get(monthKey(day));
      const before = item?.[TAKE + holder] as Take | undefined;
      if (before !== undefined && before.through >= through) return before.granted;
      const room = limit - Number(item?.['used'] ?? 0);
      if (room < units && (await this.sweep(day)) > 0) continue;
      const granted = Math.min(units, room);
      if (granted <= 0) return 0;
      const after: Take = { holder, day, through, granted };
      const updated = await this.#items.update(monthKey(day), {
        expression: 'SET #take = :take ADD used :granted',
        condition: `(attribute_not_exists(used) OR used <= :room) AND ${
          before === undefined ? 'attribute_not_exists(#take)' : '#take.through = :before'
        }`,
        names: { '#take': TAKE + holder },
        values: {
          ':take': after,
          ':granted': granted,
          ':room': limit - granted,
          ...(before === undefined ? {} : { ':before': before.through }),
        },
      });
      if (updated !== undefined) return granted;
    }
    throw new Error(`others took predictions ${MAX_TRIES} times in between`);
  }

  /** Nothing more will be taken by this holder: what it took stays, and its note goes once no copy of a write can arrive. */
  async endTakes({ holder, day }: Pick<Take, 'holder' | 'day'>): Promise<void> {
    await this.#items.update(monthKey(day), {
      expression: 'SET #take.ended = :ended, #take.expires_at = :until',
      condition: 'attribute_exists(#take)',
      names: { '#take': TAKE + holder },
      values: { ':ended': true, ':until': epochS(this.#clock) + ENDED_KEPT_S },
    });
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
    await Promise.all(endedOf(item, nowS).map((name) => this.#forget(monthKey(day), name)));
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

  async #forget(month: string, marker: string): Promise<void> {
    await this.#items.update(month, {
      expression: 'REMOVE #marker',
      condition: '#marker.ended = :ended',
      names: { '#marker': marker },
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
  const all = Object.entries(item ?? {}).flatMap(([name, value]) => (name.startsWith(LEASE) ? [value as Lease] : []));
  return all.filter(({ ended }) => ended !== true);
}

/** Names of what stands for leases and takes that ended long enough ago. */
function endedOf(item: Item | undefined, nowS: number): string[] {
  return Object.entries(item ?? {}).flatMap(([name, value]) => {
    if (!name.startsWith(LEASE) && !name.startsWith(TAKE)) return [];
    const { ended = false, expires_at: at = Infinity } = value as Partial<Take>;
    return ended && at < nowS ? [name] : [];
  });
}
