/** What must hold of a run whatever the scheduler decided, told from what was executed and not from what was decided. */
import { segmentsOf } from './jobs.ts';
import type { Job } from './jobs.ts';
import type { Attempt } from './simulation.ts';

/** Every breach in a sentence: segments that are lost, done twice, out of order or beside each other, and more at once than there are slots. */
export function breaches(
  jobs: readonly Job[],
  attempts: readonly Attempt[],
  { slots, segmentMs }: { slots: number; segmentMs: number },
): string[] {
  const byJob = Map.groupBy(attempts, ({ job }) => job);
  const known = new Set(jobs.map(({ id }) => id));
  const strangers = [...byJob.keys()].filter((id) => !known.has(id)).map((id) => `${id} is no job, and was run`);
  return [
    ...strangers,
    ...jobs.flatMap((job) => breachesOf(job, byJob.get(job.id) ?? [], segmentMs)),
    ...crowds(attempts, slots),
  ];
}

function breachesOf(job: Job, attempts: readonly Attempt[], segmentMs: number): string[] {
  const inOrder = attempts.toSorted((a, b) => a.fromMs - b.fromMs);
  const done = inOrder.filter(({ isDone }) => isDone);
  const wanted = Array.from({ length: segmentsOf(job, segmentMs) }, (_, segment) => segment);
  const found = done.map(({ segment }) => segment);
  const overlap = inOrder.find((attempt, i) => i > 0 && attempt.fromMs < inOrder[i - 1]!.toMs);
  const trainedMs = done.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
  return [
    ...(found.join() === wanted.join()
      ? []
      : [`${job.id} did the segments ${found.join()}, expected ${wanted.join()}`]),
    ...(overlap === undefined ? [] : [`${job.id} ran two attempts at once at ${overlap.fromMs} ms`]),
    ...(inOrder[0] === undefined || inOrder[0].fromMs >= job.submittedMs ? [] : [`${job.id} ran before it was there`]),
    ...(trainedMs === job.workMs ? [] : [`${job.id} trained ${trainedMs} ms, expected ${job.workMs} ms`]),
  ];
}

/** At any time no more attempts than slots; the first time that it is otherwise. */
function crowds(attempts: readonly Attempt[], slots: number): string[] {
  const changes = attempts.flatMap(({ fromMs, toMs }) => [
    { atMs: fromMs, by: 1 },
    { atMs: toMs, by: -1 },
  ]);
  let running = 0;
  for (const { atMs, by } of changes.toSorted((a, b) => a.atMs - b.atMs || a.by - b.by)) {
    running += by;
    if (running > slots) return [`${running} attempts ran at ${atMs} ms, and there are ${slots} slots`];
  }
  return [];
}
