/** Parquet files that Apache Arrow wrote, of known values, one for each compression. */
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import { columnOf, cellValue } from '../../../shared/data/columns.ts';
import { readParquet } from '../../../shared/data/parquet.ts';

const fixture = (name: string): Promise<Uint8Array> =>
  readFile(new URL(`../../fixtures/data/parquet/${name}.parquet`, import.meta.url));

const seconds = (text: string): number => Date.parse(text) / 1000;
const leapDay = seconds('2024-02-29T00:00:00Z');
const grid = [
  [1, 2, 3],
  [4, 5, 6.5],
];
/** Three row groups, of 3, 3 and 1 rows. */
const HOUSES = {
  area: ['number', [50.5, 80, 100.25, null, 65, null, 70]],
  rooms: ['integer', [2, 3, 4, 4, 2, 3, null]],
  floor: ['integer', [-1, 0, 1, 2, 3, 4, 5]],
  garden: ['boolean', [true, false, null, true, false, true, false]],
  city: ['category', ['Bern', 'Oslo', 'Bern', null, 'Rome', 'Oslo', 'Zürich']],
  sold: [
    'datetime',
    [seconds('2026-01-02T03:04:05.250Z'), seconds('1969-07-20T20:17:40Z'), null, leapDay, leapDay, leapDay, leapDay],
  ],
  built: ['datetime', [...Array<number>(6).fill(seconds('1990-05-17T00:00:00Z')), null]],
  grid: [
    'tensor',
    [
      ...Array<number[][]>(6).fill(grid),
      [
        [0, 0, 0],
        [1, 1, 1],
      ],
    ],
  ],
} as const;

describe('reading Parquet', () => {
  test.each(['none', 'snappy', 'gzip', 'brotli', 'zstd'])(
    'gives the typed columns of a file compressed by %s',
    async (codec) => {
      const table = await readParquet(await fixture(`houses-${codec}`));

      expect(table.rows).toBe(7);
      expect(table.columns.map(({ name }) => name)).toEqual(Object.keys(HOUSES));
      for (const [name, [type, values]] of Object.entries(HOUSES)) {
        const column = columnOf(table, name);
        expect([name, column.type]).toEqual([name, type]);
        expect(values.map((_, row) => cellValue(column, row))).toEqual(values);
      }
    },
  );

  test('takes the types that the caller states', async () => {
    const table = await readParquet(await fixture('houses-snappy'), { columns: { rooms: 'category', city: 'text' } });

    expect(columnOf(table, 'rooms')).toMatchObject({ type: 'category', categories: ['2', '3', '4'] });
    expect(columnOf(table, 'city').type).toBe('text');
  });

  test('reads a part of a larger buffer', async () => {
    const bytes = await fixture('houses-snappy');
    const padded = new Uint8Array(bytes.length + 20);
    padded.set(bytes, 10);

    const table = await readParquet(padded.subarray(10, 10 + bytes.length));

    expect(table.rows).toBe(7);
  });

  test('takes lists of unequal lengths for sequences', async () => {
    const table = await readParquet(await fixture('ragged'));
    const signal = columnOf(table, 'signal');

    expect(signal).toMatchObject({ type: 'tensor', shape: [expect.any(Number)], isRagged: true });
    expect(cellValue(signal, 1)).toHaveLength(2);
  });

  test('says what is wrong with a file: no Parquet, torn, compressed by what is not read', async () => {
    const bytes = await fixture('houses-snappy');

    await expect(readParquet(Buffer.from('area,rooms\n1,2\n'))).rejects.toThrow(/not a Parquet file, or a torn one/);
    await expect(readParquet(bytes.subarray(0, bytes.length - 40))).rejects.toThrow(
      /not a Parquet file, or a torn one/,
    );
    await expect(readParquet(new Uint8Array())).rejects.toMatchObject({ code: 'dataset_invalid' });
    await expect(readParquet(await fixture('houses-lz4'))).rejects.toThrow(/column "area": cannot be read: .*LZ4/);
  });
});
