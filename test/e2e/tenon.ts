/** A local cloud with Tenon in it and two tenants, for one test file. */
import { isDeepStrictEqual } from 'node:util';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import type { LocalCloud, LocalCloudOptions } from '../../harness/index.ts';
import { buildIfStale, keyOfTenant, startTenon } from '../../scripts/local.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // The tests look into answers of every shape; what they find is what they assert.
  readonly body: Record<string, unknown>;
}

export interface RequestOptions {
  readonly body?: unknown;
  /** Sent as it stands instead of `body`. */
  readonly text?: string;
  readonly headers?: Record<string, string>;
  readonly key?: string | null;
}

export class Tenon {
  #cloud: LocalCloud | undefined;
  #keys: Record<'a' | 'b', string> = { a: '', b: '' };
  #dataDir = '';

  get dataDir(): string {
    return this.#dataDir;
  }

  get cloud(): LocalCloud {
    if (this.#cloud === undefined) throw new Error('the local cloud is not running');
    return this.#cloud;
  }

  key(tenant: 'a' | 'b'): string {
    return this.#keys[tenant];
  }

  async start(options: Pick<LocalCloudOptions, 'faults'> = {}): Promise<void> {
    buildIfStale(() => undefined);
    this.#dataDir = mkdtempSync(join(tmpdir(), 'tenon-'));
    this.#cloud = await startTenon({ dataDir: this.#dataDir, ...options });
    const { lambdaUrl } = this.#cloud;
    this.#keys = {
      a: await keyOfTenant(lambdaUrl, 'tenant-a', 'standard'),
      b: await keyOfTenant(lambdaUrl, 'tenant-b', 'standard'),
    };
  }

  /** Ends the cloud in order and starts it again, with what it has kept. */
  async restart(): Promise<void> {
    await this.cloud.stop();
    this.#cloud = await startTenon({ dataDir: this.#dataDir });
  }

  async stop(): Promise<void> {
    await this.#cloud?.stop();
    rmSync(this.#dataDir, { recursive: true, force: true });
  }

  /** A request as tenant a, unless another key (or null for none) is given. */
  async request(method: string, path: string, options: RequestOptions = {}): Promise<Answer> {
    const { key = this.#keys.a, body, text = body === undefined ? undefined : JSON.stringify(body) } = options;
    const response = await fetch(this.cloud.apiUrl + path, {
      method,
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(text === undefined ? {} : { 'content-type': 'application/json' }),
        ...options.headers,
      },
      ...(text === undefined ? {} : { body: text }),
    });
    const answer = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: answer === '' ? {} : (JSON.parse(answer) as Record<string, unknown>),
    };
  }

  /** A dataset made of the body, once it is ready or invalid. */
  async dataset(body: object, key = this.#keys.a): Promise<Record<string, unknown>> {
    const made = await this.request('POST', '/v1/datasets', { body, key });
    if (made.status !== 201) throw new Error(`making a dataset: ${made.status} ${JSON.stringify(made.body)}`);
    return this.settled(`/v1/datasets/${String(made.body['id'])}`, ['ready', 'invalid'], key);
  }

  /** A job made of the body, once it has ended. */
  async job(body: object, key = this.#keys.a): Promise<Record<string, unknown>> {
    const made = await this.request('POST', '/v1/jobs', { body, key });
    if (made.status !== 202) throw new Error(`making a job: ${made.status} ${JSON.stringify(made.body)}`);
    return this.settled(`/v1/jobs/${String(made.body['id'])}`, ['succeeded', 'failed', 'cancelled'], key);
  }

  /** The object at the path, once its status is one of those. */
  async settled(path: string, statuses: readonly string[], key = this.#keys.a): Promise<Record<string, unknown>> {
    for (;;) {
      const { body } = await this.request('GET', path, { key });
      if (statuses.includes(String(body['status']))) return body;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** Usage is written behind the answers: what is read again until it no longer changes. */
export async function steady<T>(read: () => Promise<T>): Promise<T> {
  for (let last = await read(); ;) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    const now = await read();
    if (isDeepStrictEqual(now, last)) return now;
    last = now;
  }
}

/** Starts a cloud before the file's tests and stops it after them. */
export function useTenon(options: Pick<LocalCloudOptions, 'faults'> = {}): Tenon {
  const tenon = new Tenon();
  beforeAll(() => tenon.start(options));
  afterAll(() => tenon.stop());
  return tenon;
}
