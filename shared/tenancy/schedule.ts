/**
 * Who trains next while the account's capacity for training is short: max-min fairness between tenants. A free slot goes to the waiting tenant that
 * holds the fewest, among equals to the one that has waited longest; nobody waits while slots are free. Slots are leased for a segment, so that a
 * tenant with many jobs gives way at the end of each. Decisions only; who keeps the schedule is stores/schedules.ts.
 * Source: D. Bertsekas, R. Gallager, "Data Networks" (1992), section 6.5.2.
 */

export interface Schedule {
  /** By job: who holds a slot, and until when should the holder be gone without a word. */
  readonly running: Readonly<Record<string, { readonly tenant: string; readonly until_ms: number }>>;
  /** By tenant: since when it waits, and when it last asked. */
  readonly waiting: Readonly<Record<string, { readonly since_ms: number; readonly asked_ms: number }>>;
}

export interface Turn {
  readonly job: string;
  readonly tenant: string;
  readonly nowMs: number;
}

export interface Capacity {
  /** Segments at once, of all tenants together. */
  readonly slots: number;
  /** How long a slot is held at most. */
  readonly leaseMs: number;
}

export interface Decision {
  readonly isAdmitted: boolean;
  /** Undefined where nothing has to be written. */
  readonly next: Schedule | undefined;
}

export const EMPTY_SCHEDULE: Schedule = { running: {}, waiting: {} };

/** Longest pause between two questions of a waiting job, in seconds. */
const MAX_PAUSE_S = 120;
/** A tenant that has not asked for longer than this has gone away. */
const FORGOTTEN_MS = 2 * MAX_PAUSE_S * 1000;
/** A waiting tenant is written down again only when this much of its time is gone, so that asking costs reads alone. */
const REFRESH_MS = FORGOTTEN_MS / 4;

/** Seconds until a job that was not admitted asks again: 5, 10, 20 ... 120. */
export function pauseS(asked: number): number {
  return Math.min(MAX_PAUSE_S, 5 * 2 ** asked);
}

/** A job asks for its next segment; one that holds a slot asks to keep it. */
export function decide(schedule: Schedule, turn: Turn, { slots, leaseMs }: Capacity): Decision {
  const { job, tenant, nowMs } = turn;
  const known = currentWaiter(schedule, tenant, nowMs);
  const own = known ?? { since_ms: nowMs, asked_ms: nowMs };
  const { taken, before } = rivals(schedule, turn, own.since_ms);
  if (before < slots - taken) {
    const { running, waiting } = present(schedule, turn);
    const { [tenant]: _served, ...others } = waiting;
    return {
      isAdmitted: true,
      next: { running: { ...running, [job]: { tenant, until_ms: nowMs + leaseMs } }, waiting: others },
    };
  }
  const isFresh = known !== undefined && nowMs - known.asked_ms < REFRESH_MS;
  if (isFresh && schedule.running[job] === undefined) return { isAdmitted: false, next: undefined };
  const { running, waiting } = present(schedule, turn);
  return { isAdmitted: false, next: { running, waiting: { ...waiting, [tenant]: { ...own, asked_ms: nowMs } } } };
}

/** How many slots others hold, and how many waiting tenants come before this one. */
function rivals(
  { running, waiting }: Schedule,
  { job, tenant, nowMs }: Turn,
  sinceMs: number,
): { taken: number; before: number } {
  const held = new Map<string, number>();
  let taken = 0;
  for (const [id, holder] of Object.entries(running)) {
    if (id === job || holder.until_ms <= nowMs) continue;
    held.set(holder.tenant, (held.get(holder.tenant) ?? 0) + 1);
    taken++;
  }
  const own = held.get(tenant) ?? 0;
  let before = 0;
  for (const [other, waiter] of Object.entries(waiting)) {
    if (other === tenant || nowMs - waiter.asked_ms > FORGOTTEN_MS) continue;
    const difference = (held.get(other) ?? 0) - own;
    if (difference < 0 || (difference === 0 && waiter.since_ms < sinceMs)) before++;
  }
  return { taken, before };
}

function currentWaiter({ waiting }: Schedule, tenant: string, nowMs: number): Schedule['waiting'][string] | undefined {
  const waiter = waiting[tenant];
  return waiter !== undefined && nowMs - waiter.asked_ms <= FORGOTTEN_MS ? waiter : undefined;
}

/** The schedule without the slot that the job may hold, holders whose time is over, and tenants that went away. */
function present({ running, waiting }: Schedule, { job, nowMs }: Turn): Schedule {
  return {
    running: Object.fromEntries(
      Object.entries(running).filter(([id, { until_ms: untilMs }]) => id !== job && untilMs > nowMs),
    ),
    waiting: Object.fromEntries(
      Object.entries(waiting).filter(([, { asked_ms: askedMs }]) => nowMs - askedMs <= FORGOTTEN_MS),
    ),
  };
}

/** A job gives its slot back. @returns undefined where it holds none */
export function release({ running, waiting }: Schedule, job: string): Schedule | undefined {
  if (running[job] === undefined) return undefined;
  const { [job]: _given, ...others } = running;
  return { running: others, waiting };
}
