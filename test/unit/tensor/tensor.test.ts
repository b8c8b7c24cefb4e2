import { describe, expect, test } from '@jest/globals';

import { broadcastAxes, broadcastShapes } from '../../../shared/tensor/shape.ts';
import { filled, fromNumbers, rowsOf, tensor, toNumbers } from '../../../shared/tensor/tensor.ts';

describe('tensors', () => {
  test('hold data of the length that their shape says', () => {
    expect(() => tensor('float32', [2, 3], new Float32Array(5))).toThrow('expected 6 elements for shape [2, 3], got 5');
  });

  test('convert numbers to each element type', () => {
    expect(fromNumbers('int64', [1, -2]).data).toEqual(BigInt64Array.of(1n, -2n));
    expect(fromNumbers('uint8', [1, 255], [2, 1])).toEqual({
      dtype: 'uint8',
      shape: [2, 1],
      data: Uint8Array.of(1, 255),
    });
    expect(filled('bool', [2], 1).data).toEqual(Uint8Array.of(1, 1));
    expect(toNumbers(filled('int64', [], 7))).toEqual([7]);
  });

  test('give rows that share their memory', () => {
    const x = fromNumbers('float32', [1, 2, 3, 4, 5, 6], [3, 2]);

    const rows = rowsOf(x, 1, 3);
    x.data[2] = 9;

    expect(rows.shape).toEqual([2, 2]);
    expect([...rows.data]).toEqual([9, 4, 5, 6]);
    expect(rowsOf(tensor('string', [2], ['a', 'b']), 1, 2).data).toEqual(['b']);
  });
});

describe('shapes', () => {
  test.each([
    [
      [[2, 3], [3]],
      [2, 3],
    ],
    [
      [
        [2, 1],
        [1, 4],
      ],
      [2, 4],
    ],
    [[[], [5]], [5]],
    [
      [
        ['batch', 3],
        [1, 3],
      ],
      ['batch', 3],
    ],
    [
      [
        ['batch', 3],
        ['batch', 1],
      ],
      ['batch', 3],
    ],
    [
      [
        [0, 3],
        [1, 3],
      ],
      [0, 3],
    ],
    [[[2], ['?']], [2]],
    [
      [
        [2, 3],
        [2, 4],
      ],
      undefined,
    ],
    [[['batch'], [3]], undefined],
    [[['batch'], ['time']], undefined],
  ])('%j broadcast to %j', (shapes, expected) => {
    expect(broadcastShapes(shapes)).toEqual(expected);
  });

  test('axes that broadcasting repeats', () => {
    expect(broadcastAxes([3], [2, 3])).toEqual([0]);
    expect(broadcastAxes([1, 3], [2, 3])).toEqual([0]);
    expect(broadcastAxes([1, 3], [1, 3])).toEqual([]);
    expect(broadcastAxes([2, 1, 1], [5, 2, 4, 1])).toEqual([0, 2]);
  });
});
