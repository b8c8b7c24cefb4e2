/**
 * A tenant's training seconds of the month: one item, changed by one conditional write at a time. `used` counts whole seconds that
 * were trained or are leased out, so that it can never pass the limit. Beside it stand, while a job runs, the leases of its trainings
 * (`lease#<run>`: from which of the training's own seconds on, and up to which, it has them) and how many it has opened
 * (`opened#<job>`), so that a copy of a write that arrives late opens none. A training that dies and is run again goes on under its lease.
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { epochS } from '../clock.ts';
import type { Item, Items } from './items.ts';
import { dayOf } from './usage.ts';

export interface TrainingLease {
  /** `<job>/<segment>`, `<job>/<trial>/<segment>`, `<job>/publish`. */
  readonly run: string;
  readonly month: string;
  /** Seconds of the training itself, counted from its beginning. */
  readonly from: number;
  readonly to: number;
  /** Of the write that made it so. */
  readonly nonce: string;
  readonly expires_at: number;
}

export interface Wanted {
  readonly seconds: number;
  /** Of the month. */
  readonly limit: number;
}

const LEASE = 'lease#';
const OPENED = 'opened#';
/** Longer than an invocation of Lambda: whoever has not extended a lease by then does not run any more. */
const LEASE_S = 20 * 60;
const MAX_TRIES = 50;
const NEW = '';

export class TrainingPool {
  readonly #items: Items;
  readonly #clock: Clock;

  constructor(items: Items, clock: Clock) {
    this.#items = items;
    this.#clock = clock;
  }

