/** What a job's own budget leaves of it. */
import type { Attempt, JobSpec } from '../resources/job.ts';
import { gbSecondsOf } from '../tenancy/price.ts';
import type { Metered } from '../tenancy/price.ts';

/** Seconds of an attempt that a budget has room for, below 0 where more is spent. */
export function leftS(budget: JobSpec['budget'], spent: Metered, attempt: Attempt): number {
  const { max_seconds: maxSeconds = Infinity, max_usd: maxUsd = Infinity } = budget ?? {};
  const usdPerSecond = gbSecondsOf(1, attempt.memory_mb) * attempt.gb_second_usd;
  return Math.min(maxSeconds - spent.seconds, (maxUsd - spent.usd) / usdPerSecond);
}
