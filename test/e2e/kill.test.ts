/** The whole local cloud is killed with SIGKILL in the middle of a job: started again, it ends with the same bytes. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiClient } from '../../scripts/api-client.ts';
import type { Job } from '../../scripts/api-client.ts';
import { loadDigits, toIdx } from '../../scripts/digits.ts';
import { buildIfStale, keyOfTenant } from '../../scripts/local.ts';
import { processesNaming } from './processes.ts';

interface Cloud {
  readonly process: ChildProcess;
  readonly apiUrl: string;
  readonly lambdaUrl: string;
}

const dataDir = mkdtempSync(join(tmpdir(), 'tenon-kill-'));
let cloud: Cloud | undefined;

async function start(): Promise<Cloud> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'test/e2e/cloud-process.ts', dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString('utf8')));
    child.once('exit', (code) => reject(new Error(`the cloud ended with ${code}`)));
  });
  return { process: child, ...(JSON.parse(line) as { apiUrl: string; lambdaUrl: string }) };
}

async function kill({ process: child }: Cloud): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

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

beforeAll(() => buildIfStale(() => undefined));
afterAll(async () => {
  if (cloud !== undefined) await kill(cloud);
  rmSync(dataDir, { recursive: true, force: true });
});

describe('a cloud that is killed', () => {
  it('goes on with its job when it is started again, and the model is the undisturbed one, byte for byte', async () => {
    cloud = await start();
    const key = await keyOfTenant(cloud.lambdaUrl, 'acme', 'standard');
    const { train } = loadDigits();
    const digits = {
      images: train.images.filter((_, i) => i % 10 === 0),
      labels: train.labels.filter((_, i) => i % 10 === 0),
    };
    let api = new ApiClient(cloud.apiUrl, key);
    const dataset = await api.uploadIdx('digits', toIdx(digits));
    const body = {
      name: 'digits',
      task: 'classification',
      family: 'cnn',
      dataset: dataset.id,
      target: 'label',
      params: CNN,
      seed: 7,
    };
    const jobOf = (id: string) => api.call<Job>('GET', `/v1/jobs/${id}`);
    const isOver = ({ status }: Job): boolean => status !== 'queued' && status !== 'running';

    const undisturbed = await api.call<Job>('POST', '/v1/jobs', body);
    const first = await api.until(() => jobOf(undisturbed.id), isOver);
    const { id } = await api.call<Job>('POST', '/v1/jobs', body);
    await api.until(
      () => jobOf(id),
      ({ progress }) => progress.fraction > 0.2,
    );
    await kill(cloud);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const left = processesNaming(dataDir);
    cloud = await start();
    api = new ApiClient(cloud.apiUrl, key);
    const second = await api.until(() => jobOf(id), isOver);

    expect(left).toEqual([]);
    expect([first.status, second.status]).toEqual(['succeeded', 'succeeded']);
    expect([first.model?.version, second.model?.version]).toEqual([1, 2]);
    const [one, two] = await Promise.all(
      [1, 2].map((version) => api.call<{ sha256: string }>('GET', `/v1/models/digits/versions/${version}/artifact`)),
    );
    expect(two?.sha256).toBe(one?.sha256);
    expect(second.metrics).toEqual(first.metrics);
    const events = await api.call<{ data: { id: string; type: string; data: { epoch?: number } }[] }>(
      'GET',
      `/v1/jobs/${id}/events?limit=100`,
    );
    const epochs = events.data.filter(({ type }) => type === 'metrics').map(({ data }) => data.epoch);
    expect(epochs).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
  });
});
