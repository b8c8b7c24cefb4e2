/** Functions and the whole local cloud are killed with SIGKILL in the middle of their work: the job ends with the same bytes. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadDigits, toIdx } from '../../scripts/digits.ts';
import type { Job } from '../../cli/resources.ts';
import { uploadIdx } from '../../scripts/idx-dataset.ts';
import { buildIfStale } from '../../scripts/local.ts';
import { KillableCloud, isOver } from './killable-cloud.ts';
import { processesNaming } from './processes.ts';

/** Segments of a second: a job is a chain of several. */
const cloud = new KillableCloud({ environment: { SEGMENT_SECONDS: '1' } });

const CNN = {
  layers: [
    { conv2d: { filters: 8, kernel_size: [3, 3], activation: 'relu' } },
    { max_pooling2d: { pool_size: [2, 2] } },
    { flatten: {} },
    { dropout: { rate: 0.2 } },
    { dense: { units: 10, activation: 'softmax' } },
  ],
  optimizer: { adam: {} },
  epochs: 60,
  batch_size: 32,
};

beforeAll(async () => {
  buildIfStale(() => undefined);
  await cloud.start();
});
afterAll(() => cloud.end());

describe('a job whose functions and cloud are killed', () => {
  it('ends as the undisturbed one: the same model byte for byte, the same events, nothing left behind', async () => {
    const { train } = loadDigits();
    const digits = {
      images: train.images.filter((_, i) => i % 10 === 0),
      labels: train.labels.filter((_, i) => i % 10 === 0),
    };
    const [dataset, wasIngestKilled] = await Promise.all([
      uploadIdx(cloud.api, 'digits', toIdx(digits)),
      cloud.killFunction('ingest'),
    ]);
    const body = {
      name: 'digits',
      task: 'classification',
      family: 'cnn',
      dataset: dataset.id,
      target: 'label',
      params: CNN,
      seed: 7,
    };
    const start = () => cloud.api.call<Job>('createJob', { body });
    const ended = (id: string) => cloud.api.until(() => cloud.jobOf(id), isOver);
    const reached = (id: string, fraction: number) =>
      cloud.api.until(
        () => cloud.jobOf(id),
        ({ progress }) => progress.fraction > fraction,
      );

    const first = await ended((await start()).id);
    const { id } = await start();
    await reached(id, 0.1);
    const wasFitKilled = await cloud.killFunction('fit');
    const wasTrainKilled = await cloud.killFunction('train');
    await reached(id, 0.4);
    await cloud.kill();
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const left = processesNaming(cloud.dataDir);
    await cloud.start();
    const second = await ended(id);

    expect([wasIngestKilled, wasFitKilled, wasTrainKilled]).toEqual([true, true, true]);
    expect(left).toEqual([]);
    expect([first.status, second.status]).toEqual(['succeeded', 'succeeded']);
    expect([first.model?.version, second.model?.version]).toEqual([1, 2]);
    expect(await cloud.sha256Of(second)).toBe(await cloud.sha256Of(first));
    expect(second.metrics).toEqual(first.metrics);
    const events = await cloud.eventsOf(id);
    expect(events).toEqual(await cloud.eventsOf(first.id));
    expect(events.filter(({ type }) => type === 'metrics').map(({ data }) => data?.['epoch'])).toEqual(
      Array.from({ length: 60 }, (_, i) => i + 1),
    );
    expect((await cloud.objects()).filter((key) => key.includes('/jobs/'))).toEqual([]);
  });
});
