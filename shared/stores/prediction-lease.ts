/**
 * The lease of one execution environment on its tenant's predictions. A busy environment serves from memory: what it has served and
 * what it may serve next it writes about once or twice a second, and leases the next chunk before this one is used up; its calls do not
 * wait. One that is called less often writes every call, so that nothing is left unwritten when Lambda takes it away. What is written
 * is written behind an answer where the environment is kept awake for that; else beside it, and by one that is not busy before the
 * answer, and before it serves as well when it is called less than twice a second. Killed without a word, a busy one leaves at most the units of
 * its last second unbilled; those, or those of the next second, stay counted against the limit.
 */
import { randomUUID } from 'node:crypto';
import type { Afterwards } from '../afterwards.ts';
import type { Clock } from '../clock.ts';
import { epochS } from '../clock.ts';
import { Grant, unbilled } from './grant.ts';
import type { Served } from './grant.ts';
import type { HolderRecord, Lease, PredictionPool } from './prediction-pool.ts';
import { RecentCalls } from './recent-calls.ts';
import { dayOf } from './usage.ts';
import type { UsageEntry } from './usage.ts';

/** How long a holder may be silent before its lease comes back. */
const LEASE_S = 60;
/** Longer than an invocation can last: what was begun under a lease ends under it. */
const MARGIN_S = 30;
const WRITE_MS = 1_000;
const IDLE_WRITE_MS = 100;
/** From this many calls within a second an environment is busy: it will be called again before long. */
const BUSY_CALLS = 8;
/** From this many calls within a second on what may be served next is written with what was served, should nothing be done behind answers. */
const REPEATED_CALLS = 2;
/** What is foreseen is so much of what the last second asked for; when half a second of it is left, more is written. */
const AHEAD_SECONDS = 1.5;
/** A chunk has at least so many units, or what so many seconds ask for, ... */
const MIN_CHUNK = 1_000;
const CHUNK_SECONDS = 5;
/** ... and is this part of the limit at most. */
const CHUNKS = 500;
/** Chunks are taken as long as this part of the limit is not leased out; behind it every unit is for whoever asks for it. */
const FREE_PART = 0.9;
const MAX_TRIES = 6;
/** Who was refused for lack of room is refused as much for so long without asking again: a flood at the limit writes nothing. */
const REFUSED_MS = 1_000;

export interface LeaseOptions {
  readonly clock: Clock;
  readonly afterwards: Afterwards;
  /** Told of a write that failed and will be tried again. */
  readonly onDefect: (error: unknown) => void;
  /** Runs something a little later, should the environment still be awake. */
  readonly later: (ms: number, run: () => void) => void;
}

/** Units that were taken: settle them by one of the two, once. */
export interface Taken {
  served(use: Omit<Served, 'predictions'>): Promise<void>;
  failed(): Promise<void>;
}

export class PredictionLease {
  readonly #pool: PredictionPool;
  readonly #options: LeaseOptions;
  #grant: Grant;
  readonly #retiring = new Set<Grant>();
  #refused = { units: Infinity, limit: 0, untilMs: 0 };
  readonly #calls = new RecentCalls();
  #turn: Promise<unknown> = Promise.resolve();
  /** Calls that wait for their turn: those after them do so, too. */
  #waiting = 0;
  #isRenewing = false;
  #isFlushPlanned = false;

  constructor(pool: PredictionPool, options: LeaseOptions) {
    this.#pool = pool;
    this.#options = options;
    this.#grant = new Grant(randomUUID(), dayOf(options.clock.nowMs()));
  }

