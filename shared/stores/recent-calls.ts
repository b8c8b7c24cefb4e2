/** The calls of the last second, summed up: how busy an environment is. */
const SPAN_MS = 1_000;
/** Calls that lie behind are cut off this many at a time. */
const CUT = 1_000;

export class RecentCalls {
  readonly #calls: { ms: number; units: number }[] = [];
  /** Index of the first call within the span. */
  #first = 0;
  #units = 0;

  note(nowMs: number, units: number): void {
    this.#calls.push({ ms: nowMs, units });
    this.#units += units;
    while (this.#calls[this.#first]!.ms <= nowMs - SPAN_MS) {
      this.#units -= this.#calls[this.#first]!.units;
      this.#first += 1;
    }
    if (this.#first < CUT) return;
    this.#calls.splice(0, this.#first);
    this.#first = 0;
  }

  /** How many there were in the second before the last one, itself included. */
  get count(): number {
    return this.#calls.length - this.#first;
  }

  /** What they asked for together. */
  get units(): number {
    return this.#units;
  }

  get lastMs(): number {
    return this.#calls.at(-1)?.ms ?? 0;
  }
}
