/** The first pass over a file's rows, whatever its format: names are checked, types found, and every cell that does not fit is reported. */
import { ColumnSurvey } from './column-survey.ts';
import type { ColumnPlan } from './column-survey.ts';
import { invalidDataset, RowErrors } from './row-errors.ts';
import type { ColumnType } from './table.ts';

/** The profile of more would not fit the dataset's record. */
export const MAX_COLUMNS = 2_000;
export const MAX_COLUMN_NAME_CHARS = 200;

/** @throws dataset_invalid where there are too many columns */
export function checkColumnCount(count: number): void {
  if (count <= MAX_COLUMNS) return;
  throw invalidDataset(`expected at most ${MAX_COLUMNS} columns, found ${count} or more`, {
    hint: 'put numbers that belong together into one column of arrays (jsonl), or fewer features into the file',
  });
}

/** Types that the caller states, by column name; the other columns are inferred (column-survey.ts). */
export type ColumnTypes = Readonly<Record<string, ColumnType>>;

export interface ReadOptions {
  readonly columns?: ColumnTypes;
  /** UTF-16 units that a row of a text format may have. Default MAX_ROW_CHARS. */
  readonly maxRowChars?: number;
}

/** A table before it is stored: its second pass needs no more. */
export interface TablePlan {
  readonly rows: number;
  readonly columns: readonly ColumnPlan[];
}

/** One survey per name. @throws dataset_invalid on empty or duplicate names and on declared columns that do not exist. */
export function startColumns(names: readonly string[], declared: ColumnTypes = {}): ColumnSurvey[] {
  checkNames(names, declared);
  return names.map((name) => startColumn(name, declared));
}

export function startColumn(name: string, declared: ColumnTypes = {}): ColumnSurvey {
  // A column may be called `constructor`: only the caller's own words count.
  return new ColumnSurvey(name, Object.hasOwn(declared, name) ? declared[name] : undefined);
}

/** @throws dataset_invalid on empty or duplicate names and on declared columns that do not exist. */
export function checkNames(names: readonly string[], declared: ColumnTypes = {}): void {
  checkColumnCount(names.length);
  const errors = new RowErrors();
  const first = new Map<string, number>();
  names.forEach((name, index) => {
    const before = first.get(name);
    if (name.length > MAX_COLUMN_NAME_CHARS)
      errors.add({
        column: `${name.slice(0, 40)}...`,
        message: `expected a name of at most ${MAX_COLUMN_NAME_CHARS} characters, found ${name.length}`,
        hint: 'shorten it; if the file has no header, say "csv_options": {"header": false}',
      });
    else if (name === '')
      errors.add({ message: `column ${index + 1} has no name`, hint: 'give every column a name in the header' });
    else if (before !== undefined) {
      errors.add({
        column: name,
        message: `the name stands twice, at columns ${before + 1} and ${index + 1}`,
        hint: 'rename one of them',
      });
    } else first.set(name, index);
  });
  for (const name of Object.keys(declared)) {
    if (!first.has(name))
      errors.add({
        column: name,
        message: `declared in "columns" but not in the data, which has: ${names.slice(0, 50).join(', ')}`,
      });
  }
  errors.throwIfAny();
}

/** What the table is. @throws dataset_invalid with the row errors, or when there are no rows. */
export function finishSurvey(surveys: readonly ColumnSurvey[], errors: RowErrors): TablePlan {
  const rows = surveys[0]?.rows ?? 0;
  if (rows === 0) {
    errors.throwIfAny();
    throw invalidDataset('the data has no rows', { hint: 'send at least one row below the header' });
  }
  const columns = surveys.map((survey) => survey.finish(errors));
  errors.throwIfAny();
  return { rows, columns };
}
