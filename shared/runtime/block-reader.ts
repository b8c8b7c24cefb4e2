/** Reads and encodes rows of data that memory does not hold: block by block, and a sample of them. */
import { columnOf, requireFinite } from '../data/columns.ts';
import type { Encoding } from '../data/encoding.ts';
import { FeatureEncoder } from '../data/feature-matrix.ts';
import type { FeatureDType, Features } from '../data/feature-matrix.ts';
import { requireEqualLengths } from '../data/target.ts';
import type { Target } from '../data/target.ts';
import type { Table } from '../data/table.ts';
import { concatTables } from '../data/table-source.ts';
import type { TableSource } from '../data/table-source.ts';
import type { SampleBlocks, Samples } from '../families/contract.ts';
import type { CheckedTraining } from '../families/validate.ts';
import type { Engine } from '../onnx/engine.ts';
import { ARRAYS } from '../tensor/dtype.ts';
import { tensor } from '../tensor/tensor.ts';
import { pickTarget } from './training-rows.ts';
import type { EncodedRows } from './training-rows.ts';

/** Blocks that are shuffled together: each comes from another place of the data. */
export const BLOCKS_PER_WINDOW = 64;

/** Rows to learn from, wherever they are. */
export interface StoredRows {
  readonly table: TableSource;
  /** Of all rows. */
  readonly target: Target;
}

interface BlockOptions {
  /** Rows of the table that are learned from or validated with, ascending. */
  readonly picked: Int32Array;
  /** Rows of a block. */
  readonly size: number;
  readonly encodings: readonly Encoding[];
  readonly checked: CheckedTraining;
  readonly engine: Engine;
}

/** The first and the last of blocks that follow each other: they are read at once. */
function runsOf(blocks: readonly number[]): (readonly [number, number])[] {
  const firsts = [...blocks.keys()].filter((at) => at === 0 || blocks[at] !== blocks[at - 1]! + 1);
  return firsts.map((at, k) => [blocks[at]!, blocks[(firsts[k + 1] ?? blocks.length) - 1]!]);
}

/** Reads and encodes runs of the picked rows. */
export class BlockReader {
  readonly #source: StoredRows;
  readonly #options: BlockOptions;

  constructor(source: StoredRows, options: BlockOptions) {
    this.#source = source;
    this.#options = options;
  }

  /** The rows' blocks, and beside them a sample of a block's size, taken from the beginning of blocks all over the data. */
  async sample(): Promise<EncodedRows> {
    const { picked, size } = this.#options;
    const count = Math.ceil(picked.length / size);
    const pieces = Math.min(BLOCKS_PER_WINDOW, count);
    const length = Math.max(1, Math.floor(size / pieces));
    const runs = Array.from({ length: pieces }, (_, k) => {
      const begin = Math.floor((k * count) / pieces) * size;
      return picked.subarray(begin, begin + length);
    });
    const tables: Table[] = [];
    const places: number[] = [];
    let offset = 0;
    for (const run of runs) {
      const table = await this.#read(run);
      for (const row of run) places.push(offset + row - run[0]!);
      tables.push(table);
      offset += table.rows;
    }
    const table = concatTables(tables);
    const [rows, numbers] = [Int32Array.from(places), Int32Array.from(runs.flatMap((run) => Array.from(run)))];
    const x = await this.#encode((encoder) => encoder.encode(table, rows));
    const sample = { x, target: this.#targetOf(numbers) };
    return { samples: { ...sample, blocks: this.#blocks(count) }, rows: { table, rows, numbers } };
  }

  #blocks(count: number): SampleBlocks {
    const { picked, size } = this.#options;
    const starts = Array.from({ length: count + 1 }, (_, k) => Math.min(k * size, picked.length));
    return {
      starts,
      perWindow: BLOCKS_PER_WINDOW,
      target: this.#targetOf(picked),
      read: (blocks) => this.#encode((encoder) => this.#readBlocks(encoder, blocks, starts)),
    };
  }

  async #readBlocks(encoder: FeatureEncoder, blocks: readonly number[], starts: readonly number[]): Promise<Samples> {
    const { picked } = this.#options;
    const runs = runsOf(blocks).map(([first, last]) => picked.subarray(starts[first], starts[last + 1]));
    const rows = runs.reduce((sum, { length }) => sum + length, 0);
    const numbers = new Int32Array(rows);
    let x: Features | undefined;
    let at = 0;
    for (const run of runs) {
      const begin = run[0]!;
      const places = run.map((row) => row - begin);
      const part = await encoder.encode(await this.#read(run), places);
      if (runs.length === 1) return { x: part, target: this.#targetOf(run) };
      const [, ...shape] = part.shape;
      const width = part.data.length / run.length;
      x ??= tensor<FeatureDType>(part.dtype, [rows, ...shape], new ARRAYS[part.dtype](rows * width));
      (x.data as Float64Array).set(part.data, at * width);
      numbers.set(run, at);
      at += run.length;
    }
    return { x: x!, target: this.#targetOf(numbers) };
  }

  /** The stored rows from the first of `run` to its last. */
  async #read(run: Int32Array): Promise<Table> {
    const { features, target: name } = this.#options.checked;
    const begin = run[0]!;
    const table = await this.#source.table.read(features, begin, run.at(-1)! + 1);
    for (const column of table.columns) requireFinite(column, table.rows, begin);
    const kind = this.#source.table.columns.find((column) => column.name === name);
    if (kind?.type === 'tensor' && !features.includes(kind.name)) {
      const steps = columnOf(await this.#source.table.read([kind.name], begin, begin + table.rows), kind.name);
      requireEqualLengths(columnOf(table, features[0]!), steps, { rows: table.rows, firstRow: begin });
    }
    return table;
  }

  async #encode<T>(work: (encoder: FeatureEncoder) => Promise<T>): Promise<T> {
    const { encodings, checked, engine } = this.#options;
    const encoder = await FeatureEncoder.open(engine, { encodings, emit: checked.family.emitFeatures });
    try {
      return await work(encoder);
    } finally {
      await encoder.release();
    }
  }

  #targetOf(numbers: Int32Array): Target {
    return pickTarget(this.#source.target, numbers, this.#source.table.rows);
  }
}
