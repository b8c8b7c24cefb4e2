/** One column's cells of a block of rows: the second pass over a file, after column-survey.ts has found them all to fit. */
import { NUMBER_OF } from './cell.ts';
import type { Cell } from './cell.ts';
import type { ColumnPlan } from './column-survey.ts';
import { Growable } from './growable.ts';
import type { Column } from './table.ts';
import { TensorBlock } from './tensor-column.ts';

export interface ColumnBlock {
  /** @returns the bytes that the cell takes as it is stored */
  append(cell: Cell): number;
  /** The column of the block's rows; the next block begins. */
  take(): Column;
}

export function columnBlock(plan: ColumnPlan): ColumnBlock {
  switch (plan.type) {
    case 'number':
    case 'integer':
    case 'datetime':
      return new NumberBlock(plan.name, plan.type);
    case 'boolean':
      return new BooleanBlock(plan.name);
    case 'category':
      return new CategoryBlock(plan.name, plan.categories);
    case 'text':
      return new TextBlock(plan.name);
    case 'tensor': {
      const tensors = new TensorBlock(plan);
      return { append: (cell) => tensors.append(cell.array), take: () => tensors.take() };
    }
  }
}

class NumberBlock implements ColumnBlock {
  private readonly name: string;
  private readonly type: 'number' | 'integer' | 'datetime';
  private readonly values = new Growable((n) => new Float64Array(n));

  constructor(name: string, type: 'number' | 'integer' | 'datetime') {
    this.name = name;
    this.type = type;
  }

  append(cell: Cell): number {
    const value = cell.kind === 'missing' ? undefined : NUMBER_OF[this.type](cell);
    this.values.push(value ?? Number.NaN);
    return Float64Array.BYTES_PER_ELEMENT;
  }

  take(): Column {
    return { name: this.name, type: this.type, values: this.values.take() };
  }
}

class BooleanBlock implements ColumnBlock {
  private readonly name: string;
  private readonly values = new Growable((n) => new Uint8Array(n));

  constructor(name: string) {
    this.name = name;
  }

  append(cell: Cell): number {
    this.values.push((cell.kind === 'missing' ? undefined : NUMBER_OF.boolean(cell)) ?? 255);
    return 1;
  }

  take(): Column {
    return { name: this.name, type: 'boolean', values: this.values.take() };
  }
}

class CategoryBlock implements ColumnBlock {
  private readonly name: string;
  private readonly categories: readonly string[];
  private readonly codes: ReadonlyMap<string, number>;
  private readonly values = new Growable((n) => new Int32Array(n));

  constructor(name: string, categories: readonly string[]) {
    this.name = name;
    this.categories = categories;
    this.codes = new Map(categories.map((category, code) => [category, code]));
  }

  append(cell: Cell): number {
    this.values.push((cell.kind === 'missing' ? undefined : this.codes.get(cell.words)) ?? -1);
    return Int32Array.BYTES_PER_ELEMENT;
  }

  take(): Column {
    return { name: this.name, type: 'category', values: this.values.take(), categories: this.categories };
  }
}

class TextBlock implements ColumnBlock {
  private readonly name: string;
  private values: (string | null)[] = [];

  constructor(name: string) {
    this.name = name;
  }

  /** Besides the text there are its place, of four bytes, and whether it is missing. */
  append(cell: Cell): number {
    const text = cell.kind === 'missing' ? null : cell.words;
    this.values.push(text);
    return 5 + (text === null ? 0 : Buffer.byteLength(text));
  }

  take(): Column {
    const { values } = this;
    this.values = [];
    return { name: this.name, type: 'text', values };
  }
}
