/**
 * How long a model takes for a row. One run blocks the JavaScript thread until it is done, so that what may be interrupted has to be cut into short
 * runs beforehand: by the time of the rows before, and for the first by that of one row alone.
 */

/** Ends what takes too long; an AbortSignal is one. */
export interface Interruption {
  /** @param aheadMs how long the next run will take at least */
  throwIfAborted(aheadMs?: number): void;
}

/** Of one run, where it may be interrupted. */
const RUN_MS = 1_000;

export class Pace {
  #measuredMs: number | undefined;
  readonly #expectedMs: number | undefined;

  /** @param rowMs what it took somewhere else: heeded until something is measured here */
  constructor(rowMs?: number) {
    this.#expectedMs = rowMs;
  }

  /**
   * Runs the rows from 0 to the count in blocks, at most so many rows in one.
   * @throws what the interruption throws, before a run that would outlast it
   */
  async inBlocks(
    run: (begin: number, end: number) => Promise<unknown>,
    { count, most, interruption }: { count: number; most: number; interruption?: Interruption | undefined },
  ): Promise<void> {
    for (let begin = 0; begin < count;) {
      interruption?.throwIfAborted(this.#measuredMs ?? this.#expectedMs);
      // Its answer is not kept, so that rows of a fast model are run together as they are when its pace is known.
      if (interruption !== undefined && this.#measuredMs === undefined && count > 1) {
        await this.#timed(() => run(0, 1), 1);
        continue;
      }
      const rows =
        interruption === undefined ? most : Math.min(most, Math.floor(RUN_MS / (this.#measuredMs ?? RUN_MS)));
      const end = Math.min(count, begin + Math.max(1, rows));
      await this.#timed(() => run(begin, end), end - begin);
      begin = end;
    }
  }

  async #timed(run: () => Promise<unknown>, rows: number): Promise<void> {
    const startedMs = performance.now();
    await run();
    this.#measuredMs = (performance.now() - startedMs) / rows;
  }
}
