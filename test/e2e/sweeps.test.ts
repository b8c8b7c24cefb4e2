/** Sweeps, budgets and failures over HTTPS. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { loadDigits } from '../../scripts/digits.ts';
import { useTenon } from './tenon.ts';

const tenon = useTenon();

interface Trial {
  readonly id: string;
  readonly params: Record<string, unknown>;
  readonly status: string;
  readonly metrics: { readonly train: Record<string, number>; readonly validation: Record<string, number> };
  readonly usage: { readonly seconds: number };
  readonly progress: { readonly epoch?: number };
  readonly error?: { readonly code: string; readonly message: string };
}

/** 300 digits, shrunk to 7 by 7 pixels, as JSON lines. */
function smallDigits(): object[] {
  const { train } = loadDigits();
  const rows = train.images.map((image, i) => ({ image, label: train.labels[i] })).filter((_, i) => i % 27 === 0);
  return rows.map(({ image, label }) => ({
    image: Array.from({ length: 7 }, (_, y) => Array.from({ length: 7 }, (_, x) => image[y * 4 * 28 + x * 4]! / 255)),
    label: `digit ${label}`,
  }));
}

let dataset: unknown;
beforeAll(async () => {
  dataset = (await tenon.dataset({ name: 'digits', format: 'jsonl', rows: smallDigits() }))['id'];
});

const job = (rest: object) => ({
  name: 'swept',
  task: 'classification',
  family: 'cnn',
  dataset,
  target: 'label',
  params: { layers: ['flatten', { dense: { units: 10, activation: 'softmax' } }], epochs: 4, batch_size: 16 },
  ...rest,
});

const trialsOf = (body: Record<string, unknown>): Trial[] => body['trials'] as Trial[];
const accuracyOf = ({ metrics }: Trial): number => metrics.validation['accuracy'] ?? 0;

describe('a sweep', () => {
  it('tries a grid side by side and publishes the best; a trial that diverges does not matter', async () => {
    const sweep = {
      strategy: 'grid',
      parameters: { 'optimizer.sgd.learning_rate': [1e-4, 0.5, 1e30] },
      max_parallel: 2,
      metric: 'validation_accuracy',
    };

    const done = await tenon.job(job({ sweep }));
    const events = await tenon.request('GET', `/v1/jobs/${String(done['id'])}/events?limit=100`);
    const version = await tenon.request('GET', '/v1/models/swept/versions/1');
    const card = await tenon.request('GET', '/v1/models/swept/versions/1/card');

    const trials = trialsOf(done);
    expect(done).toMatchObject({ status: 'succeeded', model: { name: 'swept', version: 1 }, best_trial: 'trial_0002' });
    expect(trials.map(({ status }) => status)).toEqual(['succeeded', 'succeeded', 'failed']);
    expect(trials[1]!.params).toEqual({ 'optimizer.sgd.learning_rate': 0.5 });
    expect(accuracyOf(trials[1]!)).toBeGreaterThan(accuracyOf(trials[0]!));
    expect(trials[2]!.error).toMatchObject({ code: 'training_diverged' });
    expect(version.body['metrics']).toEqual(trials[1]!.metrics);
    expect(card.body).toMatchObject({ reproduce: { job: { params: { optimizer: { sgd: { learning_rate: 0.5 } } } } } });
    const listed = await tenon.request('GET', '/v1/jobs');
    expect((listed.body['data'] as object[]).find((job) => 'id' in job && job.id === done['id'])).toMatchObject({
      trial_count: 3,
      best_trial: 'trial_0002',
    });
    const used = trials.reduce((sum, { usage }) => sum + usage.seconds, 0);
    expect((done['usage'] as { seconds: number }).seconds).toBeGreaterThan(used);
    const told = events.body['data'] as { type: string; data: { trial?: string; epoch?: number } }[];
    const epochs = told.filter(({ type, data }) => type === 'metrics' && data.trial === 'trial_0001');
    expect(epochs.map(({ data }) => data.epoch)).toEqual([1, 2, 3, 4]);
  });

  it('halves at random: the worse half stops early, the best goes to its end, from its checkpoints', async () => {
    const sweep = {
      strategy: 'halving',
      parameters: { 'optimizer.adam.learning_rate': { min: 1e-5, max: 0.1, scale: 'log' } },
      max_trials: 4,
    };

    const [first, second] = [await tenon.job(job({ sweep, seed: 5 })), await tenon.job(job({ sweep, seed: 5 }))];

    const trials = trialsOf(first);
    expect(first['status']).toBe('succeeded');
    expect(trials.map(({ progress }) => progress.epoch ?? 0).toSorted()).toEqual([1, 1, 2, 4]);
    const end = trials.find(({ progress }) => progress.epoch === 4)!;
    expect(end.id).toBe(first['best_trial']);
    // The same seed is the same trials with the same figures.
    expect(trialsOf(second).map(({ params, metrics }) => ({ params, metrics }))).toEqual(
      trials.map(({ params, metrics }) => ({ params, metrics })),
    );
  });

  it.each([
    [{ 'optimizer.adam.lerning_rate': [0.1] }, 'unknown_field', 'lerning_rate', 'optimizer.adam.lerning_rate'],
    [{ nope: [1] }, 'unknown_field', 'unknown field "nope"', 'nope'],
    [{ 'constructor.prototype.x': [1] }, 'unknown_field', 'unknown field "constructor"', 'constructor.prototype.x'],
    [{ 'layers.5.dense.units': [3] }, 'invalid_request', 'layers.5.dense.units', 'layers.5.dense.units'],
    [{ 'layers.02': ['flatten'] }, 'invalid_request', '"02" is no index', 'layers.02'],
    [{ batch_size: [16, -1] }, 'invalid_request', 'batch_size = -1', 'batch_size'],
  ])('is refused before it costs anything, where it was sent: %j', async (parameters, code, named, path) => {
    const answer = await tenon.request('POST', '/v1/jobs', { body: job({ sweep: { strategy: 'grid', parameters } }) });

    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ code, param: `/sweep/parameters/${path}` });
    expect(answer.body['detail']).toContain(named);
  });
});

