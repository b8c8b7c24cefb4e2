/** What has no room for one more attempt. */
export type Exhausted = 'over_budget' | 'over_quota';

/** *fit* failed without an answer of its own: it crashed, ran out of memory or of time, as often as it was tried. */
export class FitFailed extends Error {
  override readonly name = 'FitFailed';
  /** Why it was not tried as often as it might have been. */
  readonly exhausted: Exhausted | undefined;

  constructor(message: string, exhausted?: Exhausted) {
    super(message);
    this.exhausted = exhausted;
  }
}

/** It was never tried: in half a day there was no slot for it. */
export class NoTurn extends FitFailed {}
