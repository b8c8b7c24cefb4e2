/** The rate limit in front of every operation, and its headers (IETF draft-ietf-httpapi-ratelimit-headers). */
import { ServiceError } from '../errors.ts';
import type { Quotas } from '../stores/quotas.ts';
import type { Caller } from '../tenancy/tenant.ts';

/** Takes one request of the caller's rate. @throws {ServiceError} rate_limited with Retry-After */
export function admitByRate(quotasOf: (caller: Caller) => Quotas) {
  return async (caller: Caller): Promise<Record<string, string>> => {
    const { limits } = caller;
    const rate = await quotasOf(caller).takeRequest(limits);
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
