/** The rate limit in front of every operation, and its headers (IETF draft-ietf-httpapi-ratelimit-headers). */
import { UNAWAITED } from '../afterwards.ts';
import type { Afterwards } from '../afterwards.ts';
import type { Clock } from '../clock.ts';
import { ServiceError } from '../errors.ts';
import type { Quotas, RateState } from '../stores/quotas.ts';
import { RecentCalls } from '../stores/recent-calls.ts';
import type { Limits } from '../tenancy/plan.ts';
import type { Caller } from '../tenancy/tenant.ts';

/** Takes one request of the caller's rate. */
type Take = (caller: Caller) => Promise<RateState>;
type Admit = (caller: Caller) => Promise<Record<string, string>>;

/** Each request is one conditional write. @throws {ServiceError} rate_limited with Retry-After */
export function admitByRate(quotasOf: (caller: Caller) => Quotas): Admit {
  return admit((caller) => quotasOf(caller).takeRequests(1, caller.limits));
}

/** How long requests that were taken ahead may be used, in ms. */
const AHEAD_MS = 1_000;
/** The same of the one that an environment keeps for its next call, however late that comes. */
const KEPT_MS = 30_000;
/** From this many requests within that time an environment takes some ahead: as many as those were, a quarter of a second's rate at most. */
const REPEATED_REQUESTS = 2;
const MAX_AHEAD = 1_000;
/** The next are taken when those in hand last for so long only, but not before half of them are used. */
const RENEW_MS = 100;
/** How long nothing is taken beside a call after the limit has refused it. */
const REFUSED_MS = 250;

/**
 * For an environment that serves one tenant: called repeatedly, it takes some requests ahead with one write, the next ones beside its
 * calls before these are used up, and lets those not used within a second lapse. Kept awake behind its answers, it takes one there for
 * its next call as well. Taken is taken at the limit's own pace, only used later: in any span of T seconds a tenant is served at most
 * `burst + requests_per_second * (T + 1)` requests, and one more of each environment that was kept awake.
 */
export function admitByRateAhead(
  quotasOf: (caller: Caller) => Quotas,
  clock: Clock,
  afterwards: Afterwards = UNAWAITED,
): Admit {
  const ahead = new RequestsAhead(clock, afterwards);
  return admit((caller) => ahead.take(quotasOf(caller), caller.limits));
}

interface TakenAhead {
  left: number;
  readonly untilMs: number;
  /** For a call that may come late. */
  readonly isKept: boolean;
}

class RequestsAhead {
  readonly #clock: Clock;
  readonly #afterwards: Afterwards;
  /** Taken and not used, the oldest first. */
  #taken: TakenAhead[] = [];
  /** How many more the limit would have admitted, as last heard. */
  #remaining = 0;
  readonly #calls = new RecentCalls();
  /** A write on its way beside the calls, and until when what it takes may be used. */
  #renewal: { done: Promise<void>; untilMs: number } | undefined;
  #refusedUntilMs = 0;

  constructor(clock: Clock, afterwards: Afterwards) {
    this.#clock = clock;
    this.#afterwards = afterwards;
  }