describe('a job that does not come to its end', () => {
  const endless = { layers: ['flatten', { dense: { units: 10, activation: 'softmax' } }], epochs: 100_000 };

  it('ends within its budget, and its best epoch is a version', async () => {
    const done = await tenon.job(job({ name: 'budget', params: endless, budget: { max_seconds: 3 } }));
    const instance = { image: smallDigits()[0]!['image' as never] };
    const answer = await tenon.request('POST', '/v1/models/budget:predict', { body: { instances: [instance] } });

    expect(done).toMatchObject({ status: 'failed', error: { code: 'budget_exceeded' }, model: { version: 1 } });
    const { seconds } = done['usage'] as { seconds: number };
    expect(seconds).toBeGreaterThanOrEqual(3);
    expect(seconds).toBeLessThan(8);
    expect(answer.status).toBe(200);
  });

  it('in money too, over all the trials of a sweep together', async () => {
    // 3538 MB at $0.0000133334 per GB-second: 6 seconds.
    const budget = { max_usd: 6 * 3.455 * 0.0000133334 };
    const sweep = { strategy: 'grid', parameters: { batch_size: [8, 16, 32, 64] }, max_parallel: 2 };

    const done = await tenon.job(job({ name: 'money', params: endless, budget, sweep }));

    expect(done).toMatchObject({ status: 'failed', error: { code: 'budget_exceeded' }, model: { version: 1 } });
    expect((done['usage'] as { usd: number }).usd).toBeLessThan(2 * budget.max_usd);
  });

  it('says why it diverged, with its last figures and the last lines of its log', async () => {
    const done = await tenon.job(
      job({ name: 'diverged', params: { ...endless, epochs: 50, optimizer: { sgd: { learning_rate: 1e30 } } } }),
    );

    expect(done).toMatchObject({ status: 'failed', error: { code: 'training_diverged', phase: 'train' } });
    const { logs, hint } = done['error'] as { logs: string[]; hint: string };
    expect(hint).toContain('learning rate');
    expect(logs[0]).toMatch(/^\d{4}-\d\d-\d\dT\S+ info the training began$/);
  });

  it('stops soon after it is cancelled, with all its trials', async () => {
    const sweep = { strategy: 'grid', parameters: { batch_size: [8, 16, 32] }, max_parallel: 2 };
    const made = await tenon.request('POST', '/v1/jobs', { body: job({ name: 'stopped', params: endless, sweep }) });
    const path = `/v1/jobs/${String(made.body['id'])}`;
    await tenon.settled(path, ['running']);

    await tenon.request('POST', `${path}/cancel`, { body: {} });
    const done = await tenon.settled(path, ['succeeded', 'failed', 'cancelled']);

    expect(made.body['trials']).toHaveLength(3);
    expect(done).toMatchObject({ status: 'cancelled', error: { code: 'cancelled' } });
    expect(trialsOf(done).map(({ status }) => status)).toEqual(['cancelled', 'cancelled', 'cancelled']);
  });
});
