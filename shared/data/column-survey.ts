/**
 * What a column is, by all its cells: the first of the two passes over a file, which keeps none of them.
 *
 * The type, unless the caller states it, is inferred from the present (not missing) cells, in this order:
 *   tensor    a cell is an array
 *   boolean   all are true or false
 *   number    at least 95 % are numbers, or all but one or two are and these are at least two thirds: the others are
 *             row errors then (integer: every number is whole); a column with no present cell is a number column too
 *   datetime  all are ISO 8601 dates
 *   category  no cell is longer than 64 characters, and there are at most 20 distinct ones, or at most 1,000 that
 *             are no more than half of the cells
 *   text      otherwise
 */
import type { ErrorDetail } from '../errors.ts';
import { NUMBER_OF } from './cell.ts';
import type { Cell } from './cell.ts';
import { parseDatetime } from './cells.ts';
import { invalidDataset, MAX_ROW_ERRORS } from './row-errors.ts';
import type { RowErrors } from './row-errors.ts';
import type { ColumnType } from './table.ts';
import { TensorSurvey } from './tensor-column.ts';
import type { TensorPlan } from './tensor-column.ts';

/** How a column is stored: what the second pass has to know of it. */
export type ColumnPlan =
  | { readonly name: string; readonly type: 'number' | 'integer' | 'boolean' | 'datetime' | 'text' }
  /** Sorted by code unit. */
  | { readonly name: string; readonly type: 'category'; readonly categories: readonly string[] }
  | TensorPlan;

const NUMBER_SHARE = 0.95;
const MAX_SMALL_CATEGORIES = 20;
const MAX_CATEGORIES = 1000;
const MAX_CATEGORY_LENGTH = 64;
/** UTF-16 units of the categories of one column: they are kept in memory, and in the manifest. */
const MAX_CATEGORY_CHARS = 2 ** 24;

const EXPECTED = {
  number: 'a number',
  integer: 'an integer',
  boolean: 'true or false',
  datetime: 'an ISO 8601 date',
} as const;

export class ColumnSurvey {
  readonly name: string;
  rows = 0;
  private readonly declared: ColumnType | undefined;
  private readonly counts = { missing: 0, number: 0, boolean: 0, text: 0, array: 0 };
  private tensors: TensorSurvey | undefined;
  private areWhole = true;
  private areDates = true;
  private longest = 0;
  /** Distinct cells; undefined where there are too many for categories. */
  private seen: Set<string> | undefined = new Set();
  private seenChars = 0;
  /** Of the declared type; where there is none, of a number column. */
  private readonly misfits = new Misfits();
  /** Texts that are numbers, but not whole. */
  private readonly fractions = new Misfits();
  private readonly noArrays = new Misfits();

  constructor(name: string, declared?: ColumnType) {
    this.name = name;
    this.declared = declared;
  }

  append(cell: Cell): void {
    this.rows++;
    this.counts[cell.kind]++;
    if (cell.kind === 'array') (this.tensors ??= new TensorSurvey(this.name)).append(cell.array, this.rows);
    else this.noArrays.add(this.rows, cell);
    if (cell.kind === 'missing') return;
    this.longest = Math.max(this.longest, cell.text.length);
    if (cell.kind === 'number') this.areWhole &&= Number.isSafeInteger(cell.number);
    this.note(cell);
    if (this.declared === undefined) this.checkNumber(cell);
    else if (this.declared in NUMBER_OF && NUMBER_OF[this.declared as keyof typeof NUMBER_OF](cell) === undefined)
      this.misfits.add(this.rows, cell);
  }

  /** What the column is; cells that do not fit its type go to `errors`. */
  finish(errors: RowErrors): ColumnPlan {
    const { name } = this;
    const type = this.declared ?? this.infer();
    switch (type) {
      case 'tensor':
        return this.finishTensor(errors);
      case 'category':
        return { name, type, categories: [...(this.seen ?? [])].toSorted() };
      case 'text':
        return { name, type };
      default:
        this.reportMisfits(type, errors);
        return { name, type };
    }
  }