  /** Takes `n` units. @returns undefined when the month has no room for them */
  async take(n: number, limit: number): Promise<Taken | undefined> {
    this.#calls.note(this.#options.clock.nowMs(), n);
    if (this.#waiting === 0 && this.#isInHand(n)) return this.#takeFrom(this.#grant, n, limit);
    return this.#inTurn(async () => {
      const grant = await this.#grantFor(n, limit);
      return grant && this.#takeFrom(grant, n, limit);
    });
  }

  /** Writes what is not written yet. */
  flush(): Promise<void> {
    return this.#inTurn(async () => {
      const may = this.#options.afterwards.isAwaited ? this.#nextMay() : this.#grant.taken;
      if (this.#grant.isDirty || this.#grant.may > may) await this.#write(this.#grant, may);
    });
  }

  /** Writes everything and gives back what is left: the environment ends. */
  close(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#retire(this.#grant);
      // What a closed record could not take.
      if (this.#grant.isDirty) await this.#retire(this.#grant);
    });
  }

  /** Whether so many may be taken without a write. */
  #isInHand(n: number): boolean {
    const { day, lease, may, taken } = this.#grant;
    const nowMs = this.#options.clock.nowMs();
    return lease !== undefined && day === dayOf(nowMs) && !this.#isEnding(nowMs) && taken + n <= may;
  }

  #isEnding(nowMs: number): boolean {
    return nowMs >= (this.#grant.expiresAtS - MARGIN_S) * 1000;
  }

  #takeFrom(grant: Grant, n: number, limit: number): Taken {
    grant.taken += n;
    grant.inFlight += 1;
    return {
      served: (use) => this.#settle(grant, { ...use, predictions: n }, limit),
      failed: () => this.#giveUp(grant, n),
    };
  }

  async #grantFor(n: number, limit: number): Promise<Grant | undefined> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const grant = await this.#today();
      const wanted = grant.taken + n;
      if (wanted <= grant.may) return grant;
      const units = grant.lease?.units ?? 0;
      if (wanted <= units) {
        if (await this.#write(grant, Math.min(units, wanted + this.#ahead()))) return grant;
        continue;
      }
      if (this.#isRefused(wanted - units, limit)) return undefined;
      const answer = await this.#grow(grant, n, limit);
      if (answer === 'leased') return grant;
      if (answer === 'refused') {
        this.#refused = { units: wanted - units, limit, untilMs: this.#options.clock.nowMs() + REFUSED_MS };
        return undefined;
      }
    }
    throw new Error(`the lease on predictions changed hands ${MAX_TRIES} times`);
  }

  #isRefused(units: number, limit: number): boolean {
    const { units: refused, limit: known, untilMs } = this.#refused;
    return units >= refused && limit === known && this.#options.clock.nowMs() < untilMs;
  }

  /** The grant of today, its lease good for the whole of an invocation. */
  async #today(): Promise<Grant> {
    await this.#finishOld();
    const grant = this.#grant;
    const nowMs = this.#options.clock.nowMs();
    if (grant.day !== dayOf(nowMs)) {
      await this.#retire(grant);
    } else if (grant.lease !== undefined && this.#isEnding(nowMs)) {
      await this.#write(grant, grant.may);
    }
    return this.#grant;
  }

  async #grow(grant: Grant, n: number, limit: number): Promise<'leased' | 'refused' | 'again'> {
    const missing = grant.taken + n - (grant.lease?.units ?? 0);
    const chunk = Math.max(missing, this.#chunkOf(limit));
    let answer = await this.#lease(grant, n, { more: chunk, room: Math.floor(limit * FREE_PART) });
    if (answer === 'refused') answer = await this.#lease(grant, n, { more: missing, room: limit });
    if (answer === 'refused' && (await this.#pool.sweep()) > 0)
      answer = await this.#lease(grant, n, { more: missing, room: limit });
    return answer;
  }

  async #lease(
    grant: Grant,
    n: number,
    { more, room }: { more: number; room: number },
  ): Promise<'leased' | 'refused' | 'again'> {
    if (more > room) return 'refused';
    const { lease: before } = grant;
    const units = (before?.units ?? 0) + more;
    const after: Lease = {
      holder: grant.holder,
      day: grant.day,
      seq: (before?.seq ?? 0) + 1,
      nonce: randomUUID(),
      units,
      // Not less than our record may say of the units before: which of the two counts depends on whether this is heard of.
      may: Math.min(units, Math.max(before?.units ?? 0, grant.taken + n + this.#ahead())),
      expires_at: epochS(this.#options.clock) + LEASE_S,
    };
    const answer = await this.#pool.lease(before, after, room);
    if (answer.kind === 'refused') return 'refused';
    if (answer.kind === 'leased') {
      adopt(grant, after);
      if (before === undefined) await this.#sweepFor(answer.leases);
      return 'leased';
    }
    if (answer.lease !== undefined) adopt(grant, answer.lease);
    // It was taken from us: our record says so too.
    else if (await this.#write(grant, grant.may)) this.#succeed(grant);
    return 'again';
  }

  /** A new environment cleans up after those that died. */
  async #sweepFor(leases: readonly Lease[]): Promise<void> {
    const nowS = epochS(this.#options.clock);
    if (!leases.some(({ expires_at: at }) => at < nowS)) return;
    await this.#pool.sweep().catch(this.#options.onDefect);
  }

  /** The call has been served. A busy environment's does not wait for what is written of it. */
  async #settle(grant: Grant, use: Served, limit: number): Promise<void> {
    grant.inFlight -= 1;
    grant.served += use.predictions;
    // What a closed record cannot take any more stands in the next one.
    (grant.isFenced ? this.#grant : grant).add(use);
    if (this.#calls.count >= BUSY_CALLS) this.#renewBeside(limit);
    else if (this.#options.afterwards.isAwaited) this.#beside(() => this.#getReady(limit));
    else await this.#inTurn(() => this.#catchUp());
  }

  async #giveUp(grant: Grant, n: number): Promise<void> {
    grant.inFlight -= 1;
    grant.taken -= n;
    if (this.#retiring.has(grant)) await this.#inTurn(() => this.#finishOld());
  }

  /** Writes what is not written. The units are written ahead: should this fail, they are counted, and billed with the next write. */
  async #catchUp(): Promise<void> {
    await this.#finishOld();
    if (this.#grant.isDirty) await this.#write(this.#grant, this.#nextMay()).catch(this.#options.onDefect);
  }

  /** Writes what is not written, and sees to it that the next call, should it be like those before, finds its units in hand. */
  async #getReady(limit: number): Promise<void> {
    const { lease, taken } = this.#grant;
    const missing = taken + this.#ahead() - (lease?.units ?? 0);
    const more = Math.max(missing, this.#chunkOf(limit));
    if (lease !== undefined && missing > 0 && !this.#isRefused(more, limit))
      await this.#growAhead(more, limit).catch(this.#options.onDefect);
    await this.#catchUp();
  }

  /** What a busy environment will need soon is written beside its calls, one write at a time. */
  #renewBeside(limit: number): void {
    this.#planFlush();
    const renew = this.#isRenewing || this.#waiting > 0 ? undefined : this.#renewalDue(limit);
    if (renew === undefined) return;
    this.#isRenewing = true;
    this.#beside(() => renew().finally(() => (this.#isRenewing = false)));
  }

  #beside(write: () => Promise<void>): void {
    this.#options.afterwards.do(() => this.#exclusive(write).catch(this.#options.onDefect));
  }

  #renewalDue(limit: number): (() => Promise<void>) | undefined {
    const { lease, may, taken, writtenAtMs } = this.#grant;
    if (lease === undefined) return undefined;
    const [ahead, nowMs] = [this.#ahead(), this.#options.clock.nowMs()];
    const chunk = this.#chunkOf(limit);
    const isLow = (left: number, most: number): boolean => left < Math.min(ahead / 3, most / 2);
    const isRefused = this.#isRefused(chunk, limit);
    if (isLow(lease.units - taken, chunk) && !isRefused) return () => this.#growAhead(chunk, limit);
    const isDue = nowMs - writtenAtMs >= WRITE_MS || (may < lease.units && isLow(may - taken, lease.units - taken));
    return isDue ? () => this.#catchUp() : undefined;
  }

  /** Leases the next chunk while units of this one are left. */
  async #growAhead(chunk: number, limit: number): Promise<void> {
    const answer = await this.#lease(this.#grant, 0, { more: chunk, room: Math.floor(limit * FREE_PART) });
    if (answer !== 'refused') return;
    this.#refused = { units: chunk, limit, untilMs: this.#options.clock.nowMs() + REFUSED_MS };
  }

  #nextMay(): number {
    const { lease, taken } = this.#grant;
    return Math.max(taken, Math.min(lease?.units ?? 0, taken + this.#ahead()));
  }

  /** Writes the holder's record, `may` ahead of what is served. @returns false when it was closed by another */
  async #write(grant: Grant, may: number): Promise<boolean> {
    const expiresAtS = epochS(this.#options.clock) + LEASE_S;
    const record = this.#recordOf(grant, { may, expires_at: expiresAtS });
    // Until it is known which of the two stands there, the lesser one holds.
    grant.may = Math.min(grant.may, may);
    // Calls may be served meanwhile, and then there is more to write.
    grant.isDirty = false;
    const closed = await this.#pool.record(record).catch((error: unknown) => {
      grant.isDirty = true;
      throw error;
    });
    if (closed !== undefined) {
      this.#fence(grant, closed);
      await this.#finish(grant).catch(this.#options.onDefect);
      return false;
    }
    grant.may = may;
    grant.expiresAtS = expiresAtS;
    grant.writtenAtMs = this.#options.clock.nowMs();
    return true;
  }

  #recordOf(grant: Grant, fields: Pick<HolderRecord, 'may' | 'expires_at' | 'closed'>): HolderRecord {
    grant.seq += 1;
    return {
      holder: grant.holder,
      day: grant.day,
      seq: grant.seq,
      lease_seq: grant.lease?.seq ?? 0,
      served: grant.served,
      entries: grant.entries(),
      ...fields,
    };
  }

  /** Another has closed our record: what it lacks is billed by our next one. */
  #fence(grant: Grant, closed: HolderRecord): void {
    grant.isFenced = true;
    const left = unbilled(grant.entries(), closed.entries, closed.closed === 'erased');
    this.#succeed(grant, left);
  }

  #succeed(grant: Grant, carried: readonly UsageEntry[] = []): void {
    this.#retiring.add(grant);
    if (this.#grant === grant) this.#grant = new Grant(randomUUID(), dayOf(this.#options.clock.nowMs()));
    this.#grant.carry(carried);
  }

  async #retire(grant: Grant): Promise<void> {
    this.#succeed(grant);
    await this.#finishOld();
  }

  async #finishOld(): Promise<void> {
    for (const old of this.#retiring) await this.#finish(old).catch(this.#options.onDefect);
  }

  /** Ends a grant once nothing runs under it any more. Safe to run again, should it fail. */
  async #finish(grant: Grant): Promise<void> {
    if (grant.inFlight > 0) return;
    if (!grant.isFenced && (grant.isDirty || grant.lease !== undefined)) {
      const fields = { may: grant.served, expires_at: grant.expiresAtS, closed: 'returned' } as const;
      const closed = await this.#pool.record(this.#recordOf(grant, fields));
      if (closed !== undefined && closed.closed !== 'returned') {
        grant.isFenced = true;
        const left = unbilled(grant.entries(), closed.entries, closed.closed === 'erased');
        this.#grant.carry(left);
      }
    }
    const lease = await this.#pool.ofHolder(grant);
    if (lease !== undefined) await this.#pool.end(lease, grant.served);
    this.#retiring.delete(grant);
  }

  /** How many units an environment will probably be asked for soon. */
  #ahead(): number {
    const isForeseen = this.#options.afterwards.isAwaited || this.#calls.count >= REPEATED_CALLS;
    return isForeseen ? Math.ceil(this.#calls.units * AHEAD_SECONDS) : 0;
  }

  #chunkOf(limit: number): number {
    return Math.min(Math.max(MIN_CHUNK, this.#calls.units * CHUNK_SECONDS), Math.floor(limit / CHUNKS));
  }

  #planFlush(): void {
    if (this.#isFlushPlanned) return;
    this.#isFlushPlanned = true;
    this.#options.later(IDLE_WRITE_MS, () => {
      this.#isFlushPlanned = false;
      if (this.#options.clock.nowMs() - this.#calls.lastMs < IDLE_WRITE_MS) this.#planFlush();
      else this.flush().catch(this.#options.onDefect);
    });
  }

  /** What a call waits for. */
  async #inTurn<T>(run: () => Promise<T>): Promise<T> {
    this.#waiting += 1;
    try {
      return await this.#exclusive(run);
    } finally {
      this.#waiting -= 1;
    }
  }

  /** One write at a time; meanwhile calls may take what is in hand, and be served. */
  #exclusive<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(run);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}

function adopt(grant: Grant, lease: Lease): void {
  grant.lease = lease;
  grant.may = lease.may;
  grant.expiresAtS = lease.expires_at;
}
