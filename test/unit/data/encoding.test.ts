import { describe, expect, test } from '@jest/globals';
import { fitEncodings } from '../../../shared/data/encoding.ts';
import type { Preprocessing } from '../../../shared/data/encoding.ts';
import { emitMatrix, matrixColumns } from '../../../shared/data/encoding-graph.ts';
import { encodeFeatures } from '../../../shared/data/feature-matrix.ts';
import type { Table } from '../../../shared/data/table.ts';
import { createEngine } from '../../../shared/runtime/session.ts';

const table: Table = {
  rows: 5,
  columns: [
    { name: 'n', type: 'number', values: Float64Array.of(2, 4, 4, NaN, 100) },
    { name: 'flag', type: 'boolean', values: Uint8Array.of(1, 255, 1, 0, 0) },
    { name: 'city', type: 'category', categories: ['Bern', 'Oslo', 'Rome'], values: Int32Array.of(2, 2, -1, 1, 0) },
    { name: 'note', type: 'text', values: ['a', 'b', 'c', 'd', 'e'] },
    { name: 'day', type: 'datetime', values: Float64Array.of(1, 2, 3, 4, 5) },
    { name: 'gap', type: 'number', values: new Float64Array(5).fill(NaN) },
  ],
};
const TRAIN = Int32Array.of(0, 1, 2, 3);
const ALL = Int32Array.of(0, 1, 2, 3, 4);

const fit = (features: readonly string[], missing: Preprocessing['missing'] = 'mean', standardize = false) =>
  fitEncodings(table, TRAIN, { features, standardize, preprocessing: { standardize, missing, categories: 'one_hot' } });

async function matrix(...args: Parameters<typeof fit>): Promise<number[][]> {
  const encodings = fit(...args);
  const features = await encodeFeatures(createEngine({ threads: 1 }), { table, rows: ALL, encodings }, emitMatrix);
  const width = features.shape[1]!;
  expect(matrixColumns(encodings)).toHaveLength(width);
  return Array.from({ length: 5 }, (_, row) => Array.from(features.data.subarray(row * width, (row + 1) * width)));
}

describe('encodings are fitted on the training rows', () => {
  test.each([
    ['mean', 10 / 3],
    ['median', 4],
    ['most_frequent', 4],
  ] as const)('fill missing numbers by %s', async (missing, fill) => {
    expect(await matrix(['n'], missing)).toEqual([[2], [4], [4], [expect.closeTo(fill, 12)], [100]]);
  });

  test('standardise with the mean and population deviation of the filled training rows', async () => {
    const [mean, deviation] = [3.5, Math.sqrt((2.25 + 0.25 * 3) / 4)];

    const rows = await matrix(['n'], 'median', true);

    [2, 4, 4, 4, 100].forEach((value, row) => expect(rows[row]![0]).toBeCloseTo((value - mean) / deviation, 12));
  });

  test('make numbers and booleans, then one column per category of the training rows; missing and unknown ones are zeros', async () => {
    expect(matrixColumns(fit(['city', 'n', 'flag']))).toEqual(['n', 'flag', 'city=Oslo', 'city=Rome']);
    expect((await matrix(['city', 'n', 'flag'], 'median')).map((row) => row.slice(1))).toEqual([
      [1, 0, 1],
      [1, 0, 1],
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 0],
    ]);
  });

  test('make a missing category the most frequent one where that is asked for', async () => {
    expect((await matrix(['city'], 'most_frequent'))[2]).toEqual([0, 1]);
  });

  test('scale bytes by 255 and other tensors by nothing', () => {
    const tensors: Table = {
      rows: 1,
      columns: [
        { name: 'pixels', type: 'tensor', shape: [2], values: Uint8Array.of(0, 255) },
        { name: 'signal', type: 'tensor', shape: [2], values: Float32Array.of(0, 255) },
      ],
    };
    const preprocessing = { standardize: 'auto', missing: 'mean', categories: 'one_hot' } as const;

    const encodings = fitEncodings(tensors, Int32Array.of(0), {
      features: ['pixels', 'signal'],
      preprocessing,
      standardize: true,
    });

    expect(encodings).toMatchObject([{ divisor: 255 }, { divisor: 1 }]);
  });

  test.each([
    ['note', 'mean', 'feature "note" is a text column, which no family takes yet: leave it out of "features"'],
    ['day', 'mean', 'feature "day" is a datetime column'],
    ['gap', 'mean', 'feature "gap" has no value in the training rows'],
    ['n', 'error', 'feature "n" lacks a value in 1 of 4 training rows, and "preprocessing.missing" is "error"'],
  ] as const)('refuse %s under %s', (feature, missing, message) => {
    expect(() => fit([feature], missing)).toThrow(message);
    expect(() => fit([feature], missing)).toThrow(
      expect.objectContaining({ code: 'invalid_request', param: '/features/0' }),
    );
  });
});
