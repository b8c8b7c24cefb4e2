/** Limits and usage, from the same items that enforce them. */
import { ServiceError } from '../../errors.ts';
import type { LimitState, UsageRow } from '../../resources/usage.ts';
import type { UsageItem } from '../../stores/quotas.ts';
import { tenantOf } from '../context.ts';
import type { ControlContext } from '../context.ts';
import type { Operations } from '../operation.ts';

const DAY_S = 86_400;
const MAX_DAYS = 366;

export function usageOperations(context: ControlContext): Operations<'getLimits' | 'getUsage'> {
  return {
    async getLimits({ caller }) {
      const { quotas, limits, catalog } = tenantOf(context, caller);
      const [predictions, seconds, jobs, bytes, rate, models] = await Promise.all([
        quotas.used('predictions'),
        quotas.used('training_seconds'),
        quotas.runningJobs(),
        quotas.storedBytes(),
        quotas.requestsInFlight(limits),
        catalog.models.count(),
      ]);
      const month = nextMonthS(context.clock.nowMs());
      const data = [
        limitState('requests_per_second', Math.min(rate, limits.requests_per_second), limits.requests_per_second, null),
        limitState('predictions_per_month', predictions, limits.predictions_per_month, month),
        limitState('training_seconds_per_month', seconds, limits.training_seconds_per_month, month),
        limitState('jobs_at_once', jobs.length, limits.jobs_at_once, null),
        limitState('stored_bytes', bytes, limits.stored_bytes, null),
        limitState('models', models, limits.models, null),
      ];
      return { body: { object: 'list', data, has_more: false, first_id: data[0]!.id, last_id: data.at(-1)!.id } };
    },

    async getUsage({ caller, query }) {
      const { quotas } = tenantOf(context, caller);
      const today = new Date(context.clock.nowMs()).toISOString().slice(0, 10);
      const to = query.to ?? today;
      const from = query.from ?? `${to.slice(0, 8)}01`;
      const days = (startOf(to, '/to') - startOf(from, '/from')) / DAY_S + 1;
      if (days < 1)
        throw new ServiceError('invalid_request', `"from" (${from}) lies behind "to" (${to})`, { param: '/from' });
      if (days > MAX_DAYS)
        throw new ServiceError('invalid_request', `expected at most ${MAX_DAYS} days, got ${days}`, { param: '/from' });
      const items = await quotas.usage(from, to);
      return {
        body: {
          object: 'list',
          data: grouped(items, query.group_by, [from, to]),
          has_more: false,
          first_id: null,
          last_id: null,
        },
      };
    },
  };
}

function limitState(name: string, used: number, limit: number, resetsAt: number | null): LimitState {
  return { object: 'limit', id: name, name, used, limit, resets_at: resetsAt };
}

function nextMonthS(nowMs: number): number {
  const now = new Date(nowMs);
  return Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1) / 1000;
}

function startOf(day: string, param: string): number {
  const ms = Date.parse(`${day}T00:00:00Z`);
  if (Number.isNaN(ms)) throw new ServiceError('invalid_request', `${day} is not a day of the calendar`, { param });
  return ms / 1000;
}

/** Sums the items by day, or over the whole span by model or key. */
function grouped(
  items: readonly UsageItem[],
  by: 'day' | 'model' | 'key',
  [from, to]: readonly [string, string],
): UsageRow[] {
  const groups = Map.groupBy(items, (item) => item[by]);
  return [...groups].map(([name, group]) => {
    const sum = (field: 'requests' | 'predictions' | 'training_gb_seconds' | 'usd'): number =>
      group.reduce((total, item) => total + item[field], 0);
    return {
      start: startOf(by === 'day' ? name : from, '/from'),
      end: startOf(by === 'day' ? name : to, '/to') + DAY_S,
      ...(by === 'day' ? {} : { [by]: name }),
      requests: sum('requests'),
      predictions: sum('predictions'),
      training_gb_seconds: sum('training_gb_seconds'),
      // Storage is not metered by the hour yet; what is stored now stands in GET /v1/limits.
      stored_gb_hours: 0,
      usd: sum('usd'),
    };
  });
}
