/** Until when somebody waits for a prediction. */
import type { Clock } from '../../clock.ts';
import type { Interruption } from '../../runtime/pace.ts';

/** What a prediction may take before it is given to a batch; the gateway waits for 29 s, and the batch has to be made too. */
export const MAX_WAIT_S = 20;

/** Passes without a timer: it is only asked, between two runs, and most predictions are one. */
export class Deadline implements Interruption {
  readonly #clock: Clock;
  readonly #atMs: number;
  #passed: Error | undefined;

  constructor(clock: Clock, inMs: number) {
    this.#clock = clock;
    this.#atMs = clock.nowMs() + inMs;
  }

  /** What is thrown; made when it is, for an error costs more than the rest of most predictions. */
  get passed(): Error {
    return (this.#passed ??= new Error('the prediction takes longer than it is waited for'));
  }

  get leftMs(): number {
    return Math.max(0, this.#atMs - this.#clock.nowMs());
  }

  throwIfAborted(aheadMs = 0): void {
    if (this.#clock.nowMs() + aheadMs >= this.#atMs) throw this.passed;
  }
}
