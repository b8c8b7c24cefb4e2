/**
 * Rows of the kernel matrix, computed in blocks by ONNX Runtime: the whole matrix at once where it fits in the cache, else blocks of the
 * rows that are asked for, of which the least recently used go first. A row's bits do not depend on the block that it is computed in.
 */
import type { Engine, Session } from '../../onnx/engine.ts';
import { tensor } from '../../tensor/tensor.ts';
import { kernelModel } from './kernel.ts';
import type { Kernel, KernelFactors } from './kernel.ts';

/** Of one matrix of rows; a full matrix of 8,192 rows just fits. */
export const CACHE_BYTES = 2 ** 28;
/** Values of a block of the full matrix: what a core keeps close. */
const BLOCK_VALUES = 1 << 19;
/** Rows computed together where not all are kept. */
const BLOCK_ROWS = 64;

export function fitsInCache(rows: number, cacheBytes = CACHE_BYTES): boolean {
  return rows * rows * Float32Array.BYTES_PER_ELEMENT <= cacheBytes;
}

/** What computes kernels of any of the training rows. */
export class KernelSource {
  readonly factors: KernelFactors;
  readonly #session: Session;

  private constructor(factors: KernelFactors, session: Session) {
    this.factors = factors;
    this.#session = session;
  }

  static async open(engine: Engine, kernel: Kernel, factors: KernelFactors): Promise<KernelSource> {
    return new KernelSource(factors, await engine.createSession(kernelModel(kernel, factors)));
  }

  /** K between `rows` (of the left factors) and the given right factors, [rows, columns] row-major. */
  async block(rows: Int32Array, right: KernelFactors['right']): Promise<Float32Array> {
    const { dtype, width } = this.factors;
    const left = gather(this.factors.left, rows, width);
    const results = await this.#session.run({
      left: tensor<'float32' | 'float64'>(dtype, [rows.length, width], left),
      right: tensor<'float32' | 'float64'>(dtype, [right.length / width, width], right),
    });
    return results['kernel']!.data as Float32Array;
  }

  release(): Promise<void> {
    return this.#session.release();
  }
}

export class KernelRows {
  readonly diagonal: Float64Array;
  /** Rows, and columns, of this kernel matrix. */
  readonly size: number;
  readonly #source: KernelSource;
  readonly #members: Int32Array;
  readonly #right: KernelFactors['right'];
  readonly #rows: (Float32Array | undefined)[];
  /** Blocks in the order of their last use; undefined where every row is kept. */
  readonly #recent: Map<number, Int32Array> | undefined;
  readonly #blockOf: Int32Array;
  readonly #maxBlocks: number;
  #blocks = 0;

  private constructor(source: KernelSource, members: Int32Array, cacheBytes: number) {
    const { right, width, diagonal } = source.factors;
    this.#source = source;
    this.#members = members;
    this.size = members.length;
    this.#right = members.length === diagonal.length ? right : gather(right, members, width);
    this.diagonal = members.length === diagonal.length ? diagonal : Float64Array.from(members, (row) => diagonal[row]!);
    this.#rows = new Array<Float32Array | undefined>(this.size).fill(undefined);
    this.#recent = fitsInCache(this.size, cacheBytes) ? undefined : new Map();
    this.#blockOf = new Int32Array(this.#recent === undefined ? 0 : this.size);
    this.#maxBlocks = Math.max(4, Math.floor(cacheBytes / (BLOCK_ROWS * this.size * Float32Array.BYTES_PER_ELEMENT)));
  }

  /** The kernel matrix of some training rows; computed here where it fits. `members` of all rows are 0 ... n-1. */
  static async open(source: KernelSource, members: Int32Array, cacheBytes = CACHE_BYTES): Promise<KernelRows> {
    const rows = new KernelRows(source, members, cacheBytes);
    if (rows.#recent === undefined) await rows.#computeAll();
    return rows;
  }

  /** Is the row in memory? Asking does not count as a use. */
  has(i: number): boolean {
    return this.#rows[i] !== undefined;
  }

  /** Row i, where it is in memory. */
  row(i: number): Float32Array | undefined {
    const row = this.#rows[i];
    if (row !== undefined && this.#recent !== undefined) this.#touch(this.#blockOf[i]!);
    return row;
  }

  /** How many rows a load computes at once. */
  get blockRows(): number {
    return Math.min(BLOCK_ROWS, this.size);
  }

  /** Computes one block of rows: `wanted`, at most `blockRows` of them, none of which is in memory. */
  async load(wanted: readonly number[]): Promise<void> {
    if (this.#recent === undefined) return;
    // Always as many rows as a block has: then a row has the same bits in each.
    const slots = Int32Array.from({ length: this.blockRows }, (_, k) => this.#members[wanted[k] ?? wanted[0]!]!);
    const values = await this.#source.block(slots, this.#right);
    const block = this.#blocks++;
    this.#recent.set(block, Int32Array.from(wanted));
    wanted.forEach((row, k) => {
      this.#rows[row] = values.subarray(k * this.size, (k + 1) * this.size);
      this.#blockOf[row] = block;
    });
    if (this.#recent.size > this.#maxBlocks) this.#forgetOldest(this.#recent);
  }

  #forgetOldest(recent: Map<number, Int32Array>): void {
    const [oldest] = recent;
    if (oldest === undefined) return;
    for (const row of oldest[1]) this.#rows[row] = undefined;
    recent.delete(oldest[0]);
  }

  #touch(block: number): void {
    const rows = this.#recent!.get(block)!;
    this.#recent!.delete(block);
    this.#recent!.set(block, rows);
  }

  async #computeAll(): Promise<void> {
    const height = Math.max(1, Math.min(this.size, Math.floor(BLOCK_VALUES / Math.max(1, this.size))));
    for (let begin = 0; begin < this.size; begin += height) {
      const end = Math.min(begin + height, this.size);
      const values = await this.#source.block(this.#members.subarray(begin, end), this.#right);
      for (let i = begin; i < end; i++)
        this.#rows[i] = values.subarray((i - begin) * this.size, (i - begin + 1) * this.size);
    }
  }
}

/** The given rows of a matrix; no copy where they follow each other. */
function gather<T extends Float32Array | Float64Array>(matrix: T, rows: Int32Array, width: number): T {
  const first = rows[0] ?? 0;
  if (rows.every((row, i) => row === first + i))
    return matrix.subarray(first * width, (first + rows.length) * width) as T;
  const result = matrix.slice(0, rows.length * width) as T;
  rows.forEach((row, i) => result.set(matrix.subarray(row * width, (row + 1) * width), i * width));
  return result;
}
