/** What takes too long for every run: estimates of every family at its default size, and a sweep that fills both cores. */
import { cpus } from 'node:os';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { ApiClient } from '../../cli/client.ts';
import { uploadIdx } from '../../scripts/idx-dataset.ts';
import { loadDigits, toIdx } from '../../scripts/digits.ts';
import { REFERENCE_LAYERS } from '../../scripts/reference-cnn.ts';
import { useTenon } from '../e2e/tenon.ts';

const tenon = useTenon();

let digits: unknown;
let plane: unknown;
let series: unknown;

beforeAll(async () => {
  const { train } = loadDigits();
  const every4th = {
    images: train.images.filter((_, i) => i % 4 === 0).slice(0, 2000),
    labels: train.labels.filter((_, i) => i % 4 === 0).slice(0, 2000),
  };
  digits = (await uploadIdx(new ApiClient(tenon.cloud.apiUrl, tenon.key('a')), 'digits', toIdx(every4th))).id;
  const numbers = Array.from({ length: 2000 }, (_, i) => [i % 37, (i * 7) % 101, (i * 13) % 53].map((v) => v / 10));
  const lines = numbers.map(([a, b, c]) => `${a},${b},${c},${a! + 2 * b! - c!},${a! + c! > b! ? 'above' : 'below'}`);
  plane = (await tenon.dataset({ name: 'plane', format: 'csv', csv: `a,b,c,y,side\n${lines.join('\n')}\n` }))['id'];
  const waves = Array.from({ length: 2000 }, (_, i) => Math.sin(i / 9) + Math.sin(i / 31)).join('\n');
  series = (await tenon.dataset({ name: 'series', format: 'csv', csv: `y\n${waves}\n` }))['id'];
});

const numeric = (family: string, rest: object) => () => ({
  family,
  dataset: plane,
  features: ['a', 'b', 'c'],
  ...rest,
});

describe('an estimate', () => {
  it.each([
    ['linear_regression', numeric('linear_regression', { task: 'regression', target: 'y' })],
    ['logistic_regression', numeric('logistic_regression', { task: 'classification', target: 'side' })],
    ['svm', numeric('svm', { task: 'classification', target: 'side' })],
    ['kmeans', numeric('kmeans', { task: 'clustering' })],
    [
      'cnn',
      () => ({
        family: 'cnn',
        task: 'classification',
        dataset: digits,
        target: 'label',
        params: { layers: REFERENCE_LAYERS },
      }),
    ],
    ['rnn', () => ({ family: 'rnn', task: 'forecasting', dataset: series, target: 'y', params: { window: 24 } })],
    [
      'attention',
      () => ({ family: 'attention', task: 'forecasting', dataset: series, target: 'y', params: { window: 24 } }),
    ],
  ])(
    'of %s is within a factor of two',
    async (family, bodyOf) => {
      const body = { name: `est-${family.replaceAll('_', '-')}`, ...bodyOf() };

      const estimate = await tenon.request('POST', '/v1/jobs/estimate', { body });
      const job = await tenon.job(body);

      expect([estimate.status, job['status']]).toEqual([200, 'succeeded']);
      const { seconds } = job['usage'] as { seconds: number };
      const ratio = (estimate.body['seconds'] as number) / seconds;
      console.log(
        `${family}: estimated ${String(estimate.body['seconds'])} s, took ${seconds} s, ratio ${ratio.toFixed(2)}`,
      );
      expect(ratio).toBeGreaterThan(0.5);
      expect(ratio).toBeLessThan(2);
    },
    900_000,
  );
});

describe('a sweep of 16 trials of the reference CNN', () => {
  it('uses both cores', async () => {
    const before = busyS();
    const startedMs = Date.now();

    const job = await tenon.job({
      name: 'swept',
      task: 'classification',
      family: 'cnn',
      dataset: digits,
      target: 'label',
      params: { layers: REFERENCE_LAYERS, epochs: 1 },
      sweep: {
        strategy: 'grid',
        parameters: { 'optimizer.adam.learning_rate': [3e-4, 1e-3, 3e-3, 1e-2], batch_size: [16, 32, 64, 128] },
        max_parallel: 2,
      },
    });
    const wallS = (Date.now() - startedMs) / 1000;
    const share = (busyS() - before) / wallS;

    const trials = job['trials'] as { status: string }[];
    console.log(`16 trials in ${wallS.toFixed(1)} s, ${share.toFixed(2)} cores busy`);
    expect(trials.map(({ status }) => status)).toEqual(Array(16).fill('succeeded'));
    expect(share).toBeGreaterThan(1.5);
  }, 600_000);
});

/** CPU seconds of the whole machine so far. */
function busyS(): number {
  return cpus().reduce((sum, { times }) => sum + (times.user + times.sys + times.nice) / 1000, 0);
}
