/**
 * A tensor column while its file is read twice: nested arrays of numbers of one shape, the first row's, but for their lengths: rows of unequal lengths are
 * sequences, filled up with NaN. Numbers are float32; a column of rank two or more whose values are all whole and within 0..255 (and not only 0 and 1)
 * is taken for pixels and kept as bytes.
 */
import { Growable } from './growable.ts';
import { flattenInto, shapeOfNested } from './nested-array.ts';
import { invalidDataset, RowErrors } from './row-errors.ts';
import type { Column } from './table.ts';

export interface TensorPlan {
  readonly name: string;
  readonly type: 'tensor';
  /** One row's, or the longest's. */
  readonly shape: readonly number[];
  readonly isBytes: boolean;
  readonly isRagged: boolean;
}

/** Filled up to the longest, rows of unequal lengths have at most this many numbers (512 MB). */
const MAX_FILLED_VALUES = 1 << 27;

/** More than any model takes, and few enough to walk by recursion. */
const MAX_RANK = 16;

/** The first pass: what the rows have in common. */
export class TensorSurvey {
  private readonly name: string;
  private readonly problems = new RowErrors();
  private shape: readonly number[] | undefined;
  private row = new Float32Array(0);
  private rows = 0;
  private longest = 0;
  private isRagged = false;
  private areBytes = true;
  private largest = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** Takes one row; a row that differs from the first in more than its length is remembered as an error. */
  append(value: readonly unknown[], row: number): void {
    this.shape ??= shapeOfNested(value);
    if (this.shape.length > MAX_RANK) {
      throw invalidDataset(`expected arrays nested at most ${MAX_RANK} deep, found ${this.shape.length}`, {
        row,
        column: this.name,
      });
    }
    const shape = [value.length, ...this.shape.slice(1)];
    const size = product(shape);
    if (this.row.length !== size) this.row = new Float32Array(size);
    const problem =
      size === 0 ? 'expected an array with elements, found an empty one' : flattenInto(value, shape, this.row);
    if (problem !== undefined) {
      this.problems.add({ row, column: this.name, message: describe(value, shape, problem) });
      return;
    }
    for (const number of this.row) {
      this.areBytes &&= number >= 0 && number <= 255 && Number.isInteger(number);
      if (number > this.largest) this.largest = number;
    }
    this.isRagged ||= this.rows > 0 && value.length !== this.longest;
    this.longest = Math.max(this.longest, value.length);
    this.rows++;
  }

  finish(errors: RowErrors): TensorPlan {
    errors.addAll(this.problems);
    const shape = [this.longest, ...(this.shape ?? []).slice(1)];
    if (this.isRagged && product(shape) * this.rows > MAX_FILLED_VALUES) {
      const message = `rows of unequal lengths are filled up to the longest, and ${this.rows} rows of shape [${shape.join(', ')}] are too much: cut the longest`;
      errors.add({ column: this.name, message });
    }
    const isBytes = !this.isRagged && this.areBytes && shape.length >= 2 && this.largest > 1;
    return { name: this.name, type: 'tensor', shape, isBytes, isRagged: this.isRagged };
  }
}

function describe(value: readonly unknown[], shape: readonly number[], problem: string): string {
  const [expected, found] = [shape.slice(1).join(', '), shapeOfNested(value).slice(1).join(', ')];
  // Arrays of unequal length within the row have the right shape by their first elements.
  const difference = expected === found ? '' : `, found [${found}]`;
  const wanted = expected === '' ? 'numbers' : `steps of shape [${expected}] as in the first row${difference}`;
  return `expected ${wanted}: ${problem}`;
}

/** The second pass: the rows of a block. */
export class TensorBlock {
  private readonly plan: TensorPlan;
  private readonly values: Growable<Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>>;
  private readonly row: Float32Array;

  constructor(plan: TensorPlan) {
    this.plan = plan;
    this.values = new Growable<Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>>((n) =>
      plan.isBytes ? new Uint8Array(n) : new Float32Array(n),
    );
    this.row = new Float32Array(product(plan.shape));
  }

  /** Takes a row that the first pass has taken. @returns its bytes */
  append(value: readonly unknown[]): number {
    if (this.plan.isRagged) this.row.fill(Number.NaN);
    flattenInto(value, [value.length, ...this.plan.shape.slice(1)], this.row);
    this.values.append(this.row);
    return this.row.length * (this.plan.isBytes ? 1 : Float32Array.BYTES_PER_ELEMENT);
  }

  take(): Column {
    const { name, type, shape, isRagged } = this.plan;
    return { name, type, shape, values: this.values.take(), ...(isRagged ? { isRagged } : {}) };
  }
}

const product = (shape: readonly number[]): number => shape.reduce((total, size) => total * size, 1);
