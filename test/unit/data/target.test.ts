import { describe, expect, test } from '@jest/globals';
import type { Column } from '../../../shared/data/table.ts';
import { readTarget } from '../../../shared/data/target.ts';

const table = (column: Column) => ({ rows: column.values.length, columns: [column] });

describe('the target of a classification', () => {
  test.each<[string, Column, unknown[], number[]]>([
    ['integers by size', { name: 'y', type: 'integer', values: Float64Array.of(10, -1, 9) }, [-1, 9, 10], [2, 0, 1]],
    ['booleans, false first', { name: 'y', type: 'boolean', values: Uint8Array.of(1, 0) }, [false, true], [1, 0]],
    ['texts by code unit', { name: 'y', type: 'text', values: ['b', 'Z', 'b'] }, ['Z', 'b'], [1, 0, 1]],
    [
      'categories that occur',
      { name: 'y', type: 'category', categories: ['a', 'b', 'c'], values: Int32Array.of(2, 0) },
      ['a', 'c'],
      [1, 0],
    ],
  ])('takes %s', (_, column, labels, values) => {
    expect(readTarget(table(column), 'y', 'classification')).toEqual({
      kind: 'classes',
      labels,
      values: Int32Array.from(values),
    });
  });

  test('gives validation rows the classes of the training rows, and refuses others', () => {
    const column: Column = { name: 'y', type: 'integer', values: Float64Array.of(5, 7) };

    expect(readTarget(table(column), 'y', 'classification', [3, 5, 7])).toMatchObject({ values: Int32Array.of(1, 2) });
    expect(() => readTarget(table(column), 'y', 'classification', [3, 5])).toThrow(/row 2: the class 7 is not among/);
  });

  test('refuses rows without a value, by row, and a thousand and more classes', () => {
    const gaps: Column = { name: 'y', type: 'text', values: ['a', null, 'b', null] };
    const ids: Column = { name: 'y', type: 'integer', values: Float64Array.from({ length: 1001 }, (_, i) => i) };

    expect(() => readTarget(table(gaps), 'y', 'classification')).toThrow(/lacks a value in 2 rows \(first: row 2\)/);
    expect(() => readTarget(table(ids), 'y', 'classification')).toThrow(/1001 classes, at most 1000/);
  });
});
