/** The rate limit in front of every operation, and its headers (IETF draft-ietf-httpapi-ratelimit-headers). */
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
/** From this many requests within that time an environment takes some ahead: as many as those were, a quarter of a second's rate at most. */
const BUSY_REQUESTS = 2;
const MAX_AHEAD = 1_000;
/** The next are taken when those in hand last for so long only, but not before half of them are used. */
const RENEW_MS = 100;
/** How long nothing is taken beside a call after the limit has refused it. */
const REFUSED_MS = 250;

/**
 * For an environment that serves one tenant: busy, it takes some requests ahead with one write, the next ones beside its calls
 * before these are used up, and lets those not used within a second lapse. Taken is taken at the limit's own pace, only used up to a
 * second later: in any span of T seconds a tenant is served at most `burst + requests_per_second * (T + 1)` requests.
 */
export function admitByRateAhead(quotasOf: (caller: Caller) => Quotas, clock: Clock): Admit {
  const ahead = new RequestsAhead(clock);
  return admit((caller) => ahead.take(quotasOf(caller), caller.limits));
}

class RequestsAhead {
  readonly #clock: Clock;
  /** Taken and not used, the oldest first. */
  #taken: { left: number; untilMs: number }[] = [];
  /** How many more the limit would have admitted, as last heard. */
  #remaining = 0;
  readonly #calls = new RecentCalls();
  /** A write on its way beside the calls, and until when what it takes may be used. */
  #renewal: { done: Promise<void>; untilMs: number } | undefined;
  #refusedUntilMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async take(quotas: Quotas, limits: Limits): Promise<RateState> {
    const nowMs = this.#clock.nowMs();
    this.#calls.note(nowMs, 1);
    const wanted = this.#calls.count < BUSY_REQUESTS ? 1 : Math.min(this.#calls.count, aheadOf(limits));
    if (this.#left() === 0 && this.#renewal !== undefined && nowMs < this.#renewal.untilMs) await this.#renewal.done;
    if (this.#left() > 0) {
      this.#use();
      this.#renewBeside(quotas, limits, wanted);
      return { isAdmitted: true, remaining: this.#remaining + this.#left(), retryAfterS: 1 };
    }
    const taken = await this.#takeNow(quotas, limits, wanted);
    return taken.isAdmitted || wanted === 1 ? taken : this.#takeNow(quotas, limits, 1);
  }

  /** Takes requests, one of them for the call that waits. */
  async #takeNow(quotas: Quotas, limits: Limits, wanted: number): Promise<RateState> {
    const untilMs = this.#clock.nowMs() + AHEAD_MS;
    const state = await quotas.takeRequests(wanted, limits);
    if (!state.isAdmitted) return state;
    this.#keep(wanted - 1, untilMs, state);
    return { ...state, remaining: state.remaining + wanted - 1 };
  }

  /** Fills up to what the last second used. What is taken counts from before the write: an environment may be frozen meanwhile. */
  #renewBeside(quotas: Quotas, limits: Limits, wanted: number): void {
    const nowMs = this.#clock.nowMs();
    const left = this.#left();
    const isEnough = left > Math.max(1, Math.min(wanted / 2, (this.#calls.count * RENEW_MS) / AHEAD_MS));
    if (isEnough || this.#renewal !== undefined || wanted < BUSY_REQUESTS || nowMs < this.#refusedUntilMs) return;
    const untilMs = nowMs + AHEAD_MS;
    const done = quotas
      .takeRequests(wanted - left, limits)
      .then((state) => {
        if (state.isAdmitted) this.#keep(wanted - left, untilMs, state);
        else this.#refusedUntilMs = this.#clock.nowMs() + REFUSED_MS;
      })
      // Whoever needs a request then asks for it, and is told.
      .catch(() => undefined)
      .finally(() => (this.#renewal = undefined));
    this.#renewal = { done, untilMs };
  }

  #keep(left: number, untilMs: number, { remaining }: RateState): void {
    this.#remaining = remaining;
    this.#taken.push({ left, untilMs });
  }

  #left(): number {
    const nowMs = this.#clock.nowMs();
    this.#taken = this.#taken.filter(({ left, untilMs }) => left > 0 && nowMs < untilMs);
    return this.#taken.reduce((sum, { left }) => sum + left, 0);
  }

  #use(): void {
    this.#taken[0]!.left -= 1;
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
