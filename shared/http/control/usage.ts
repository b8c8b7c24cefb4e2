/** Limits and usage, from the same items that enforce them. */
import type { LimitState } from '../../resources/usage.ts';
import { reportUsage } from '../../workflows/usage.ts';
import { tenantOf } from '../context.ts';
import type { ControlContext } from '../context.ts';
import type { Operations } from '../operation.ts';

export function usageOperations(context: ControlContext): Operations<'getLimits' | 'getUsage'> {
  return {
    async getLimits({ caller }) {
      const { quotas, predictions: pool, trainingSeconds, storedBytes, limits, catalog } = tenantOf(context, caller);
      const [predictions, seconds, jobs, bytes, rate, models] = await Promise.all([
        pool.served(),
        trainingSeconds.used(),
        quotas.runningJobs(),
        storedBytes.used(),
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
        limitState('dataset_bytes', 0, limits.dataset_bytes, null),
      ];
      return { body: { object: 'list', data, has_more: false, first_id: data[0]!.id, last_id: data.at(-1)!.id } };
    },

    async getUsage({ caller, query }) {
      const prices = await context.priceHistory();
      const data = await reportUsage(query, tenantOf(context, caller), { prices, nowMs: context.clock.nowMs() });
      return { body: { object: 'list', data, has_more: false, first_id: null, last_id: null } };
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
