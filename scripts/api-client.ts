/** A small client of the HTTPS API, as the demo needs it. */

export interface Dataset {
  id: string;
  status: string;
  errors?: { message: string }[];
  upload?: { parts?: Record<string, { url: string; headers: Record<string, string> }> };
}

export interface Job {
  id: string;
  status: 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';
  progress: { fraction: number; epoch?: number; epochs?: number; eta_seconds?: number };
  metrics: { train: Record<string, number>; validation: Record<string, number> };
  model?: { name: string; version: number };
  error?: { code: string; message: string };
  usage: { seconds: number; gb_seconds: number; usd: number };
}

export interface Prediction {
  label: number | string;
  probabilities: Record<string, number>;
}

export class ApiClient {
  readonly #url: string;
  readonly #key: string;

  constructor(url: string, key: string) {
    this.#url = url;
    this.#key = key;
  }

  async call<T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<T> {
    const response = await fetch(this.#url + path, {
      method,
      headers: {
        authorization: `Bearer ${this.#key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = (await response.json()) as T & { detail?: string };
    if (!response.ok)
      throw new Error(`${method} ${path}: ${response.status} ${answer.detail ?? JSON.stringify(answer)}`);
    return answer;
  }

  /** Uploads two IDX files as a dataset and waits until it is ready. */
  async uploadIdx(name: string, files: Record<'images' | 'labels', Uint8Array>): Promise<Dataset> {
    const made = await this.call<Dataset>('POST', '/v1/datasets', { name, format: 'idx' });
    for (const part of ['images', 'labels'] as const) {
      const target = made.upload?.parts?.[part];
      if (target === undefined) throw new Error(`dataset ${made.id} names no place to upload ${part} to`);
      const response = await fetch(target.url, { method: 'PUT', headers: target.headers, body: files[part] });
      if (!response.ok) throw new Error(`uploading ${part}: ${response.status} ${await response.text()}`);
    }
    await this.call('POST', `/v1/datasets/${made.id}/complete`, {});
    return this.until(
      () => this.call<Dataset>('GET', `/v1/datasets/${made.id}`),
      (dataset) => {
        if (dataset.status === 'invalid')
          throw new Error(`dataset ${name}: ${dataset.errors?.[0]?.message ?? 'invalid'}`);
        return dataset.status === 'ready';
      },
    );
  }

  /** Asks again every quarter of a second until it is done. */
  async until<T>(ask: () => Promise<T>, isDone: (value: T) => boolean): Promise<T> {
    for (;;) {
      const value = await ask();
      if (isDone(value)) return value;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}
