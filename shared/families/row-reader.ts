/** Rows from the first to the last, a few at a time, whether memory holds them all or a block of them. */
import type { FeatureDType, Features } from '../data/feature-matrix.ts';
import { rowsOf } from '../tensor/tensor.ts';
import { rowCount } from './contract.ts';
import type { Samples } from './contract.ts';

export interface RowRun {
  readonly x: Features;
  /** The target's values of these rows. */
  readonly y: Float64Array;
  readonly end: number;
}

/** For targets of one number a row. */
export class RowReader {
  readonly rows: number;
  readonly #samples: Samples;
  readonly #starts: readonly number[];
  #held: { readonly begin: number; readonly end: number; readonly part: Samples } | undefined;

  constructor(samples: Samples) {
    this.#samples = samples;
    this.rows = rowCount(samples);
    this.#starts = samples.blocks?.starts ?? [0, this.rows];
  }

  /** Rows from `begin` on, at most `most`: fewer at the end of a block. */
  async read(begin: number, most: number): Promise<RowRun> {
    const { begin: first, end: last, part } = await this.#holding(begin);
    const end = Math.min(begin + most, last);
    const y = (part.target.values as Float64Array).subarray(begin - first, end - first);
    return { x: rowsOf<FeatureDType>(part.x, begin - first, end - first), y, end };
  }

  async #holding(row: number): Promise<{ begin: number; end: number; part: Samples }> {
    if (this.#held !== undefined && this.#held.begin <= row && row < this.#held.end) return this.#held;
    const block = this.#starts.findLastIndex((start) => start <= row);
    const part = (await this.#samples.blocks?.read([block])) ?? this.#samples;
    return (this.#held = { begin: this.#starts[block]!, end: this.#starts[block + 1]!, part });
  }
}
