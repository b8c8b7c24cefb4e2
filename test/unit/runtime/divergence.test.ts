/** Values that no arithmetic can take: the training fails, and says by which column. */
import { describe, expect, it } from '@jest/globals';
import type { ServiceError } from '../../../shared/errors.ts';
import type { TrainingSpec } from '../../../shared/families/spec.ts';
import { runSegment } from '../../../shared/runtime/trainer.ts';
import { jobError } from '../../../shared/workflows/failure.ts';

const ROWS = 40;

function train(spec: Partial<TrainingSpec>, big: (row: number) => number) {
  const rows = Array.from({ length: ROWS }, (_, row) => row);
  const column = (name: string, type: 'number' | 'integer', of: (row: number) => number) => ({
    name,
    type,
    values: Float64Array.from(rows, of),
  });
  const columns = [column('ok', 'number', (row) => row % 7), column('big', 'number', big)];
  return runSegment({
    spec: { task: 'regression', family: 'linear_regression', target: 'y', features: ['ok', 'big'], seed: 0, ...spec },
    train: { rows: ROWS, columns: [...columns, column('y', 'integer', (row) => row % 2)] },
    threads: 1,
    shouldStop: () => false,
  });
}

const clusters = { task: 'clustering', family: 'kmeans', target: undefined, params: { n_clusters: 2 } };
const UNSCALED = { standardize: false, missing: 'mean', categories: 'one_hot' } as const;

describe('a training on values that are too large', () => {
  it.each<[string, Partial<TrainingSpec>, number]>([
    ['linear_regression', {}, 1e200],
    ['linear_regression', { params: { alpha: 1, l1_ratio: 1 } }, 1e308],
    ['svm', { family: 'svm' }, 1e308],
    ['svm', { family: 'svm', task: 'classification', params: { kernel: 'linear' } }, 1e308],
    ['kmeans', clusters, 1e308],
    ['kmeans', { ...clusters, preprocessing: UNSCALED }, 1e25],
  ])('names the column: %s, %j, %d', async (_, spec, large) => {
    await expect(train(spec, (row) => large * (row % 2))).rejects.toMatchObject({
      code: 'training_diverged',
      message: expect.stringContaining('"big" has values as large as'),
      details: [{ column: 'big' }],
    });
  });

  it.each<[string, Partial<TrainingSpec>]>([
    ['linear_regression', {}],
    ['svm', { family: 'svm' }],
    ['svm', { family: 'svm', task: 'classification' }],
  ])('fails where a row to validate with is so: %s %j', async (_, spec) => {
    // By this seed the row is one of those kept apart.
    await expect(train(spec, (row) => (row === 3 ? 1e308 : row % 3))).rejects.toMatchObject({
      code: 'training_diverged',
      message: expect.stringContaining('the loss of the validation rows is no number'),
    });
  });

  it('keeps what was learned before, where there is something', async () => {
    const result = await train(clusters, (row) => (row === 3 ? 1e308 : row % 3));

    expect(result).toMatchObject({ status: 'failed', failure: { code: 'training_diverged' } });
    expect(result.metrics.train['inertia']).toBeGreaterThan(0);
  });
});

it('carries the last loss of a training that diverges before it has told of any', async () => {
  const columns = ['x', 'y'].map((name, k) => ({
    name,
    type: 'number' as const,
    values: Float64Array.from({ length: 400 }, (_, row) => Math.sin(row + k)),
  }));
  const params = { units: 4, window: 8, epochs: 2, batch_size: 4, optimizer: { sgd: { learning_rate: 1e30 } } };
  const training = runSegment({
    spec: { task: 'forecasting', family: 'rnn', target: 'y', params, seed: 0 },
    train: { rows: 400, columns },
    threads: 1,
    shouldStop: () => false,
  });

  const error = await training.catch((thrown: unknown) => thrown);

  expect(error).toMatchObject({ code: 'training_diverged', message: expect.stringContaining('in epoch 1') });
  const { last_metrics: last } = jobError(error as ServiceError, 'train');
  expect(Object.keys(last ?? {})).toEqual(['loss']);
  expect(last!['loss']).toBeGreaterThan(0);
});
