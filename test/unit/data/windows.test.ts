/** Windows of a series and their split in the order of time. */
import { describe, expect, test } from '@jest/globals';
import { splitWindows, windowsOf } from '../../../shared/data/windows.ts';
import type { Table } from '../../../shared/data/table.ts';

const series: Table = {
  rows: 6,
  columns: [{ name: 'y', type: 'number', values: Float64Array.of(10, 11, 12, 13, 14, 15) }],
};

describe('windows', () => {
  test('are each window of past values with the values that follow it', () => {
    const { table, target } = windowsOf(series, 'y', { window: 3, horizon: 2 });

    expect(table.rows).toBe(2);
    expect(table.columns).toEqual([
      { name: 'y', type: 'tensor', shape: [3], values: Float32Array.of(10, 11, 12, 11, 12, 13) },
    ]);
    expect(target.values).toEqual(Float64Array.of(13, 14, 14, 15));
  });

  test('need as many rows as window and horizon, and no gaps', () => {
    const gap = Float64Array.of(1, Number.NaN, 3, 4, 5, 6);

    expect(() => windowsOf(series, 'y', { window: 5, horizon: 2 })).toThrow('need at least 7 rows, the data has 6');
    expect(() =>
      windowsOf({ rows: 6, columns: [{ name: 'y', type: 'number', values: gap }] }, 'y', { window: 2, horizon: 1 }),
    ).toThrow('lacks a value in 1 rows (first: row 2)');
  });

  test('are split so that nothing that is validated was trained on', () => {
    const { train, validation } = splitWindows(20, 0.25, { window: 4, horizon: 3 });
    const ahead = (rows: Int32Array) => [...rows].flatMap((row) => [4, 5, 6].map((step) => row + step));

    expect([...validation]).toEqual([15, 16, 17, 18, 19]);
    expect(train[0]).toBe(0);
    expect(Math.max(...ahead(train))).toBe(Math.min(...ahead(validation)) - 1);
    expect(splitWindows(5, 0, { window: 4, horizon: 3 }).train).toHaveLength(5);
    expect(() => splitWindows(4, 0.5, { window: 4, horizon: 3 })).toThrow('leave none to train on');
  });
});
