/** Whether the limits leave room for a job, as far as it can be said before anything is reserved; the reservations hold the limits. */
import { secondsToNextMonth } from '../../clock.ts';
import type { Clock } from '../../clock.ts';
import { ServiceError } from '../../errors.ts';
import type { JobSpec } from '../../resources/job.ts';
import type { TenantStores } from '../../stores/tenant-stores.ts';
import type { Limits } from '../../tenancy/plan.ts';

type Tenant = TenantStores & { readonly limits: Limits };

/** @throws {ServiceError} quota_exceeded */
export async function checkRoom(spec: Pick<JobSpec, 'name'>, tenant: Tenant, clock: Clock): Promise<void> {
  const { catalog, models, trainingSeconds, limits } = tenant;
  if ((await trainingSeconds.used()) >= limits.training_seconds_per_month) throw trainingUsedUp(limits, clock);
  if ((await catalog.models.get(spec.name)) === undefined && (await models.used()) >= limits.models) {
    throw new ServiceError(
      'quota_exceeded',
      `your plan's ${limits.models} models are used up: delete one, or make a version of one`,
      { param: '/name' },
    );
  }
}

/** Until the next month. */
export function trainingUsedUp(limits: Limits, clock: Clock): ServiceError {
  return new ServiceError(
    'quota_exceeded',
    `this month's ${limits.training_seconds_per_month} training seconds are used up: see GET /v1/limits`,
    { retryAfterS: secondsToNextMonth(clock.nowMs()) },
  );
}
