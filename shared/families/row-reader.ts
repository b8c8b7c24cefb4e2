/**
 * Rows from the first to the last, a few at a time, whether memory holds them all or some blocks of them. The blocks that follow are read while those
 * before are worked on.
 */
import type { FeatureDType, Features } from '../data/feature-matrix.ts';
import { rowsOf } from '../tensor/tensor.ts';
import { rowCount } from './contract.ts';
import type { Samples } from './contract.ts';

export interface RowRun {
  readonly x: Features;
  /** The target's values of these rows, one a row; none in clustering. */
  readonly y: Float64Array | Int32Array;
  readonly end: number;
}

/** Blocks that are read at once: enough that requests are few, and few enough that a fit which is to end hears of it in time. */
const BLOCKS_PER_STRETCH = 16;

/** For targets of one number a row. */
export class RowReader {
  readonly rows: number;
  readonly #samples: Samples;
  /** The first row of each stretch, and the end. */
  readonly #starts: readonly number[];
  #held: { readonly begin: number; readonly end: number; readonly part: Samples } | undefined;
  #ahead: { readonly stretch: number; readonly part: Promise<Samples> } | undefined;

  constructor(samples: Samples) {
    this.#samples = samples;
    this.rows = rowCount(samples);
    const firsts = samples.blocks?.starts.slice(0, -1).filter((_, block) => block % BLOCKS_PER_STRETCH === 0) ?? [0];
    this.#starts = [...firsts, this.rows];
  }

  /** Rows from `begin` on, at most `most`: fewer at the end of what is held. */
  async read(begin: number, most: number): Promise<RowRun> {
    const { begin: first, end: last, part } = await this.#holding(begin);
    const end = Math.min(begin + most, last);
    const y = part.target.values.subarray(begin - first, end - first);
    return { x: rowsOf<FeatureDType>(part.x, begin - first, end - first), y, end };
  }

  async #holding(row: number): Promise<{ begin: number; end: number; part: Samples }> {
    if (this.#held !== undefined && this.#held.begin <= row && row < this.#held.end) return this.#held;
    const stretch = this.#starts.findLastIndex((start) => start <= row);
    const part = await (this.#ahead?.stretch === stretch ? this.#ahead.part : this.#read(stretch));
    this.#ahead = this.#readAhead(stretch + 1);
    return (this.#held = { begin: this.#starts[stretch]!, end: this.#starts[stretch + 1]!, part });
  }

  #readAhead(stretch: number): { stretch: number; part: Promise<Samples> } | undefined {
    if (this.#samples.blocks === undefined || stretch + 1 >= this.#starts.length) return undefined;
    const part = this.#read(stretch);
    // Whoever asks for it is told; where nobody does, a failure is nobody's.
    part.catch(() => undefined);
    return { stretch, part };
  }

  async #read(stretch: number): Promise<Samples> {
    const { blocks } = this.#samples;
    if (blocks === undefined) return this.#samples;
    const first = stretch * BLOCKS_PER_STRETCH;
    const count = Math.min(BLOCKS_PER_STRETCH, blocks.starts.length - 1 - first);
    return blocks.read(Array.from({ length: count }, (_, k) => first + k));
  }
}
