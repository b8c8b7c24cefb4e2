/** The end of a job: usage is written once, the slot is given back, the job says how it ended. Every write may be repeated. */
import type { Clock } from '../clock.ts';
import { epochS } from '../clock.ts';
import type { Catalog } from '../stores/catalog.ts';
import type { Quotas } from '../stores/quotas.ts';
import type { JobOutcome } from './train.ts';

export async function settleJob(
  jobId: string,
  outcome: JobOutcome,
  { catalog, quotas, clock }: { catalog: Catalog; quotas: Quotas; clock: Clock },
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
  await quotas.recordJob(
    { id: jobId, day: new Date(finishedAt * 1000).toISOString().slice(0, 10), model: job.name, key: job.key_id },
    { training_gb_seconds: gbSeconds, usd },
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