  /** Whether the cells may still be dates, or categories. */
  private note(cell: Cell): void {
    this.areDates &&= cell.kind === 'text' && parseDatetime(cell.text) !== undefined;
    if (this.seen === undefined || (this.declared !== undefined && this.declared !== 'category')) return;
    const before = this.seen.size;
    const { words } = cell;
    if (this.seen.add(words).size === before) return;
    this.seenChars += words.length;
    if (this.declared === undefined) {
      if (this.seen.size > MAX_CATEGORIES || this.longest > MAX_CATEGORY_LENGTH) this.seen = undefined;
    } else if (this.seenChars > MAX_CATEGORY_CHARS) {
      const found = `expected categories of at most ${MAX_CATEGORY_CHARS} characters in all, found more in ${this.rows} rows`;
      throw invalidDataset(found, { column: this.name, hint: 'state the type "text"' });
    }
  }

  private checkNumber(cell: Cell): void {
    if (cell.kind === 'number') return;
    const value = NUMBER_OF.number(cell);
    if (value === undefined) this.misfits.add(this.rows, cell);
    else if (!Number.isSafeInteger(value)) this.fractions.add(this.rows, cell);
  }

  private infer(): ColumnType {
    const { missing, number: numbers, boolean: booleans, text: texts } = this.counts;
    const present = this.rows - missing;
    if (this.tensors !== undefined) return 'tensor';
    if (present > 0 && booleans === present) return 'boolean';
    const others = present - numbers;
    if (numbers >= NUMBER_SHARE * present || (others <= 2 && numbers * 3 >= present * 2)) {
      return this.areWhole && numbers > 0 ? 'integer' : 'number';
    }
    if (texts === present && this.areDates) return 'datetime';
    return this.looksCategorical(present) ? 'category' : 'text';
  }

  private looksCategorical(present: number): boolean {
    const limit = Math.max(MAX_SMALL_CATEGORIES, Math.min(MAX_CATEGORIES, present / 2));
    return this.longest <= MAX_CATEGORY_LENGTH && this.seen !== undefined && this.seen.size <= limit;
  }

  /** Of the types that are inferred, only a number's has cells that do not fit. */
  private reportMisfits(type: keyof typeof EXPECTED, errors: RowErrors): void {
    const isInferred = this.declared === undefined;
    if (isInferred && type !== 'number' && type !== 'integer') return;
    const expected = EXPECTED[isInferred ? 'number' : type];
    const misfits = isInferred && type === 'integer' ? this.misfits.and(this.fractions) : this.misfits;
    const hint = `correct the value, leave it empty, or state the type: "columns": {${JSON.stringify(this.name)}: "category"}`;
    misfits.report(errors, ({ row, found }) => {
      return { row, column: this.name, message: `expected ${expected}, found ${found}`, hint };
    });
  }

  private finishTensor(errors: RowErrors): TensorPlan {
    if (this.tensors === undefined)
      throw invalidDataset('expected arrays of numbers, found none', { column: this.name });
    this.noArrays.report(errors, ({ row, found }) => {
      return { row, column: this.name, message: `expected an array of numbers, found ${found}` };
    });
    return this.tensors.finish(errors);
  }
}

interface Misfit {
  readonly row: number;
  readonly found: string;
}

/** Cells that do not fit a type which the column may turn out to have: the first, and how many. */
class Misfits {
  private total = 0;
  private readonly first: Misfit[] = [];

  add(row: number, cell: Cell): void {
    this.total++;
    if (this.first.length < MAX_ROW_ERRORS) this.first.push({ row, found: cell.quoted });
  }

  and(others: Misfits): Misfits {
    const both = new Misfits();
    both.first.push(...[...this.first, ...others.first].toSorted((a, b) => a.row - b.row).slice(0, MAX_ROW_ERRORS));
    both.total = this.total + others.total;
    return both;
  }

  report(errors: RowErrors, describe: (misfit: Misfit) => ErrorDetail): void {
    errors.addAll({ details: this.first.map(describe), total: this.total });
  }
}
