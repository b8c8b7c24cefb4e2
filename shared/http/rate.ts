/** The rate limit in front of every operation, and its headers (IETF draft-ietf-httpapi-ratelimit-headers). */
import type { Clock } from '../clock.ts';
import { ServiceError } from '../errors.ts';
import type { Quotas, RateState } from '../stores/quotas.ts';
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
/** From this many requests within that time an environment takes some ahead: as many as those were, a tenth of a second's rate at most. */
const BUSY_REQUESTS = 2;
const MAX_AHEAD = 50;

/**
 * For an environment that serves one tenant: busy, it takes some requests ahead with one write, and lets those not used within
 * a second lapse. Taken is taken at the limit's own pace, only used up to a second later: in any span of T seconds a tenant is
 * served at most `burst + requests_per_second * (T + 1)` requests.
 */
export function admitByRateAhead(quotasOf: (caller: Caller) => Quotas, clock: Clock): Admit {
  let ahead = { left: 0, untilMs: 0, remaining: 0 };
  let recentMs: number[] = [];
  return admit(async (caller) => {
    const nowMs = clock.nowMs();
    recentMs = [...recentMs.filter((ms) => ms > nowMs - AHEAD_MS), nowMs].slice(-MAX_AHEAD);
    if (ahead.left > 0 && nowMs < ahead.untilMs) {
      ahead.left -= 1;
      return { isAdmitted: true, remaining: ahead.remaining + ahead.left, retryAfterS: 1 };
    }
    const quotas = quotasOf(caller);
    const some = recentMs.length < BUSY_REQUESTS ? 1 : Math.min(recentMs.length, aheadOf(caller.limits));
    const taken = await quotas.takeRequests(some, caller.limits);
    if (some === 1) return taken;
    if (!taken.isAdmitted) return quotas.takeRequests(1, caller.limits);
    ahead = { left: some - 1, untilMs: nowMs + AHEAD_MS, remaining: taken.remaining };
    return { ...taken, remaining: taken.remaining + some - 1 };
  });
}

function aheadOf(limits: Limits): number {
  return Math.max(1, Math.min(MAX_AHEAD, Math.floor(limits.requests_per_second / 10)));
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
