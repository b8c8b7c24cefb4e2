import { describe, expect, test } from '@jest/globals';
import { fitEncodings } from '../../../shared/data/encoding.ts';
import type { Preprocessing } from '../../../shared/data/encoding.ts';
import { emitMatrix, matrixColumns } from '../../../shared/data/encoding-graph.ts';
import { encodeFeatures, scaledFeatures } from '../../../shared/data/feature-matrix.ts';
import type { Table } from '../../../shared/data/table.ts';
import { cnn } from '../../../shared/families/cnn/index.ts';
import { GraphBuilder, toModel } from '../../../shared/onnx/graph-builder.ts';
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

  test('make dates standardised seconds and the sine and cosine of hour, weekday and month, as the calendar has them', async () => {
    // Leap days, ends of years and centuries, a date before the epoch, and a gap that becomes the median.
    const texts = ['2024-02-29T23:59:59Z', '2000-02-29', '1969-07-20T20:17:40Z', '2100-03-01', '2026-12-31T12:00:00Z'];
    const dates = [
      ...texts.map((text) => Date.parse(text)),
      ...Array.from({ length: 400 }, (_, k) => k * 86_400_000 * 29),
    ];
    const seconds = Float64Array.from([...dates.map((ms) => ms / 1000), Number.NaN]);
    const data: Table = { rows: seconds.length, columns: [{ name: 'at', type: 'datetime', values: seconds }] };
    const rows = Int32Array.from(seconds, (_, row) => row);

    const encodings = fitEncodings(data, rows, {
      features: ['at'],
      standardize: false,
      preprocessing: { standardize: false, missing: 'median', categories: 'one_hot' },
    });
    const { data: x, shape } = await encodeFeatures(
      createEngine({ threads: 1 }),
      { table: data, rows, encodings },
      emitMatrix,
    );

    expect(shape).toEqual([seconds.length, 7]);
    expect(matrixColumns(encodings)).toEqual([
      'at',
      'at:hour_sin',
      'at:hour_cos',
      'at:weekday_sin',
      'at:weekday_cos',
      'at:month_sin',
      'at:month_cos',
    ]);
    dates.forEach((ms, row) => {
      const date = new Date(ms);
      const turns = [(ms / 86_400_000) % 1, date.getUTCDay() / 7, date.getUTCMonth() / 12];
      const expected = turns.flatMap((turn) => [Math.sin(2 * Math.PI * turn), Math.cos(2 * Math.PI * turn)]);
      expected.forEach((value, k) => expect(x[row * 7 + 1 + k]).toBeCloseTo(value, 9));
    });
    const column = Array.from({ length: rows.length }, (_, row) => x[row * 7]!);
    const mean = column.reduce((sum, value) => sum + value, 0) / rows.length;
    expect(mean).toBeCloseTo(0, 9);
    expect(column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / rows.length).toBeCloseTo(1, 9);
    const middle = dates.toSorted((a, b) => a - b)[(dates.length - 1) / 2]!;
    expect(column.at(-1)).toBeCloseTo(column[dates.indexOf(middle)]!, 12);
  });

  test('leave out the cycles of dates that do not vary, as the hour of days', async () => {
    const days = Float64Array.of(0, 86_400, 3 * 86_400);
    const data: Table = { rows: 3, columns: [{ name: 'day', type: 'datetime', values: days }] };
    const encodings = fitEncodings(data, Int32Array.of(0, 1, 2), {
      features: ['day'],
      standardize: true,
      preprocessing: { standardize: true, missing: 'error', categories: 'one_hot' },
    });

    expect(matrixColumns(encodings)).toEqual(['day', 'day:weekday_sin', 'day:weekday_cos']);
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
    ['gap', 'mean', 'feature "gap" has no value in the training rows'],
    ['n', 'error', 'feature "n" lacks a value in 1 of 4 training rows, and "preprocessing.missing" is "error"'],
  ] as const)('refuse %s under %s', (feature, missing, message) => {
    expect(() => fit([feature], missing)).toThrow(message);
    expect(() => fit([feature], missing)).toThrow(
      expect.objectContaining({ code: 'invalid_request', param: '/features/0' }),
    );
  });
});

test('pixels stay bytes until they are used, and are then the numbers that the exported file makes of them', async () => {
  const values = Uint8Array.from({ length: 24 }, (_, i) => (i * 53) % 256);
  const images: Table = { rows: 2, columns: [{ name: 'image', type: 'tensor', shape: [2, 2, 3], values }] };
  const preprocessing = { standardize: 'auto', missing: 'mean', categories: 'one_hot' } as const;
  const rows = Int32Array.of(1, 0);
  const encodings = fitEncodings(images, rows, { features: ['image'], standardize: true, preprocessing });

  const x = await encodeFeatures(createEngine({ threads: 1 }), { table: images, rows, encodings }, cnn.emitFeatures);

  expect(x).toMatchObject({ dtype: 'uint8', shape: [2, 3, 2, 2] });
  const redOfSecond = [0, 3, 6, 9].map((at) => values[12 + at]);
  expect(Array.from(x.data.subarray(0, 4))).toEqual(redOfSecond);
  const g = new GraphBuilder('scaled');
  g.output(scaledFeatures(g, g.input('x', 'uint8', [2, 3, 2, 2])), 'y');
  const session = await createEngine({ threads: 1 }).createSession(toModel(g));
  const { y } = await session.run({ x });
  await session.release();
  expect(Array.from((y!.data as Float32Array).subarray(0, 4))).toEqual(
    redOfSecond.map((pixel) => Math.fround(pixel! * Math.fround(1 / 255))),
  );
});
