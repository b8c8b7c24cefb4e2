/**
 * What an attempt of *fit* costs that dies without a word: the seconds from where it last wrote its usage to its death, or to the end of its
 * invocation. They come out of the job's budget and the month's seconds, so that a step that always hangs is not tried at nobody's cost.
 */
import type { Clock } from '../clock.ts';
import type { TenantStores } from '../stores/tenant-stores.ts';
import { meter } from '../tenancy/price.ts';
import { leftS } from './budget.ts';
import type { Exhausted } from './fit-failed.ts';
import { leaseName, over, plus } from './run.ts';
import { usageOf } from './settle.ts';
import type { FitEvent } from './train.ts';
import { TrainingSeconds } from './training-seconds.ts';

/** Usage is kept in milliseconds. */
const ROUNDING_S = 0.01;

/**
 * Charges a dead attempt; again for the same one it charges nothing more.
 * @returns what has no room for another attempt; the publication is tried again whatever it costs
 */
export async function chargeDeath(
  event: FitEvent,
  stores: Pick<TenantStores, 'catalog' | 'trainingSeconds'> & { clock: Clock },
): Promise<Exhausted | undefined> {
  // Batches pay by the prediction, checks and estimates for what they have answered.
  if (event.action !== 'segment' && event.action !== 'publish') return undefined;
  const { catalog, clock } = stores;
  const job = await catalog.jobs.get(event.job);
  const trial = event.action === 'segment' ? event.trial : undefined;
  const record = trial === undefined ? job : await catalog.trials(event.job).get(trial);
  if (job === undefined || record?.attempt === undefined) return undefined;
  const { attempt, usage } = record;
  const isBudgeted = event.action === 'segment' && job.budget !== undefined;
  const budgetS = isBudgeted ? leftS(job.budget, await usageOf(job, catalog), attempt) : Infinity;
  const tookS = Math.max(0, Math.min(clock.nowMs(), attempt.ends_ms) - attempt.counted_to_ms) / 1000;
  const month = new TrainingSeconds(stores.trainingSeconds, job.training_seconds_limit);
  const taken = usage.seconds + Math.min(tookS, Math.max(0, budgetS));
  await month.open(leaseName(event), usage.seconds);
  await month.cover(taken);
  const counted = month.counted(taken);
  const fields = {
    usage: plus(usage, meter(counted - usage.seconds, attempt.memory_mb, attempt.gb_second_usd)),
    attempt: over(attempt),
  };
  if (trial === undefined) await catalog.jobs.patch(job.id, fields, ['running']);
  else await catalog.trials(job.id).patch(trial, fields);
  if (event.action === 'publish') return undefined;
  if (tookS > budgetS - ROUNDING_S) return 'over_budget';
  return counted < taken ? 'over_quota' : undefined;
}
