/** The service in one process, as tests of batches use it: a tenant's datasets, models and batches, each waited for. */
import { expect } from '@jest/globals';
import type { OperationId } from '../../../shared/contract.ts';
import { paths } from '../../../shared/stores/objects.ts';
import type { TenantStores } from '../../../shared/stores/tenant-stores.ts';
import { Service } from '../../fuzz/service.ts';

export interface Line {
  readonly row: number;
  readonly input?: unknown;
  readonly prediction?: unknown;
  readonly error?: { readonly code: string; readonly message: string };
}

interface Sent {
  readonly params?: Record<string, string>;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

type Body = Record<string, unknown> & { readonly id: string };

const TENANT = 'batching';

export class Batching {
  #service: Service | undefined;

  get service(): Service {
    if (this.#service === undefined) throw new Error('the service is not running');
    return this.#service;
  }

  get stores(): TenantStores {
    return this.service.storesOf(TENANT);
  }

  async start(): Promise<void> {
    this.#service = await Service.start();
  }

  async stop(): Promise<void> {
    await this.#service?.stop();
  }

  /** An operation, and all that it has started. */
  async call(operation: OperationId, { params = {}, body = null, headers = {} }: Sent = {}) {
    const text = body === null ? null : JSON.stringify(body);
    const sent = { 'content-type': 'application/json', ...headers };
    const request = { operation, tenant: TENANT, params, query: {}, headers: sent, body: text };
    const answer = await this.service.send(request);
    await this.service.idle();
    expect(this.service.defects.splice(0)).toEqual([]);
    return { status: answer.statusCode, headers: answer.headers ?? {}, body: JSON.parse(answer.body) as Body };
  }

  async csv(name: string, csv: string, columns: Record<string, string> = {}): Promise<string> {
    return (await this.call('createDataset', { body: { name, format: 'csv', csv, columns } })).body.id;
  }

  async rows(name: string, rows: readonly object[]): Promise<string> {
    const { status, body } = await this.call('createDataset', { body: { name, format: 'jsonl', rows } });
    expect(status).toBe(201);
    return body.id;
  }

  async trained(job: object): Promise<void> {
    const { body } = await this.call('createJob', { body: { validation: { fraction: 0 }, ...job } });
    const { body: ended } = await this.call('getJob', { params: { id: body.id } });
    expect(ended).toMatchObject({ status: 'succeeded' });
  }

  async batch(body: object) {
    const made = await this.call('createBatch', { body });
    expect(made).toMatchObject({ status: 202 });
    return this.endOf(made.body.id);
  }

  /** A batch that is made, and carried out when the test says so. */
  async queued(body: object) {
    this.service.isPredicting = false;
    try {
      return await this.call('createBatch', { body });
    } finally {
      this.service.isPredicting = true;
    }
  }

  carryOut(id: string): Promise<unknown> {
    return this.service.carryOut({ tenant_id: TENANT, batch: id });
  }

  async endOf(id: string) {
    const ended = (await this.call('getBatch', { params: { id } })).body;
    const bytes = await this.stores.objects.get(paths.batchOutput(id));
    const text = Buffer.from(bytes ?? []).toString('utf8');
    const lines = text.split('\n').slice(0, -1);
    return { id, ended, text, lines: lines.map((line) => JSON.parse(line) as Line) };
  }
}
