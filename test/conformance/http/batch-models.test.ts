/** Batches of every kind of model: what stands in the output is what a prediction of the row answers. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GraphBuilder, toModel } from '../../../shared/onnx/graph-builder.ts';
import { paths } from '../../../shared/stores/objects.ts';
import { fromNumbers } from '../../../shared/tensor/tensor.ts';
import { FAMILY_JOBS, flowers } from '../../slow/family-jobs.ts';
import { slowModel, slowRows } from '../../slow-model.ts';
import { Batching } from './batching.ts';

const batching = new Batching();
beforeAll(() => batching.start());
afterAll(() => batching.stop());

const words = ['good', 'fine', 'bad', 'poor'];
const reviews = Array.from({ length: 24 }, (_, i) => ({
  text: `it is ${words[i % 4]!} and ${words[(i + 4) % 4]!}`,
  liked: i % 4 < 2,
}));
const tracks = Array.from({ length: 20 }, (_, i) => ({
  steps: Array.from({ length: 2 + (i % 5) }, (__, t) => [i % 2 === 0 ? t : -t, 1]),
  up: i % 2 === 0,
}));
const series = Array.from({ length: 10 }, (_, i) => ({ sales: Array.from({ length: 12 }, (__, t) => 100 + i + t) }));
const few = { epochs: 2 };

interface Case {
  readonly rows: readonly object[];
  readonly job: Record<string, unknown>;
  readonly features: readonly string[];
  /** The rows of the batch, where they are not those that were learned from. */
  readonly over?: readonly object[];
}

const fast = (family: string) => {
  const { rows, job } = FAMILY_JOBS[family]!;
  const params = (job['params'] ?? {}) as Record<string, unknown>;
  const short = params['epochs'] === undefined ? params : { ...params, ...few };
  return { rows: rows.slice(0, 150), job: { ...job, family, params: short } };
};

const CASES: Readonly<Record<string, Case>> = {
  linear_regression: { ...fast('linear_regression'), features: ['a', 'b', 'c', 'kind'] },
  logistic_regression: { ...fast('logistic_regression'), features: ['a', 'b', 'c', 'd'] },
  svm: { ...fast('svm'), features: ['a', 'b', 'c', 'd'] },
  kmeans: {
    rows: flowers,
    job: { family: 'kmeans', task: 'clustering', features: ['a', 'b', 'c', 'd'] },
    features: ['a', 'b', 'c', 'd'],
  },
  'cnn of pictures': { ...fast('cnn'), features: ['picture'] },
  'attention of pictures': { ...fast('attention'), features: ['picture'] },
  'rnn that forecasts': { ...fast('rnn'), features: ['sales'], over: series },
  'rnn of texts': {
    rows: reviews,
    job: { family: 'rnn', task: 'classification', target: 'liked', params: { cell: 'gru', units: 4, ...few } },
    features: ['text'],
  },
  'rnn of sequences of any length': {
    rows: tracks,
    job: { family: 'rnn', task: 'classification', target: 'up', params: { cell: 'gru', units: 4, ...few } },
    features: ['steps'],
  },
};

/** Equal but for the last bits, which hang on what else is in a run. */
function expectAlike(got: unknown, expected: unknown): void {
  if (typeof expected === 'number')
    expect(Math.abs(Number(got) - expected)).toBeLessThan(1e-4 * (1 + Math.abs(expected)));
  else if (typeof expected === 'object' && expected !== null) {
    expect(Object.keys(got as object)).toEqual(Object.keys(expected));
    for (const [key, value] of Object.entries(expected)) expectAlike((got as Record<string, unknown>)[key], value);
  } else expect(got).toEqual(expected);
}

