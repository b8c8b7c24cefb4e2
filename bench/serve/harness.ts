/** Tenon in the local cloud, its models trained over HTTPS like a tenant's: gateway, authorizer, a process of inference. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiClient } from '../../cli/client.ts';
import { buildIfStale, keyOfTenant, startTenon } from '../../scripts/local.ts';
import { rowsOf } from './cases.ts';
import type { ServeCase } from './cases.ts';
import { HttpTarget } from './http-target.ts';
import { cpuMs, functionProcesses } from './processes.ts';

export interface Harness {
  /** Trains the case's model under its name. */
  train(entry: ServeCase): Promise<void>;
  target(model: string): HttpTarget;
  /** Of the processes that predict, without the gateway's and the authorizer's. */
  cpuMs(): number | undefined;
  stop(): Promise<void>;
}

export async function startHarness(): Promise<Harness> {
  buildIfStale(() => undefined);
  const dataDir = mkdtempSync(join(tmpdir(), 'bench-'));
  const cloud = await startTenon({ dataDir });
  const key = await keyOfTenant(cloud.lambdaUrl, 'bench', 'dedicated');
  const client = new ApiClient(cloud.apiUrl, key);
  return {
    train: (entry) => train(client, entry),
    target: (model) => new HttpTarget(`${cloud.apiUrl}/v1/models/${model}:predict`, { 'x-api-key': key }),
    cpuMs: () => cpuMs(functionProcesses('Inference')),
    async stop() {
      await cloud.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

interface Status {
  readonly id: string;
  readonly status: string;
  readonly error?: { readonly message: string };
}

async function train(client: ApiClient, { name, family, target, params, table }: ServeCase): Promise<void> {
  const data = { name, format: 'jsonl', rows: rowsOf(table()) };
  const dataset = await client.call<Status>('createDataset', { body: data });
  const read = () => client.call<Status>('getDataset', { params: { id: dataset.id } });
  await client.until(read, ({ status }) => status === 'ready');
  const task = { task: 'classification', family, target, params, validation: { fraction: 0 } };
  const job = await client.call<Status>('createJob', { body: { name, dataset: dataset.id, ...task } });
  const ask = () => client.call<Status>('getJob', { params: { id: job.id } });
  const { status, error } = await client.until(ask, (asked) => !['queued', 'running'].includes(asked.status));
  if (status !== 'succeeded') throw new Error(`${name}: the job ${status}: ${error?.message ?? ''}`);
}
