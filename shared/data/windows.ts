/**
 * A series as rows to learn a forecast from: each row is a window of past values and the values that follow it. Rows keep the order of time, and what
 * is validated with lies after all that is trained on.
 */
import { ServiceError } from '../errors.ts';
import { validationRows } from './split.ts';
import type { Split } from './split.ts';
import type { Column, Table } from './table.ts';
import { readTarget } from './target.ts';
import type { Target } from './target.ts';

export interface WindowSpec {
  /** Values that a forecast is made from. */
  readonly window: number;
  /** Values that it is of. */
  readonly horizon: number;
}

export interface Windows {
  /** One tensor column of the series' name, [window] a row. */
  readonly table: Table;
  /** `horizon` numbers a row. */
  readonly target: Target;
}

/** @throws invalid_request when a value is missing, or there are too few for one window and its forecast. */
export function windowsOf(table: Table, name: string, spec: WindowSpec): Windows {
  const rows = windowCount(table.rows, spec);
  const series = readTarget(table, name, 'regression').values as Float64Array;
  return cutWindows(series, { name, ...spec, begin: 0, end: rows });
}

/** How many windows a series of so many values has. @throws invalid_request where it has none */
export function windowCount(values: number, { window, horizon }: WindowSpec): number {
  const rows = values - window - horizon + 1;
  if (rows >= 1) return rows;
  const message = `a window of ${window} values and a horizon of ${horizon} need at least ${window + horizon} rows, the data has ${values}`;
  throw new ServiceError('invalid_request', message, { param: '/params/window' });
}

/** Windows [begin, end) of a series. */
export function cutWindows(
  series: Float64Array,
  { name, window, horizon, begin, end }: WindowSpec & { name: string; begin: number; end: number },
): Windows {
  const rows = end - begin;
  const past = new Float32Array(rows * window);
  const ahead = new Float64Array(rows * horizon);
  for (let row = 0; row < rows; row++) {
    const at = begin + row;
    past.set(series.subarray(at, at + window), row * window);
    ahead.set(series.subarray(at + window, at + window + horizon), row * horizon);
  }
  const column: Column = { name, type: 'tensor', shape: [window], values: past };
  return { table: { rows, columns: [column] }, target: { kind: 'numbers', values: ahead } };
}

/**
 * The last `fraction` of the windows validates (at least one, if there is another to train with). Windows whose forecast reaches into the validation's
 * are left out of training.
 */
export function splitWindows(rows: number, fraction: number, spec: WindowSpec): Split {
  const wanted = validationRows(rows, fraction);
  return {
    train: Int32Array.from({ length: trainedWindows(rows, fraction, spec) }, (_, row) => row),
    validation: Int32Array.from({ length: wanted }, (_, i) => rows - wanted + i),
  };
}

/** How many windows are trained on. @throws invalid_request where none is left */
export function trainedWindows(rows: number, fraction: number, { horizon }: WindowSpec): number {
  const wanted = validationRows(rows, fraction);
  const trained = wanted === 0 ? rows : rows - wanted - horizon + 1;
  if (trained >= 1) return trained;
  const message = `with a horizon of ${horizon}, ${wanted} of ${rows} windows to validate with leave none to train on: lower "validation.fraction", or bring more rows`;
  throw new ServiceError('invalid_request', message, { param: '/validation/fraction' });
}
