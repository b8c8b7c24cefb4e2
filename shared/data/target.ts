/** The target column as what families learn: class indices with their labels, or numbers. */
import { ServiceError } from '../errors.ts';
import { columnOf, isMissing, lengthOf } from './columns.ts';
import type { Column, Table } from './table.ts';

/** A class as the caller knows it. */
export type Label = string | number | boolean;

export type Target =
  | {
      readonly kind: 'classes';
      readonly labels: readonly Label[];
      readonly values: Int32Array;
      /** Where every step has a class: [time], -1 after the end of a shorter row. */
      readonly steps?: readonly number[] | undefined;
    }
  | {
      readonly kind: 'numbers';
      /** One per row; as many as the horizon in a forecast. */
      readonly values: Float64Array;
      /** Where every step has numbers: [time] or [time, numbers], NaN after the end of a shorter row. */
      readonly steps?: readonly number[] | undefined;
    }
  /** Clustering has nothing to learn from but the features; `values` is empty. */
  | { readonly kind: 'none'; readonly values: Float64Array };

export const NO_TARGET: Target = { kind: 'none', values: new Float64Array(0) };

/** Column types that can be the target of a task. */
export const TARGET_TYPES = {
  classification: ['integer', 'boolean', 'category', 'text'],
  regression: ['number', 'integer'],
  forecasting: ['number', 'integer'],
} as const;

const MAX_CLASSES = 1000;

/**
 * The target of every row. `labels` are those of a training table, for validation tables: a class index is that of the label.
 * @throws invalid_request when values are missing, there are fewer than two classes or more than 1,000, or a label is unknown.
 */
export function readTarget(
  table: Table,
  name: string,
  task: 'classification' | 'regression',
  labels?: readonly Label[],
): Target {
  const column = columnOf(table, name);
  if (column.type === 'tensor') return readSteps(column, task, labels);
  requireComplete(column, table.rows);
  if (task === 'regression') {
    if (column.type !== 'number' && column.type !== 'integer') throw wrongType(column, task);
    return { kind: 'numbers', values: column.values };
  }
  const cells = labelCells(column, table.rows);
  const known = knownLabels(name, cells, labels);
  const index = new Map(known.map((label, k) => [label, k]));
  const values = Int32Array.from(cells, (label, row) => {
    const k = index.get(label);
    if (k === undefined) throw strangeLabel(row, label);
    return k;
  });
  return { kind: 'classes', labels: known, values };
}

/** Labels of a training table as they are, or those found; two to 1,000 of them. */
function knownLabels(name: string, cells: readonly Label[], labels: readonly Label[] | undefined): readonly Label[] {
  const known = labels ?? distinct(cells);
  if (known.length < 2) {
    const only = known.length === 1 ? `only ${JSON.stringify(known[0])}` : 'none';
    throw targetError(`the target "${name}" needs at least two classes to tell apart, found ${only}`);
  }
  if (known.length > MAX_CLASSES) {
    throw targetError(
      `the target "${name}" has ${known.length} classes, at most ${MAX_CLASSES} are possible: is it a number, and the task regression?`,
    );
  }
  return known;
}

function strangeLabel(row: number, label: Label): ServiceError {
  return targetError(
    `validation row ${row + 1}: the class ${JSON.stringify(label)} is not among those of the training rows`,
  );
}

/** A class or numbers for every step of a row. */
function readSteps(
  { name, shape: steps, values: cells }: Column & { type: 'tensor' },
  task: 'classification' | 'regression',
  labels: readonly Label[] | undefined,
): Target {
  if (task === 'regression') return { kind: 'numbers', values: Float64Array.from(cells), steps };
  const width = steps[0]!;
  const at = (cells as Float32Array).findIndex((value) => !Number.isNaN(value) && !Number.isInteger(value));
  if (at !== -1) {
    const message = `row ${Math.floor(at / width) + 1}: the classes of "${name}" are whole numbers, found ${cells[at]!}; for numbers with decimals the task is regression`;
    throw targetError(message);
  }
  const known = knownLabels(
    name,
    [...new Set(cells)].filter((value) => !Number.isNaN(value)),
    labels,
  );
  const index = new Map(known.map((label, k) => [label, k]));
  const values = Int32Array.from(cells, (label, i) => {
    const k = Number.isNaN(label) ? -1 : index.get(label);
    if (k === undefined) throw strangeLabel(Math.floor(i / width), label);
    return k;
  });
  return { kind: 'classes', labels: known, values, steps };
}

/**
 * @param firstRow the number, from 0, of the columns' first row in the data
 * @throws invalid_request naming the first row whose target has more or fewer steps than its feature.
 */
export function requireEqualLengths(
  feature: Column,
  target: Column,
  { rows, firstRow = 0 }: { readonly rows: number; readonly firstRow?: number },
): void {
  if (feature.type !== 'tensor' || target.type !== 'tensor') return;
  const stepsAt = ({ values, shape }: Column & { type: 'tensor' }, row: number): number => {
    const width = values.length / rows;
    return lengthOf(values.subarray(row * width, (row + 1) * width), shape);
  };
  for (let row = 0; row < rows; row++) {
    const [wanted, got] = [stepsAt(feature, row), stepsAt(target, row)];
    if (wanted === got) continue;
    const message = `row ${firstRow + row + 1}: expected a target of ${wanted} steps, as "${feature.name}" has, got ${got}`;
    throw targetError(message);
  }
}

export function wrongType(column: Pick<Column, 'name' | 'type'>, task: keyof typeof TARGET_TYPES): ServiceError {
  const hint =
    column.type === 'number' && task === 'classification' ? '; for numbers with decimals the task is regression' : '';
  const message = `the target of ${task} is a column of type ${TARGET_TYPES[task].join(', ')}; "${column.name}" is of type ${column.type}${hint}`;
  return targetError(message);
}

function requireComplete(column: Column, rows: number): void {
  const missing: number[] = [];
  for (let row = 0; row < rows; row++) if (isMissing(column, row)) missing.push(row + 1);
  if (missing.length === 0) return;
  const details = missing
    .slice(0, 100)
    .map((row) => ({ row, column: column.name, message: 'expected a value of the target, found none' }));
  const message = `the target "${column.name}" lacks a value in ${missing.length} rows (first: row ${missing[0]!}): leave these rows out`;
  throw new ServiceError('invalid_request', message, { details, param: '/target' });
}

function labelCells(column: Column, rows: number): Label[] {
  switch (column.type) {
    case 'integer':
      return Array.from(column.values);
    case 'boolean':
      return Array.from(column.values, (value) => value === 1);
    case 'category':
      return Array.from(column.values, (code) => column.categories[code]!);
    case 'text':
      return Array.from({ length: rows }, (_, row) => column.values[row]!);
    default:
      throw wrongType(column, 'classification');
  }
}

/** Distinct labels in order: numbers by size, texts by code unit, false before true. */
function distinct(cells: readonly Label[]): Label[] {
  return [...new Set(cells)].sort((a, b) => (a < b ? -1 : 1));
}

function targetError(message: string): ServiceError {
  return new ServiceError('invalid_request', message, { param: '/target' });
}
