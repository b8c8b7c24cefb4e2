/** Rows of a table as a request carries them. */
import { cellValue } from '../../../shared/data/columns.ts';
import type { Table } from '../../../shared/data/table.ts';

export function instancesOf(table: Table, rows: readonly number[], target: string): Record<string, unknown>[] {
  const columns = table.columns.filter(({ name }) => name !== target);
  return rows.map((row) => Object.fromEntries(columns.map((column) => [column.name, cellValue(column, row)])));
}
