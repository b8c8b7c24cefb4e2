/** Time as a parameter, so that nothing reads the wall clock behind a test's back. */

export interface Clock {
  /** Milliseconds since the epoch. */
  nowMs(): number;
}

export const systemClock: Clock = { nowMs: () => Date.now() };

/** Whole seconds since the epoch, the unit of every time on the wire. */
export const epochS = (clock: Clock): number => Math.floor(clock.nowMs() / 1000);
