/** Small questions to a table: a column by name, which rows lack a value, one cell as JSON. */
import { ServiceError } from '../errors.ts';
import type { Column, Table } from './table.ts';

/** @throws invalid_request when the table has no such column. */
export function columnOf(table: Table, name: string): Column {
  const column = table.columns.find((candidate) => candidate.name === name);
  if (column !== undefined) return column;
  const names = table.columns.map((candidate) => candidate.name).join(', ');
  throw new ServiceError('invalid_request', `no column "${name}": the data has ${names}`);
}

export function isMissing(column: Column, row: number): boolean {
  switch (column.type) {
    case 'number':
    case 'integer':
    case 'datetime':
      return Number.isNaN(column.values[row]);
    case 'boolean':
      return column.values[row] === 255;
    case 'category':
      return column.values[row] === -1;
    case 'text':
      return column.values[row] === null;
    case 'tensor':
      return false;
  }
}

/** The value of a cell as a prediction request would carry it; null where it is missing. */
export function cellValue(column: Column, row: number): unknown {
  if (isMissing(column, row)) return null;
  switch (column.type) {
    case 'boolean':
      return column.values[row] === 1;
    case 'category':
      return column.categories[column.values[row]!];
    case 'tensor':
      return tensorCell(column, row);
    default:
      return column.values[row];
  }
}

/**
 * @param firstRow the number, from 0, of the column's first row in the data
 * @throws dataset_invalid naming the first row whose number is infinite, or whose tensor holds what is no number.
 */
export function requireFinite(column: Column, rows: number, firstRow = 0): void {
  if (column.type !== 'number' && column.type !== 'integer' && column.type !== 'tensor') return;
  const { values } = column;
  if (values.BYTES_PER_ELEMENT === 1) return;
  const isWhole = column.type === 'tensor' && column.isRagged !== true;
  // x - x is 0 for finite numbers and NaN for the others, among them the NaN that marks a missing number.
  const at = values.findIndex((x: number) => x - x !== 0 && (isWhole || x === x));
  if (at === -1) return;
  const row = firstRow + Math.floor((at * rows) / values.length) + 1;
  const detail = { row, column: column.name, message: `expected a finite number, found ${values[at]!}` };
  throw new ServiceError('dataset_invalid', `row ${row}, column "${column.name}": ${detail.message}`, {
    details: [detail],
  });
}

/** All rows, as indices. */
export function allRows(table: Table): Int32Array {
  return Int32Array.from({ length: table.rows }, (_, row) => row);
}

/** A row as nested arrays; of a ragged column, up to its end. */
function tensorCell({ values, shape, isRagged = false }: Column & { type: 'tensor' }, row: number): unknown {
  const width = shape.reduce((product, size) => product * size, 1);
  const length = isRagged ? lengthOf(values.subarray(row * width, (row + 1) * width), shape) : shape[0]!;
  return nest(values, [length, ...shape.slice(1)], row * width);
}

/** How many steps of a row stand before what fills it up. */
export function lengthOf(row: Uint8Array | Float32Array, [longest = 1]: readonly number[]): number {
  const end = row.findIndex((value) => Number.isNaN(value));
  return end === -1 ? longest : (end * longest) / row.length;
}

function nest(values: ArrayLike<number>, shape: readonly number[], offset: number): unknown {
  const [size, ...inner] = shape;
  if (size === undefined) return values[offset];
  const stride = inner.reduce((product, extent) => product * extent, 1);
  return Array.from({ length: size }, (_, i) => nest(values, inner, offset + i * stride));
}