  async take(quotas: Quotas, limits: Limits): Promise<RateState> {
    const nowMs = this.#clock.nowMs();
    this.#calls.note(nowMs, 1);
    const wanted = this.#calls.count < REPEATED_REQUESTS ? 1 : Math.min(this.#calls.count, aheadOf(limits));
    if (this.#left() === 0 && this.#renewal !== undefined && nowMs < this.#renewal.untilMs) await this.#renewal.done;
    if (this.#left() > 0) {
      this.#use();
      this.#renewBeside(quotas, limits, wanted);
      return { isAdmitted: true, remaining: this.#remaining + this.#left(), retryAfterS: 1 };
    }
    let taken = await this.#takeNow(quotas, limits, wanted);
    if (!taken.isAdmitted && wanted > 1) taken = await this.#takeNow(quotas, limits, 1);
    if (taken.isAdmitted) this.#renewBeside(quotas, limits, wanted);
    return taken;
  }

  /** Takes requests, one of them for the call that waits. */
  async #takeNow(quotas: Quotas, limits: Limits, wanted: number): Promise<RateState> {
    const untilMs = this.#clock.nowMs() + AHEAD_MS;
    const state = await quotas.takeRequests(wanted, limits);
    if (!state.isAdmitted) return state;
    this.#keep(wanted - 1, untilMs, state);
    return { ...state, remaining: state.remaining + wanted - 1 };
  }

  /** Fills up to what the last second used. */
  #renewBeside(quotas: Quotas, limits: Limits, wanted: number): void {
    const nowMs = this.#clock.nowMs();
    const missing = this.#missing(wanted);
    if (missing === 0 || this.#renewal !== undefined || nowMs < this.#refusedUntilMs) return;
    const done = new Promise<void>((resolve) =>
      this.#afterwards.do(() => this.#renew(quotas, limits, missing).then(resolve)),
    );
    this.#renewal = { done, untilMs: nowMs + AHEAD_MS };
  }

  #missing(wanted: number): number {
    const left = this.#left();
    const isEnough = left > Math.max(1, Math.min(wanted / 2, (this.#calls.count * RENEW_MS) / AHEAD_MS));
    if (!isEnough && wanted >= REPEATED_REQUESTS) return wanted - left;
    return this.#isOneToKeep() ? 1 : 0;
  }

  #isOneToKeep(): boolean {
    return this.#afterwards.isAwaited && !this.#taken.some(({ isKept, left }) => isKept && left > 0);
  }

  /** What is taken counts from before the write: an environment may be frozen meanwhile. Whoever then needs a request asks for it, and is told. */
  async #renew(quotas: Quotas, limits: Limits, more: number): Promise<void> {
    const nowMs = this.#clock.nowMs();
    try {
      const state = await quotas.takeRequests(more, limits);
      if (!state.isAdmitted) {
        this.#refusedUntilMs = this.#clock.nowMs() + REFUSED_MS;
        return;
      }
      const kept = this.#isOneToKeep() ? 1 : 0;
      this.#keep(more - kept, nowMs + AHEAD_MS, state);
      this.#keep(kept, nowMs + KEPT_MS, state, true);
    } catch {
      // The next call asks for itself.
    } finally {
      this.#renewal = undefined;
    }
  }

  #keep(left: number, untilMs: number, { remaining }: RateState, isKept = false): void {
    this.#remaining = remaining;
    if (left > 0) this.#taken.push({ left, untilMs, isKept });
  }

  #left(): number {
    const nowMs = this.#clock.nowMs();
    this.#taken = this.#taken.filter(({ left, untilMs }) => left > 0 && nowMs < untilMs);
    return this.#taken.reduce((sum, { left }) => sum + left, 0);
  }

  /** The one that lasts longest is used last. */
  #use(): void {
    const first = this.#taken.find(({ isKept }) => !isKept) ?? this.#taken[0]!;
    first.left -= 1;
  }
}

function aheadOf(limits: Limits): number {
  return Math.min(MAX_AHEAD, Math.ceil(limits.requests_per_second / 4));
}

function admit(take: Take): Admit {
  return async (caller) => {
    const { limits } = caller;
    const rate = await take(caller);
    const windowS = Math.max(1, Math.ceil(limits.burst / limits.requests_per_second));
    const headers = {
      'ratelimit-policy': `"requests";q=${limits.burst};w=${windowS}`,
      ratelimit: `"requests";r=${rate.remaining};t=${rate.retryAfterS}`,
    };
    if (rate.isAdmitted) return headers;
    throw new ServiceError(
      'rate_limited',
      `your plan allows ${limits.requests_per_second} requests per second, in bursts of ${limits.burst}: wait ${rate.retryAfterS} s`,
      { retryAfterS: rate.retryAfterS, headers },
    );
  };
}
