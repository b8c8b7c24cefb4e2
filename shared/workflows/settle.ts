/** The end of a job: usage is written once, the slot is given back, the job says how it ended. Every write may be repeated. */
import type { Clock } from '../clock.ts';
import { epochS } from '../clock.ts';
import type { JobEvent, JobRecord } from '../resources/job.ts';
import { MAX_TRIALS } from '../resources/sweep.ts';
import { isFinished } from '../resources/training.ts';
import type { JobError } from '../resources/training.ts';
import type { Catalog } from '../stores/catalog.ts';
import type { TenantStores } from '../stores/tenant-stores.ts';
import { dayOf } from '../stores/usage.ts';
import { toNanoUsd } from '../tenancy/price.ts';
import type { Metered } from '../tenancy/price.ts';
import { NO_USAGE, plus } from './run.ts';
import type { JobOutcome } from './train.ts';

/** Lines of the log that a failed job carries. */
const LOG_LINES = 20;
/** No job runs for longer. */
const LONGEST_S = 31 * 86_400;

export async function settleJob(
  jobId: string,
  outcome: JobOutcome,
  stores: Pick<TenantStores, 'catalog' | 'quotas' | 'trainingSeconds' | 'usage'> & { clock: Clock },
): Promise<void> {
  const { catalog, quotas, trainingSeconds, usage, clock } = stores;
  const job = await catalog.jobs.get(jobId);
  if (job === undefined) {
    // Erased meanwhile: nothing is left to charge, and what was leased last stays counted.
    await trainingSeconds.endJob(jobId, epochS(clock) - LONGEST_S, ({ to }) => to);
    await quotas.releaseJob(jobId);
    return;
  }
  // A settlement that was interrupted keeps its first time, so that the usage stays on one day.
  const finishedAt = job.finished_at ?? epochS(clock);
  await catalog.jobs.patch(jobId, { finished_at: finishedAt });
  const used = await usageOf(job, catalog);
  const { gb_seconds: gbSeconds, usd } = used;
  await endLeases(job, stores);
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
  const events = catalog.events(jobId);
  const error = outcome.error === undefined ? undefined : await told(outcome.error, job, events);
  await events.append('ended', {
    type: 'status',
    level: outcome.status === 'failed' ? 'error' : 'info',
    created_at: finishedAt,
    message: outcome.error?.message ?? `the job ${outcome.status}`,
    data: { status: outcome.status, ...(outcome.error === undefined ? {} : { code: outcome.error.code }) },
  });
  await catalog.jobs.patch(jobId, {
    status: outcome.status,
    usage: { ...used, price_version: job.price_version },
    progress: outcome.status === 'succeeded' ? { ...job.progress, fraction: 1, eta_seconds: 0 } : job.progress,
    ...(outcome.model === undefined ? {} : { model: outcome.model }),
    ...(outcome.best_trial === undefined ? {} : { best_trial: outcome.best_trial }),
    ...(error === undefined ? {} : { error }),
    ...(job.webhook === undefined
      ? {}
      : { webhook_delivery: job.webhook_delivery ?? { status: 'pending', attempts: 0 } }),
  });
}

/** Leases on training seconds that were left by attempts that died: what their training has taken stays counted. */
async function endLeases(
  job: JobRecord,
  { catalog, trainingSeconds }: Pick<TenantStores, 'catalog' | 'trainingSeconds'>,
): Promise<void> {
  await trainingSeconds.endJob(job.id, job.created_at, async ({ run }) => {
    const [, part = '', ...more] = run.split('/');
    const { usage } = (more.length === 0 ? undefined : await catalog.trials(job.id).get(part)) ?? job;
    return usage.seconds;
  });
}

/** Of the job and of all its trials. A settlement that was interrupted has written the sum already. */
export async function usageOf(job: JobRecord, catalog: Catalog): Promise<Metered> {
  if (job.sweep === undefined || isFinished(job)) return job.usage;
  const { data } = await catalog.trials(job.id).list({ limit: MAX_TRIALS, order: 'ascending' });
  return data.reduce((sum, trial) => plus(sum, trial.usage), plus(NO_USAGE, job.usage));
}

/** The error with what was known last: the figures of the last epoch, and the last lines of the log. */
async function told(error: JobError, job: JobRecord, events: ReturnType<Catalog['events']>): Promise<JobError> {
  const { data } = await events.list({ limit: LOG_LINES, order: 'descending' });
  const validation = Object.entries(job.metrics.validation).map(([name, value]) => [`validation_${name}`, value]);
  const metrics = { ...job.metrics.train, ...(Object.fromEntries(validation) as Record<string, number>) };
  const logs = data
    .filter(({ id: _, ...event }) => !isEnd(event))
    .map(lineOf)
    .toReversed();
  return { ...error, ...(Object.keys(metrics).length === 0 ? {} : { last_metrics: metrics }), logs };
}

function isEnd({ type, data }: Omit<JobEvent, 'id'>): boolean {
  return type === 'status' && data?.['status'] !== 'running';
}

/** Events hold names and figures of the training, and nothing of its rows. */
function lineOf({ created_at: createdAt, level, message, data = {} }: JobEvent): string {
  const { params: _, ...figures } = data;
  const text =
    message ??
    Object.entries(figures)
      .map(([name, value]) => `${name} ${String(value)}`)
      .join(', ');
  return `${new Date(createdAt * 1000).toISOString()} ${level} ${text}`;
}
