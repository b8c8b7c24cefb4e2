/** Dates and booleans as features, from training to a prediction by the exported file alone. */
import { describe, expect, test } from '@jest/globals';
import type { Table } from '../../../shared/data/table.ts';
import { loadPredictor } from '../../../shared/runtime/predictor.ts';
import { train } from './train.ts';

const HOUR_S = 3600;
const START_S = Date.parse('2026-01-01T00:00:00Z') / 1000;

/** Hourly readings of nine weeks: a daily wave, a trend, and 4 more where the switch is on. */
function readings(): Table {
  const rows = 9 * 7 * 24;
  const at = Float64Array.from({ length: rows }, (_, i) => START_S + i * HOUR_S);
  const on = Uint8Array.from({ length: rows }, (_, i) => (Math.floor(i / 5) % 2 === 0 ? 1 : 0));
  return {
    rows,
    columns: [
      { name: 'at', type: 'datetime', values: at },
      { name: 'on', type: 'boolean', values: on },
      { name: 'y', type: 'number', values: at.map((seconds, i) => valueAt(seconds, on[i] === 1)) },
    ],
  };
}

function valueAt(seconds: number, isOn: boolean): number {
  return (
    3 * Math.sin(((seconds % 86_400) / 86_400) * 2 * Math.PI) + 0.01 * ((seconds - START_S) / HOUR_S) + (isOn ? 4 : 0)
  );
}

describe('dates as features', () => {
  test('a linear model learns a daily wave and a trend, and its file takes ISO 8601 text or seconds', async () => {
    const spec = { task: 'regression', family: 'linear_regression', target: 'y' } as const;
    const { exported } = await train({ spec, train: readings() });
    const predictor = await loadPredictor(exported.onnx, { threads: 1 });
    const later = START_S + 70 * 24 * HOUR_S + 6 * HOUR_S;

    const predictions = await predictor.predict([
      { at: new Date(later * 1000).toISOString(), on: true },
      { at: later, on: false },
      { at: '2026-03-12 07:00:00+01:00', on: false },
    ]);

    expect(predictions[0]).toBeCloseTo(valueAt(later, true), 6);
    expect(predictions[1]).toBeCloseTo(valueAt(later, false), 6);
    expect(predictions[2]).toBe(predictions[1]);
    await expect(predictor.predict([{ at: 'next Tuesday', on: true }])).rejects.toMatchObject({
      param: '/instances/0/at',
      message: expect.stringContaining('expected an ISO 8601 date or seconds since the epoch, got "next Tuesday"'),
    });
    await predictor.release();
  });

  test.each(['logistic_regression', 'svm'])('%s tells the weekend from the week', async (family) => {
    const { columns, rows } = readings();
    const weekend = Uint8Array.from(columns[0]!.values as Float64Array, (seconds) =>
      [0, 6].includes(new Date(seconds * 1000).getUTCDay()) ? 1 : 0,
    );
    const table: Table = { rows, columns: [columns[0]!, { name: 'weekend', type: 'boolean', values: weekend }] };

    const { exported } = await train({ spec: { task: 'classification', family, target: 'weekend' }, train: table });

    expect(exported.metrics.validation['accuracy']).toBe(1);
  });
});
