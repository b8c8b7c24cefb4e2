/**
 * What a tenant has used of its limits. Every acquisition is one conditional write on one item (no transactions), so that a
 * limit cannot be overspent however many callers race. Patterns: GCRA for the rate, a set of ids for jobs at once. What is counted
 * by the month has stores of its own, `prediction-pool.ts` and `training-pool.ts`.
 */
import type { Clock } from '../clock.ts';
import type { Limits } from '../tenancy/plan.ts';
import type { Items, Update } from './items.ts';

/** What the rate limit said to one request. */
export interface RateState {
  readonly isAdmitted: boolean;
  /** How many more would be admitted right now. */
  readonly remaining: number;
  readonly retryAfterS: number;
}

export class Quotas {
  readonly #items: Items;
  readonly #clock: Clock;
  /** As last heard: it only grows. */
  #tatUs = 0;

  constructor(items: Items, clock: Clock) {
    this.#items = items;
    this.#clock = clock;
  }

  /**
   * Takes `n` requests, or none, under the generic cell rate algorithm: `tat`, the theoretical arrival time of the next request
   * in microseconds, may run ahead of now by the burst.
   */
  async takeRequests(n: number, limits: Limits): Promise<RateState> {
    const nowUs = this.#clock.nowMs() * 1000;
    const intervalUs = Math.ceil(1e6 / limits.requests_per_second);
    const burstUs = intervalUs * limits.burst;
    const state = (isAdmitted: boolean, tatUs: number): RateState => ({
      isAdmitted,
      remaining: Math.max(0, Math.floor((nowUs + burstUs - tatUs) / intervalUs) + 1),
      retryAfterS: Math.max(1, Math.ceil(intervalUs / 1e6)),
    });
    const busy: Update = {
      expression: 'SET tat = tat + :taken',
      condition: 'tat > :now AND tat <= :horizon',
      values: { ':taken': n * intervalUs, ':now': nowUs, ':horizon': nowUs + burstUs - (n - 1) * intervalUs },
    };
    const idle: Update = {
      expression: 'SET tat = :next',
      condition: 'attribute_not_exists(tat) OR tat <= :now',
      values: { ':next': nowUs + n * intervalUs, ':now': nowUs },
    };
    // What seems busy may be idle, and then another request may end the idleness in between: there may be room behind it.
    for (const update of this.#tatUs > nowUs ? [busy, idle, busy] : [idle, busy]) {
      const updated = await this.#items.update('RATE', update);
      if (updated === undefined) continue;
      this.#tatUs = Number(updated['tat']);
      return state(true, this.#tatUs);
    }
    return { ...state(false, Infinity), remaining: 0 };
  }

  /** Takes a slot for a running job; taking it twice is taking it once. @returns whether there was one */
  async acquireJob(jobId: string, max: number): Promise<boolean> {
    if (max < 1) return false;
    const acquired = await this.#items.update('JOBS', {
      expression: 'ADD running :job',
      condition: 'attribute_not_exists(running) OR contains(running, :id) OR size(running) < :max',
      values: { ':job': new Set([jobId]), ':id': jobId, ':max': max },
    });
    return acquired !== undefined;
  }

  /** Gives the slot back; giving it back twice is giving it back once. */
  async releaseJob(jobId: string): Promise<void> {
    await this.#items.update('JOBS', { expression: 'DELETE running :job', values: { ':job': new Set([jobId]) } });
  }

  async runningJobs(): Promise<readonly string[]> {
    const item = await this.#items.get('JOBS');
    return item?.['running'] instanceof Set ? [...(item['running'] as Set<string>)] : [];
  }

  /** How many requests the rate limit counts at this moment. */
  async requestsInFlight(limits: Limits): Promise<number> {
    const item = await this.#items.get('RATE');
    const aheadUs = Number(item?.['tat'] ?? 0) - this.#clock.nowMs() * 1000;
    return Math.max(0, Math.ceil((aheadUs * limits.requests_per_second) / 1e6));
  }
}
