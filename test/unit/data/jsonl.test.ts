import { describe, expect, test } from '@jest/globals';
import { ColumnarWriter, decodeRows } from '../../../shared/data/columnar.ts';
import { cellValue } from '../../../shared/data/columns.ts';
import { readJsonl, readRows } from '../../../shared/data/jsonl.ts';
import { profile } from '../../../shared/data/profile.ts';

describe('reading JSON rows', () => {
  test('makes a column of every field, missing where a row lacks it', () => {
    const table = readRows([{ a: 1 }, { a: 2, b: 'x' }, { b: 'y', c: true }]);

    expect(table.columns).toEqual([
      { name: 'a', type: 'integer', values: Float64Array.of(1, 2, NaN) },
      { name: 'b', type: 'category', categories: ['x', 'y'], values: Int32Array.of(-1, 0, 1) },
      { name: 'c', type: 'boolean', values: Uint8Array.of(255, 255, 1) },
    ]);
  });

  test('makes nested arrays a tensor column, whole numbers to 255 as bytes', () => {
    const table = readRows([
      {
        image: [
          [0, 255],
          [7, 8],
        ],
        signal: [0.5, -1],
      },
      {
        image: [
          [1, 2],
          [3, 4],
        ],
        signal: [2, 3],
      },
    ]);

    expect(table.columns).toEqual([
      { name: 'image', type: 'tensor', shape: [2, 2], values: Uint8Array.of(0, 255, 7, 8, 1, 2, 3, 4) },
      { name: 'signal', type: 'tensor', shape: [2], values: Float32Array.of(0.5, -1, 2, 3) },
    ]);
  });

  test('names the row whose array has another shape', () => {
    expect(() =>
      readRows([
        {
          x: [
            [1, 2],
            [3, 4],
          ],
        },
        { x: [[1, 2], [3]] },
      ]),
    ).toThrow(
      /row 2, column "x": expected steps of shape \[2\] as in the first row: expected 2 elements in an array, found 1/,
    );
    expect(() => readRows([{ x: [[1, 2]] }, { x: [[1, 2, 3]] }])).toThrow(
      /row 2, column "x": expected steps of shape \[2\] as in the first row, found \[3\]: expected 2 elements in an array, found 3/,
    );
    expect(() => readRows([{ x: [1, 2] }, { x: [] }])).toThrow(
      /row 2, column "x": expected numbers: expected an array with elements/,
    );
  });

  test('fills up arrays of unequal lengths, and gives them back as they were', async () => {
    const rows = [
      {
        x: [
          [1, 2],
          [0, 4],
          [5, 6],
        ],
      },
      { x: [[7, 8]] },
      {
        x: [
          [0, 0],
          [0, 0],
        ],
      },
    ];

    const table = readRows(rows);
    const [column] = table.columns;
    const writer = new ColumnarWriter();
    const { bytes } = writer.add(table);
    const stored = await decodeRows(writer.manifest(), async (_, begin, end) => bytes.subarray(begin, end), {
      begin: 0,
      end: 3,
    });

    const nothing = Array<number>(6).fill(NaN);
    expect(column).toEqual({
      name: 'x',
      type: 'tensor',
      shape: [3, 2],
      values: Float32Array.of(1, 2, 0, 4, 5, 6, 7, 8, ...nothing.slice(2), 0, 0, 0, 0, NaN, NaN),
      isRagged: true,
    });
    expect(rows.map((_, row) => ({ x: cellValue(column!, row) }))).toEqual(rows);
    expect(stored).toEqual(table);
    expect(profile(table)[0]).toMatchObject({ shape: [3, 2], ragged: true, unique: 3, min: 0, max: 8, mean: 33 / 12 });
  });

  test('names the row whose text stands among numbers', () => {
    expect(() => readRows([{ n: 1 }, { n: 2 }, { n: 'three' }])).toThrow(
      /row 3, column "n": expected a number, found "three"/,
    );
  });

  test('refuses numbers of tensors that float32 has no place for', () => {
    expect(() => readRows([{ x: [1, 2] }, { x: [3, -1e39] }])).toThrow(
      /row 2, column "x": .*expected no number beyond float32's 3.4e38, found -1e\+39/,
    );
  });

  test('refuses rows that are no objects, and no rows at all', () => {
    expect(() => readRows([{ a: 1 }, 7])).toThrow(/row 2: expected an object of column: value, found 7/);
    expect(() => readRows([])).toThrow(/no rows/);
    expect(() => readRows([{ a: { b: 1 } }])).toThrow(
      /row 1, column "a": expected a number, text, boolean, array or null, found \{"b":1\}/,
    );
  });

  test('reads JSON lines and names the line that is none', async () => {
    const lines = (text: string) => readJsonl(new TextEncoder().encode(text));

    const table = await lines('{"a": 1.5}\r\n\n{"a": null}\n{"a": 2}');

    expect(table.columns).toEqual([{ name: 'a', type: 'number', values: Float64Array.of(1.5, NaN, 2) }]);
    await expect(lines('{"a": 1}\n{"a": \n')).rejects.toThrow(/line 2 is no JSON/);
  });
});