  /** Seconds of this month that were trained or are leased out. */
  async used(): Promise<number> {
    return usedOf(await this.#read(this.#month()));
  }

  /**
   * Leases as many of the wanted seconds as the month has, or finds the lease that an attempt before this one had.
   * @param from what the training has taken already
   * @returns undefined when the month has none
   */
  async open(run: string, from: number, wanted: Wanted): Promise<TrainingLease | undefined> {
    const month = this.#month();
    const item = await this.#read(month);
    // What an earlier part of the same training has left: all that it has taken lies before this one.
    const left = leasesOf(item).filter((lease) => lease.run !== run && trainingOf(lease.run) === trainingOf(run));
    for (const lease of left) await this.end(lease, from);
    return this.#lease({ run, month, from, to: from, nonce: NEW, expires_at: 0 }, wanted, item);
  }

  /** Makes a lease longer by as many of the wanted seconds as the month has. @returns undefined when it has none */
  extend(lease: TrainingLease, wanted: Wanted): Promise<TrainingLease | undefined> {
    return this.#lease(lease, wanted);
  }

  /** Ends a lease at the second up to which the training has come: what lies behind it is free again. */
  async end({ run, month }: Pick<TrainingLease, 'run' | 'month'>, at: number): Promise<void> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const lease = leasesOf(await this.#read(month)).find((each) => each.run === run);
      if (lease === undefined || (await this.#remove(lease, at))) return;
    }
    throw new Error(`the lease of ${run} on training seconds changed hands ${MAX_TRIES} times`);
  }

  /** Ends what the attempts of a job have left that died. @param at up to which second the training of a lease has come */
  async endJob(job: string, sinceS: number, at: (lease: TrainingLease) => number | Promise<number>): Promise<void> {
    for (const month of monthsBetween(sinceS, epochS(this.#clock))) {
      const item = await this.#read(month);
      const left = leasesOf(item).filter(({ run }) => jobOf(run) === job);
      for (const lease of left) await this.end(lease, await at(lease));
      if (item?.[OPENED + job] === undefined) continue;
      await this.#items.update(monthKey(month), { expression: 'REMOVE #opened', names: { '#opened': OPENED + job } });
    }
  }

  async #lease(lease: TrainingLease, { seconds, limit }: Wanted, known?: Item): Promise<TrainingLease | undefined> {
    let item = known;
    let room = limit - usedOf(item);
    for (let tries = 0, isSwept = false; tries < MAX_TRIES; tries++) {
      const stands = leasesOf(item).find(({ run }) => run === lease.run);
      // Ours, by a write whose answer was lost; or that of an attempt before this one.
      if (stands !== undefined && stands.nonce !== lease.nonce) return stands;
      if (stands === undefined && lease.nonce !== NEW && tries > 0) return undefined;
      if (room < 1 && (isSwept || !(await this.#sweep(item)))) return undefined;
      isSwept ||= room < 1;
      const grown = room < 1 ? undefined : await this.#grow(lease, { seconds: Math.min(seconds, room), limit }, item);
      if (grown !== undefined) return grown;
      item = await this.#read(lease.month);
      room = limit - usedOf(item);
    }
    throw new Error(`${lease.run} was outrun by others ${MAX_TRIES} times when it asked for training seconds`);
  }

  async #grow(lease: TrainingLease, wanted: Wanted, item: Item | undefined): Promise<TrainingLease | undefined> {
    const more = Math.floor(wanted.seconds);
    const expiresAt = epochS(this.#clock) + LEASE_S;
    const grown: TrainingLease = { ...lease, to: lease.to + more, nonce: randomUUID(), expires_at: expiresAt };
    const opened = OPENED + jobOf(lease.run);
    const before = item?.[opened];
    const isNew = lease.nonce === NEW;
    const asBefore = isNew ? (before === undefined ? 'attribute_not_exists(#opened)' : '#opened = :before') : undefined;
    const updated = await this.#items.update(monthKey(lease.month), {
      expression: `SET #lease = :lease${isNew ? ', #opened = :opened' : ''} ADD used :more`,
      condition: `(attribute_not_exists(used) OR used <= :room) AND ${asBefore ?? '#lease.nonce = :nonce'}`,
      names: { '#lease': LEASE + lease.run, ...(isNew ? { '#opened': opened } : {}) },
      values: {
        ':lease': grown,
        ':more': more,
        ':room': wanted.limit - more,
        ...(isNew ? { ':opened': Number(before ?? 0) + 1 } : { ':nonce': lease.nonce }),
        ...(isNew && before !== undefined ? { ':before': before } : {}),
      },
    });
    return updated === undefined ? undefined : grown;
  }

  async #remove(lease: TrainingLease, at: number): Promise<boolean> {
    const unused = lease.to - Math.min(lease.to, Math.max(lease.from, Math.ceil(at)));
    const removed = await this.#items.update(monthKey(lease.month), {
      expression: 'REMOVE #lease ADD used :less',
      condition: '#lease.nonce = :nonce',
      names: { '#lease': LEASE + lease.run },
      values: { ':less': -unused, ':nonce': lease.nonce },
    });
    return removed !== undefined;
  }

  /** Brings back what is leased to jobs that do not run, by a copy of a write that arrived after their end. @returns whether there was any */
  async #sweep(item: Item | undefined): Promise<boolean> {
    const nowS = epochS(this.#clock);
    const running = (await this.#items.get('JOBS'))?.['running'];
    const isRunning = (run: string): boolean => running instanceof Set && running.has(jobOf(run));
    const orphans = leasesOf(item).filter(({ run, expires_at: at }) => at < nowS && !isRunning(run));
    for (const { run, from, expires_at: at } of orphans) await this.endJob(jobOf(run), at, () => from);
    return orphans.length > 0;
  }

  #read(month: string): Promise<Item | undefined> {
    return this.#items.get(monthKey(month));
  }

  #month(): string {
    return dayOf(this.#clock.nowMs()).slice(0, 7);
  }
}

/** The job that a lease is for. */
function jobOf(run: string): string {
  return run.split('/')[0]!;
}

/** The job or trial that a lease is for. */
function trainingOf(run: string): string {
  return run.slice(0, run.lastIndexOf('/'));
}

function usedOf(item: Item | undefined): number {
  return Number(item?.['used'] ?? 0);
}

function leasesOf(item: Item | undefined): TrainingLease[] {
  return Object.entries(item ?? {}).flatMap(([name, value]) =>
    name.startsWith(LEASE) ? [value as TrainingLease] : [],
  );
}

function monthKey(month: string): string {
  return `MONTH#${month}#training_seconds`;
}

/** YYYY-MM of every month from one time to another, epoch seconds. */
function monthsBetween(fromS: number, toS: number): string[] {
  const start = new Date(fromS * 1000);
  const months: string[] = [];
  for (let i = 0; ; i++) {
    const atMs = Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + i, 1);
    if (atMs > toS * 1000) return months;
    months.push(dayOf(atMs).slice(0, 7));
  }
}
