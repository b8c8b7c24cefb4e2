/** A job with the trials of its sweep: those that have begun as they stand, the others as they were planned. */
import type { Job, TrialRecord } from '../../resources/job.ts';
import type { Sweep, Trial } from '../../resources/sweep.ts';
import { isFinished } from '../../resources/training.ts';
import { NO_USAGE, plus } from '../../workflows/run.ts';
import { plannedTrials } from '../../workflows/sweep.ts';

export function withTrials(job: Job & { sweep: Sweep }, begun: readonly TrialRecord[], nowS: number): Job {
  const known = new Map(begun.map(({ attempt: _, ...trial }) => [trial.id, trial]));
  const trials = plannedTrials(job).map(({ id, params }): Trial => {
    const status = isFinished(job) ? 'cancelled' : 'queued';
    const metrics = { train: {}, validation: {} };
    const planned = { id, params: { ...params }, status, progress: { fraction: 0 }, metrics, usage: NO_USAGE } as const;
    return known.get(id) ?? planned;
  });
  if (isFinished(job)) return { ...job, trials };
  const usage = { ...job.usage, ...trials.reduce((sum, trial) => plus(sum, trial.usage), job.usage) };
  return { ...job, trials, usage, progress: progressOf(job, trials, nowS) };
}

/** Of a halving the fraction is too low: most of its trials are never taken to their end. */
function progressOf({ started_at: startedAt }: Job, trials: readonly Trial[], nowS: number): Job['progress'] {
  const done = trials.reduce((sum, trial) => sum + (isFinished(trial) ? 1 : trial.progress.fraction), 0);
  const fraction = done / trials.length;
  if (startedAt === undefined || fraction === 0) return { fraction };
  return { fraction, eta_seconds: Math.round(((nowS - startedAt) * (1 - fraction)) / fraction) };
}
