/** The trainings of `rnn` that the conformance suite runs it through: pulses whose order counts, and a series with a season. */
import { readRows } from '../../../shared/data/jsonl.ts';
import type { Column, Table } from '../../../shared/data/table.ts';
import { Random } from '../../../shared/tensor/random.ts';
import type { FamilyCase } from './family-case.ts';

const TIME = 6;

/** Sequences [6, 2] with one pulse per channel; y is whether the first channel's comes first, or how high its pulse is, times a hundred. */
export function pulseTable(task: 'classification' | 'regression', rows: number): Table {
  const random = Random.fromSeed(8);
  const values = Float32Array.from(random.uniform(rows * TIME * 2, -0.1, 0.1));
  const isFirst = new Uint8Array(rows);
  const height = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const early = random.nextBelow(TIME / 2);
    const late = TIME / 2 + random.nextBelow(TIME / 2);
    isFirst[row] = random.nextBelow(2);
    const pulse = 0.5 + random.nextDouble();
    height[row] = 1000 + 100 * pulse;
    values[(row * TIME + (isFirst[row] === 1 ? early : late)) * 2]! += pulse;
    values[(row * TIME + (isFirst[row] === 1 ? late : early)) * 2 + 1]! += 1;
    // Some sequences are shorter, and padded with zeros.
    if (late < TIME - 1 && row % 3 === 0) values.fill(0, (row * TIME + late + 1) * 2, (row + 1) * TIME * 2);
  }
  const y: Column =
    task === 'regression'
      ? { name: 'y', type: 'number', values: height }
      : { name: 'y', type: 'boolean', values: isFirst };
  return { rows, columns: [{ name: 'pulses', type: 'tensor', shape: [TIME, 2], values }, y] };
}

/** The same question over sequences of 4 to 9 steps. */
function raggedTable(rows: number): Table {
  const random = Random.fromSeed(10);
  return readRows(
    Array.from({ length: rows }, () => {
      const time = 4 + random.nextBelow(6);
      const first = random.nextBelow(time - 1);
      const second = first + 1 + random.nextBelow(time - first - 1);
      const isFirst = random.nextBelow(2) === 1;
      const pulses = Array.from({ length: time }, (_, t) => [
        Number(t === (isFirst ? first : second)) + 0.1 * random.nextDouble(),
        Number(t === (isFirst ? second : first)),
      ]);
      return { pulses, y: isFirst };
    }),
  );
}

/** Sentences of which the order of the words decides. */
function textTable(rows: number): Table {
  const random = Random.fromSeed(11);
  const fillers = ['the', 'a', 'very', 'this', 'film', 'day'];
  const filler = (count: number): string[] => Array.from({ length: count }, () => fillers[random.nextBelow(6)]!);
  return readRows(
    Array.from({ length: rows }, (_, row) => {
      const isFirst = random.nextBelow(2) === 1;
      const [one, two] = isFirst ? ['dog', 'cat'] : ['cat', 'dog'];
      const words = [...filler(1 + random.nextBelow(3)), one, ...filler(random.nextBelow(2)), two, ...filler(row % 3)];
      return { words: words.join(' '), y: isFirst ? 'dog first' : 'cat first' };
    }),
    { columns: { words: 'text' } },
  );
}

/** A season of twelve values around a level, with noise. */
export function seriesTable(rows: number): Table {
  const noise = Random.fromSeed(9).normal(rows, 0, 2);
  const values = Float64Array.from(noise, (error, t) => 500 + 40 * Math.sin((2 * Math.PI * t) / 12) + error);
  return { rows, columns: [{ name: 'y', type: 'number', values }] };
}

const training = { optimizer: { adam: { learning_rate: 0.02 } }, epochs: 8, batch_size: 16 };

function recurrent(
  task: 'classification' | 'regression',
  params: Record<string, unknown>,
  table = (rows: number): Table => pulseTable(task, rows),
): FamilyCase {
  return {
    family: 'rnn',
    task,
    spec: { family: 'rnn', task, target: 'y', params: { ...training, ...params }, seed: 3 },
    table,
    takesColumns: false,
  };
}

function forecasting(params: Record<string, unknown>): FamilyCase {
  return {
    family: 'rnn',
    task: 'forecasting',
    spec: { family: 'rnn', task: 'forecasting', target: 'y', params: { ...training, ...params }, seed: 3 },
    table: seriesTable,
    takesColumns: false,
  };
}

export const SEQUENCE_CASES: readonly FamilyCase[] = [
  recurrent('classification', { cell: 'gru', units: 8 }),
  recurrent('classification', {
    layers: [
      { masking: { mask_value: 0 } },
      { lstm: { units: 6, return_sequences: true } },
      { dropout: { rate: 0.1 } },
      { simple_rnn: { units: 6 } },
      { dense: { units: 2, activation: 'softmax' } },
    ],
    early_stopping: { patience: 3 },
  }),
  recurrent('regression', {
    layers: [{ bidirectional: { layer: { lstm: { units: 6 } } } }, { dense: { units: 1 } }],
  }),
  recurrent(
    'classification',
    {
      layers: [
        { bidirectional: { layer: { gru: { units: 6, return_sequences: true } } } },
        { lstm: { units: 6 } },
        { dense: { units: 2, activation: 'softmax' } },
      ],
      epochs: 10,
    },
    raggedTable,
  ),
  recurrent('classification', { cell: 'lstm', units: 10, epochs: 16 }, textTable),
  forecasting({ cell: 'simple_rnn', units: 8, window: 12, horizon: 3 }),
  forecasting({ cell: 'gru', units: [4, 3], window: 6, epochs: 6 }),
];
