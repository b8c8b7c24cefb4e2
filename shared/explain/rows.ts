/** Rows of feeds: one of them, one repeated, several joined. */
import { ARRAYS } from '../tensor/dtype.ts';
import { sameShape, sizeOf } from '../tensor/shape.ts';
import { rowsOf, tensor } from '../tensor/tensor.ts';
import type { HostTensor, NumericDType } from '../tensor/tensor.ts';
import type { Feeds } from './terms.ts';

export function rowAt(feeds: Feeds, row: number): Feeds {
  return rowRange(feeds, row, row + 1);
}

export function rowRange(feeds: Feeds, begin: number, end: number): Feeds {
  return mapFeeds(feeds, (value) => rowsOf(value, begin, end));
}

export function rowCount(feeds: Feeds): number {
  return Object.values(feeds)[0]?.shape[0] ?? 0;
}

/** The rows given by their positions, which may repeat. */
export function pickRows(feeds: Feeds, rows: ArrayLike<number>): Feeds {
  return mapFeeds(feeds, (value) => {
    const width = sizeOf(value.shape.slice(1));
    const shape = [rows.length, ...value.shape.slice(1)];
    if (value.dtype === 'string') {
      const { data } = value;
      return tensor(
        'string',
        shape,
        Array.from(rows).flatMap((row) => data.slice(row * width, (row + 1) * width)),
      );
    }
    const data = new ARRAYS[value.dtype as 'float64'](rows.length * width);
    for (let i = 0; i < rows.length; i++)
      data.set((value.data as Float64Array).subarray(rows[i]! * width, (rows[i]! + 1) * width), i * width);
    return tensor<NumericDType>(value.dtype, shape, data);
  });
}

/** Can the rows be joined? Sequences may be of several lengths. */
export function haveOneShape([first, ...others]: readonly Feeds[]): boolean {
  return others.every((row) =>
    Object.entries(row).every(([name, { shape }]) => sameShape(shape.slice(1), first![name]!.shape.slice(1))),
  );
}

/** Feeds of the same inputs one below the other. */
export function joinRows(parts: readonly Feeds[]): Feeds {
  return mapFeeds(parts[0]!, (first, name) => {
    const values = parts.map((part) => part[name]!);
    const shape = [values.reduce((sum, { shape: [rows = 0] }) => sum + rows, 0), ...first.shape.slice(1)];
    if (first.dtype === 'string')
      return tensor(
        'string',
        shape,
        values.flatMap(({ data }) => data as readonly string[]),
      );
    const data = new ARRAYS[first.dtype as 'float64'](sizeOf(shape));
    let at = 0;
    for (const value of values) {
      data.set(value.data as Float64Array, at);
      at += value.data.length;
    }
    return tensor<NumericDType>(first.dtype, shape, data);
  });
}

export function mapFeeds(feeds: Feeds, change: (value: HostTensor, name: string) => HostTensor): Feeds {
  return Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, change(value, name)]));
}
