/** One slot for training and three jobs that want it: they train one after the other, and each to its end. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Job } from '../../cli/resources.ts';
import { buildIfStale } from '../../scripts/local.ts';
import { KillableCloud, isOver } from './killable-cloud.ts';

const cloud = new KillableCloud({ environment: { TRAINING_SLOTS: '1', SEGMENT_SECONDS: '2' } });

beforeAll(async () => {
  buildIfStale(() => undefined);
  await cloud.start();
}, 300_000);
afterAll(() => cloud.end());

describe('jobs that wait for their turn', () => {
  it('train one after the other, and each to its end', async () => {
    const csv = `y\n${Array.from({ length: 200 }, (_, i) => Math.sin(i / 5)).join('\n')}\n`;
    const dataset = await cloud.api.call<{ id: string }>('createDataset', {
      body: { name: 'wave', format: 'csv', csv },
    });
    const readDataset = () => cloud.api.call<{ status: string }>('getDataset', { params: { id: dataset.id } });
    await cloud.api.until(readDataset, ({ status }) => status === 'ready');
    const params = { units: 4, window: 8, epochs: 200 };
    const body = { name: 'wave', task: 'forecasting', family: 'rnn', dataset: dataset.id, target: 'y', params };
    const start = () => cloud.api.call<Job>('createJob', { body });

    const started = [await start(), await start(), await start()];
    const training = async () => {
      const all = await Promise.all(started.map(({ id }) => cloud.jobOf(id)));
      return all.filter(({ status, progress }) => status === 'running' && progress.fraction < 1).map(({ id }) => id);
    };
    let together = 0;
    const look = async () => {
      // Who trains still after all others were looked at has trained beside them.
      const before = new Set(await training());
      together = Math.max(together, (await training()).filter((id) => before.has(id)).length);
      return Promise.all(started.map(({ id }) => cloud.jobOf(id)));
    };
    const jobs = await cloud.api.until(look, (all) => all.every(isOver));

    expect(jobs.map(({ status }) => status)).toEqual(['succeeded', 'succeeded', 'succeeded']);
    expect(together).toBe(1);
  });
});
