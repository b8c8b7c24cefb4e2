/** Builds a Table from rows, whatever the format they come from: the checks of names, and the columns' types. */
import { ColumnBuilder } from './column-builder.ts';
import { invalidDataset, RowErrors } from './row-errors.ts';
import type { ColumnType, Table } from './table.ts';

/** Types that the caller states, by column name; the other columns are inferred (column-builder.ts). */
export type ColumnTypes = Readonly<Record<string, ColumnType>>;

export interface ReadOptions {
  readonly columns?: ColumnTypes;
}

/** One builder per name. @throws dataset_invalid on empty or duplicate names and on declared columns that do not exist. */
export function startColumns(names: readonly string[], declared: ColumnTypes = {}): ColumnBuilder[] {
  const errors = new RowErrors();
  const first = new Map<string, number>();
  names.forEach((name, index) => {
    const before = first.get(name);
    if (name === '')
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
        message: `declared in "columns" but not in the data, which has: ${names.join(', ')}`,
      });
  }
  errors.throwIfAny();
  return names.map((name) => new ColumnBuilder(name));
}

/** The finished table. @throws dataset_invalid with the row errors, or when there are no rows. */
export function finishTable(builders: readonly ColumnBuilder[], errors: RowErrors, declared: ColumnTypes = {}): Table {
  const rows = builders[0]?.rows ?? 0;
  if (rows === 0) {
    errors.throwIfAny();
    throw invalidDataset('the data has no rows', { hint: 'send at least one row below the header' });
  }
  const columns = builders.map((builder) =>
    // A column may be called `constructor`: only the caller's own words count.
    builder.build(Object.hasOwn(declared, builder.name) ? declared[builder.name] : undefined, errors),
  );
  errors.throwIfAny();
  return { rows, columns };
}
