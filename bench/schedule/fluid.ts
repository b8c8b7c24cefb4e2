/**
 * The ideal that a scheduler of whole segments is held against: slots divided between tenants at every moment as max-min fairness asks, in parts as small
 * as one likes, and within a tenant between its jobs; nothing dies, and nobody pauses. A. K. Parekh, R. G. Gallager, "A generalized processor sharing approach to flow control" (1993).
 */
import type { Job } from './jobs.ts';

interface Flow {
  readonly job: Job;
  leftMs: number;
}

/** When each job would end, in ms. */
export function fluidEnds(jobs: readonly Job[], slots: number): Map<string, number> {
  const arrivals = jobs.toSorted((a, b) => a.submittedMs - b.submittedMs);
  const active = new Map<string, Flow[]>();
  const ends = new Map<string, number>();
  let nowMs = 0;
  for (let next = 0; next < arrivals.length || active.size > 0;) {
    const level = maxMinLevel(
      [...active.values()].map(({ length }) => length),
      slots,
    );
    const rateOf = (flows: readonly Flow[]): number => Math.min(1, level / flows.length);
    let untilMs = arrivals[next]?.submittedMs ?? Infinity;
    for (const flows of active.values()) {
      const leastMs = flows.reduce((least, { leftMs }) => Math.min(least, leftMs), Infinity);
      untilMs = Math.min(untilMs, nowMs + leastMs / rateOf(flows));
    }
    for (const [tenant, flows] of active) {
      const doneMs = (untilMs - nowMs) * rateOf(flows);
      for (const flow of flows) flow.leftMs -= doneMs;
      const left = flows.filter(({ job, leftMs }) => leftMs > 1e-3 || (ends.set(job.id, untilMs), false));
      if (left.length > 0) active.set(tenant, left);
      else active.delete(tenant);
    }
    nowMs = untilMs;
    for (; arrivals[next] !== undefined && arrivals[next]!.submittedMs <= nowMs; next++) {
      const job = arrivals[next]!;
      active.set(job.tenant, [...(active.get(job.tenant) ?? []), { job, leftMs: job.workMs }]);
    }
  }
  return ends;
}

/** Slots that everyone may have who wants so many: max-min fair, fractions allowed. */
function maxMinLevel(wanted: readonly number[], slots: number): number {
  let left = slots;
  const sorted = wanted.toSorted((a, b) => a - b);
  for (const [i, jobs] of sorted.entries()) {
    const level = left / (sorted.length - i);
    if (jobs > level) return level;
    left -= jobs;
  }
  return Infinity;
}
