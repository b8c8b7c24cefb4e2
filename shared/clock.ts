/** Time as a parameter, so that nothing reads the wall clock behind a test's back. */

export interface Clock {
  /** Milliseconds since the epoch. */
  nowMs(): number;
}

export const systemClock: Clock = { nowMs: () => Date.now() };

/** Whole seconds since the epoch, the unit of every time on the wire. */
export const epochS = (clock: Clock): number => Math.floor(clock.nowMs() / 1000);

/**
 * A clock that cannot jump: the wall clock's time at its making, and what has passed since by a clock that only goes forward. For deadlines and
 * durations; the system's clock may be set back or forth meanwhile.
 */
export function steadyClock(): Clock {
  const offsetMs = Date.now() - performance.now();
  return { nowMs: () => offsetMs + performance.now() };
}

/** Until the counts of a month begin anew. */
export function secondsToNextMonth(nowMs: number): number {
  const now = new Date(nowMs);
  return Math.ceil((Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1) - nowMs) / 1000);
}
