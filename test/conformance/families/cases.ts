/** For every family the trainings that the conformance suite runs it through: small data that can be learned, made by seed. */
import type { Column, Table } from '../../../shared/data/table.ts';
import type { Task } from '../../../shared/families/contract.ts';
import { Random } from '../../../shared/tensor/random.ts';
import type { FamilyCase } from './family-case.ts';
import { SEQUENCE_CASES } from './sequence-cases.ts';
import { TRANSFORMER_CASES } from './transformer-cases.ts';

/** Two numbers (one with gaps), a boolean and a category (with gaps) that decide y. */
function mixedTable(task: Task, rows: number): Table {
  const random = Random.fromSeed(5);
  const a = Float64Array.from(random.normal(rows));
  const b = Float64Array.from(random.normal(rows, 10, 3));
  const flag = Uint8Array.from({ length: rows }, () => random.nextBelow(2));
  const color = Int32Array.from({ length: rows }, () => random.nextBelow(3));
  const score = Float64Array.from(
    { length: rows },
    (_, i) => 2 * a[i]! - 0.5 * (b[i]! - 10) + flag[i]! + [-2, 0, 2][color[i]!]! + 0.3 * random.nextDouble(),
  );
  const gaps = (every: number) => (_: number, i: number) => i % every === every - 1;
  const columns: Column[] = [
    { name: 'a', type: 'number', values: a },
    { name: 'b', type: 'number', values: b.map((value, i) => (gaps(17)(0, i) ? Number.NaN : value)) },
    { name: 'flag', type: 'boolean', values: flag.map((value, i) => (gaps(23)(0, i) ? 255 : value)) },
    {
      name: 'color',
      type: 'category',
      categories: ['blue', 'green', 'red'],
      values: color.map((value, i) => (gaps(19)(0, i) ? -1 : value)),
    },
    targetColumn(task, score),
  ];
  return { rows, columns };
}

function targetColumn(task: Task, score: Float64Array): Column {
  if (task === 'regression') return { name: 'y', type: 'number', values: score };
  const values = Int32Array.from(score, (value) => (value < -1.5 ? 1 : value < 1.5 ? 2 : 0));
  return { name: 'y', type: 'category', categories: ['high', 'low', 'middle'], values };
}

/** Images 6x6 with a bright bar, across or upright, and a constant border; y is its direction, or its brightness. */
function imageTable(task: Task, rows: number): Table {
  const random = Random.fromSeed(6);
  const values = new Uint8Array(rows * 36);
  const upright = new Uint8Array(rows);
  const brightness = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    upright[row] = random.nextBelow(2);
    brightness[row] = 0.3 + 0.7 * random.nextDouble();
    const at = 1 + random.nextBelow(4);
    for (let k = 1; k < 5; k++)
      values[row * 36 + (upright[row] === 1 ? k * 6 + at : at * 6 + k)] = Math.round(255 * brightness[row]!);
  }
  const image: Column = { name: 'image', type: 'tensor', shape: [6, 6], values };
  const y: Column =
    task === 'regression'
      ? { name: 'y', type: 'number', values: brightness }
      : { name: 'y', type: 'boolean', values: upright };
  return { rows, columns: [image, y] };
}

function tabular(family: string, task: Task, params: Record<string, unknown> = {}): FamilyCase {
  return {
    family,
    task,
    spec: { family, task, target: 'y', params, seed: 3 },
    table: (rows) => mixedTable(task, rows),
    takesColumns: true,
  };
}

function clustering(params: Record<string, unknown>): FamilyCase {
  const withoutTarget = ({ rows, columns }: Table): Table => ({ rows, columns: columns.slice(0, -1) });
  return {
    family: 'kmeans',
    task: 'clustering',
    spec: { family: 'kmeans', task: 'clustering', params, seed: 3 },
    table: (rows) => withoutTarget(mixedTable('classification', rows)),
    takesColumns: true,
  };
}

function convolutional(task: Task, outputs: readonly unknown[], params: Record<string, unknown> = {}): FamilyCase {
  const layers = [
    { conv2d: { filters: 4, kernel_size: 3, activation: 'relu' } },
    { max_pooling2d: {} },
    'flatten',
    { dropout: { rate: 0.1 } },
    ...outputs,
  ];
  const training = { optimizer: { adam: { learning_rate: 0.01 } }, epochs: 20, batch_size: 16, ...params };
  return {
    family: 'cnn',
    task,
    spec: { family: 'cnn', task, target: 'y', params: { layers, ...training }, seed: 3 },
    table: (rows) => imageTable(task, rows),
    takesColumns: false,
  };
}

/** Everything that carries more than weights from step to step, or from layer to layer. */
const RESIDUAL = [
  { conv2d: { filters: 4, kernel_size: 3, padding: 'same' } },
  'batch_normalization',
  { activation: 'relu' },
  { conv2d: { filters: 4, kernel_size: 3, padding: 'same', dilation_rate: 2 } },
  { batch_normalization: { momentum: 0.9 } },
  { add: { layer: 'activation_1', activation: 'relu' } },
  { layer_normalization: {} },
  'global_max_pooling2d',
  { dense: { units: 2, activation: 'softmax' } },
];

export const CASES: readonly FamilyCase[] = [
  tabular('linear_regression', 'regression'),
  tabular('linear_regression', 'regression', { alpha: 0.1 }),
  tabular('linear_regression', 'regression', { alpha: 0.05, l1_ratio: 1 }),
  tabular('linear_regression', 'regression', { alpha: 0.05, l1_ratio: 0.5, max_iter: 1000 }),
  tabular('logistic_regression', 'classification'),
  tabular('logistic_regression', 'classification', {
    penalty: 'none',
    fit_intercept: false,
    max_iter: 50,
    class_weight: 'balanced',
  }),
  tabular('logistic_regression', 'classification', { penalty: 'l1', C: 0.5 }),
  tabular('svm', 'classification'),
  tabular('svm', 'classification', { kernel: 'linear', C: 10 }),
  tabular('svm', 'classification', { probability: true, class_weight: 'balanced' }),
  tabular('svm', 'regression', { C: 10 }),
  tabular('svm', 'regression', { kernel: 'poly', degree: 2, coef0: 1, C: 10 }),
  clustering({ n_clusters: 4 }),
  clustering({ n_clusters: 6, init: 'random', n_init: 3, tol: 0 }),
  convolutional('classification', [{ dense: { units: 2, activation: 'softmax' } }]),
  convolutional('classification', [{ dense: { units: 2 } }], {
    optimizer: 'momentum',
    early_stopping: { patience: 2 },
    epochs: 12,
  }),
  convolutional('classification', [{ dense: { units: 2, activation: 'softmax' } }], {
    layers: RESIDUAL,
    early_stopping: { patience: 3 },
    epochs: 8,
  }),
  convolutional('regression', [{ dense: { units: 1 } }]),
  ...SEQUENCE_CASES,
  ...TRANSFORMER_CASES,
];
