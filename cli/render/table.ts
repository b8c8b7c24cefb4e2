/** Rows and fields as text. */

export type Cell = string | number | boolean | null | undefined;

/** Columns as wide as their widest cell; numbers to the right. */
export function table(heads: readonly string[], rows: readonly (readonly Cell[])[]): string[] {
  if (rows.length === 0) return ['none'];
  const cells = rows.map((row) => row.map(cellText));
  const widths = heads.map((head, i) => Math.max(head.length, ...cells.map((row) => row[i]?.length ?? 0)));
  const isNumeric = heads.map((_, i) => rows.every((row) => typeof row[i] === 'number'));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => (isNumeric[i] === true ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd();
  return [line(heads), ...cells.map(line)];
}

/** `name  value`, one a line; fields that are not there are left out. */
export function fields(values: Readonly<Record<string, Cell>>): string[] {
  const known = Object.entries(values).filter(([, value]) => value !== undefined);
  const width = Math.max(0, ...known.map(([name]) => name.length));
  return known.map(([name, value]) => `${name.padEnd(width)}  ${cellText(value)}`);
}

/** UTC, to the second. */
export function time(epochS: number | undefined): string {
  return epochS === undefined ? '' : new Date(epochS * 1000).toISOString().replace('T', ' ').replace('.000Z', 'Z');
}

export function bytes(count: number | undefined): string {
  if (count === undefined) return '';
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(Math.floor(Math.log10(Math.max(count, 1)) / 3), units.length - 1);
  return power === 0 ? `${count} B` : `${(count / 1000 ** power).toFixed(1)} ${units[power]!}`;
}

/** Six significant digits are what a person compares. */
export function number(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
}

function cellText(value: Cell): string {
  if (typeof value === 'number') return number(value);
  return value === null || value === undefined ? '' : String(value);
}