describe('a batch has the predictions of', () => {
  it.each(Object.entries(CASES))('%s', async (title, { rows, job, features, over = rows }) => {
    const name = title.replaceAll(' ', '-');
    const learned = await batching.rows(`${name}-learned`, rows);
    await batching.trained({ name, dataset: learned, ...job });
    const dataset = over === rows ? learned : await batching.rows(name, over);

    const { ended, lines } = await batching.batch({ model: name, dataset });
    const instances = over.map((row) =>
      Object.fromEntries(features.map((f) => [f, (row as Record<string, unknown>)[f]])),
    );
    const { body } = await batching.call('predict', { params: { ref: name }, body: { instances } });

    expect(ended).toMatchObject({ status: 'succeeded', progress: { predicted: over.length, failed: 0 } });
    expectAlike(
      lines.map(({ prediction }) => prediction),
      body['predictions'],
    );
  });

  it('a language model, whose rows go on alike whenever they are asked for', async () => {
    const dataset = await batching.rows(
      'sayings',
      Array.from({ length: 30 }, () => ({ text: 'abcabcabcabc' })),
    );
    const job = {
      family: 'attention',
      task: 'language_modelling',
      params: { blocks: 1, d_model: 8, num_heads: 1, ff_dim: 8, window: 4, ...few },
    };
    await batching.trained({ name: 'sayings', dataset, ...job });
    const over = await batching.rows('prompts', [...Array.from({ length: 50 }, () => ({ text: 'ab' })), { text: '' }]);

    const body = { model: 'sayings', dataset: over, parameters: { max_tokens: 5, seed: 1 } };
    const { ended, lines, text } = await batching.batch(body);
    const again = await batching.batch(body);

    expect(ended['progress']).toMatchObject({ rows: 51, predicted: 50, failed: 1 });
    expect(lines[0]!.prediction).toEqual({ text: expect.stringMatching(/^.{5}$/s) });
    expect(lines[50]!.error!.message).toContain('expected a prompt');
    expect(again.text).toBe(text);
  });
});

describe('a model that was made elsewhere', () => {
  async function uploaded(name: string, model: Uint8Array): Promise<void> {
    const { body } = await batching.call('createModel', { body: { name } });
    await batching.stores.objects.put(paths.modelUpload(name, 1), model);
    await batching.call('completeModel', { params: { name: body.id }, body: {} });
  }

  it('predicts rows by the names of its inputs', async () => {
    const g = new GraphBuilder('scale');
    const x = g.input('x', 'float32', ['batch', 2]);
    g.output(g.mul(x, g.scalar(3)), 'y');
    await uploaded('scale', toModel(g));
    const dataset = await batching.rows('pairs', [{ x: [1, 2] }, { x: [3, 4.5] }]);

    const { ended, lines } = await batching.batch({ model: 'scale', dataset });

    expect(ended['status']).toBe('succeeded');
    expect(lines).toEqual([
      { row: 1, prediction: [3, 6] },
      { row: 2, prediction: [9, 13.5] },
    ]);
  });

  it('whose one run would outlast the wait is predicted by a batch, and charged once', async () => {
    await uploaded('slow', slowModel(150_000));
    const instances = slowRows(250);
    const before = await batching.stores.predictions.served();

    const answer = await batching.call('predict', {
      params: { ref: 'slow' },
      headers: { prefer: 'wait=1' },
      body: { instances },
    });
    const { ended, lines } = await batching.endOf(answer.body.id);

    expect([answer.status, answer.headers['preference-applied']]).toEqual([202, 'wait=1']);
    expect(ended).toMatchObject({ status: 'succeeded', progress: { predicted: 250 } });
    expect(lines.map(({ prediction }) => prediction)).toEqual(instances.map(({ x }) => x));
    expect((await batching.stores.predictions.served()) - before).toBe(250);
  });

  it('may answer more than one answer holds: a prediction says so and is not charged, a batch has it', async () => {
    const width = 20_000;
    const g = new GraphBuilder('wide');
    const x = g.input('x', 'float32', ['batch', 1]);
    g.output(g.mul(x, g.constant(fromNumbers('float32', new Array<number>(width).fill(1), [1, width]))), 'y');
    await uploaded('wide', toModel(g));
    const instances = Array.from({ length: 160 }, (_, i) => ({ x: [i + 0.5] }));
    const before = await batching.stores.predictions.served();

    const refused = await batching.call('predict', { params: { ref: 'wide' }, body: { instances } });
    const served = await batching.stores.predictions.served();
    const { ended, lines } = await batching.batch({ model: 'wide', instances });

    expect(refused.body).toMatchObject({ status: 413, code: 'payload_too_large' });
    expect(refused.body['detail']).toContain('POST /v1/batches');
    expect(served).toBe(before);
    expect(ended['progress']).toMatchObject({ predicted: 160 });
    expect(lines.map(({ prediction }) => (prediction as number[]).length)).toEqual(instances.map(() => width));
  });
});
