/** The end of a job: usage is written once, the slot is given back, the job says how it ended. Every write may be repeated. */
import type { Clock } from '../clock.ts';
import { epochS } from '../clock.ts';
import type { TenantStores } from '../stores/tenant-stores.ts';
import { dayOf } from '../stores/usage.ts';
import { toNanoUsd } from '../tenancy/price.ts';
import type { JobOutcome } from './train.ts';

export async function settleJob(
  jobId: string,
  outcome: JobOutcome,
  { catalog, quotas, usage, clock }: Pick<TenantStores, 'catalog' | 'quotas' | 'usage'> & { clock: Clock },
): Promise<void> {
  const job = await catalog.jobs.get(jobId);
  if (job === undefined) {
    // Erased meanwhile: nothing is left to charge.
    await quotas.releaseJob(jobId);
    return;
  }
  // A settlement that was interrupted keeps its first time, so that the usage stays on one day.
  const finishedAt = job.finished_at ?? epochS(clock);
  await catalog.jobs.patch(jobId, { finished_at: finishedAt });
  const { seconds, gb_seconds: gbSeconds, usd } = outcome.usage;
  await quotas.settleTraining(jobId, Math.ceil(seconds));
  await usage.recordJob(
    { id: jobId, day: dayOf(finishedAt * 1000) },
    {
      model: job.name,
      key: job.key_id,
      price_version: job.price_version ?? 0,
      requests: 0,
      predictions: 0,
      inference_gb_seconds: 0,
      training_gb_seconds: gbSeconds,
      nano_usd: toNanoUsd(usd),
    },
  );
  await quotas.releaseJob(jobId);
  await catalog.events(jobId).append('ended', {
    type: 'status',
    level: outcome.status === 'failed' ? 'error' : 'info',
    created_at: finishedAt,
    message: outcome.error?.message ?? `the job ${outcome.status}`,
    data: { status: outcome.status, ...(outcome.error === undefined ? {} : { code: outcome.error.code }) },
  });
  await catalog.jobs.patch(jobId, {
    status: outcome.status,
    usage: { ...outcome.usage, price_version: job.price_version },
    progress: outcome.status === 'succeeded' ? { ...job.progress, fraction: 1, eta_seconds: 0 } : job.progress,
    ...(outcome.model === undefined ? {} : { model: outcome.model }),
    ...(outcome.error === undefined ? {} : { error: outcome.error }),
  });
}
