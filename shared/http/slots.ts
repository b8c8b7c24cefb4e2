/** Slots for what runs at once, jobs and batches. A request that died before it had made what its slot was for leaves it behind: it comes back. */
import type { Clock } from '../clock.ts';
import { ServiceError } from '../errors.ts';
import { isFinished } from '../resources/training.ts';
import type { TenantStores } from '../stores/tenant-stores.ts';
import { ID_PATTERNS, madeAtMs } from '../tenancy/ids.ts';
import type { Limits } from '../tenancy/plan.ts';

type Tenant = Pick<TenantStores, 'catalog' | 'quotas'> & { readonly limits: Limits };

/** Longer than a request: whoever took the slot before has made its job by then, or never will. */
const REQUEST_MS = 60_000;

/** Takes a slot, or keeps it. @throws {ServiceError} quota_exceeded, `refusal` saying of what there are too many */
export async function takeSlot(
  id: string,
  { catalog, quotas, limits }: Tenant,
  { clock, refusal }: { clock: Clock; refusal: string },
): Promise<void> {
  if (await quotas.acquireJob(id, limits.jobs_at_once)) return;
  for (const holder of await quotas.runningJobs()) {
    if (clock.nowMs() - madeAtMs(holder) < REQUEST_MS) continue;
    const record = await (ID_PATTERNS.batch.test(holder) ? catalog.batches : catalog.jobs).get(holder);
    if (record === undefined || isFinished(record)) await quotas.releaseJob(holder);
  }
  if (await quotas.acquireJob(id, limits.jobs_at_once)) return;
  throw new ServiceError('quota_exceeded', refusal, { retryAfterS: 30 });
}
