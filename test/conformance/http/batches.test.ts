/** Batch predictions over the service in one process: what stands in the output, row by row. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { OperationId } from '../../../shared/contract.ts';
import { paths } from '../../../shared/stores/objects.ts';
import { Service } from '../../fuzz/service.ts';

const TENANT = 'batching';

let service: Service;
beforeAll(async () => {
  service = await Service.start();
});
afterAll(() => service.stop());

interface Sent {
  readonly params?: Record<string, string>;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

async function call(operation: OperationId, { params = {}, body = null, headers = {} }: Sent = {}) {
  const text = body === null ? null : JSON.stringify(body);
  const sent = { 'content-type': 'application/json', ...headers };
  const answer = await service.send({ operation, tenant: TENANT, params, query: {}, headers: sent, body: text });
  await service.idle();
  expect(service.defects.splice(0)).toEqual([]);
  return {
    status: answer.statusCode,
    headers: answer.headers ?? {},
    body: JSON.parse(answer.body) as Record<string, unknown> & { id: string },
  };
}

async function dataset(name: string, csv: string, columns: Record<string, string> = {}): Promise<string> {
  return (await call('createDataset', { body: { name, format: 'csv', csv, columns } })).body.id;
}

interface Line {
  readonly row: number;
  readonly input?: unknown;
  readonly prediction?: unknown;
  readonly error?: { readonly code: string; readonly message: string };
}

async function batch(body: object) {
  const made = await call('createBatch', { body });
  expect(made.status).toBe(202);
  return endOf(made.body.id);
}

async function endOf(id: string) {
  const ended = (await call('getBatch', { params: { id } })).body;
  const bytes = await service.storesOf(TENANT).objects.get(paths.batchOutput(id));
  const text = Buffer.from(bytes ?? []).toString('utf8');
  const lines = text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
  return { id, ended, text, lines };
}

/** y = 2 a + 3 b + 1, exactly. */
async function plane(): Promise<void> {
  const rows = Array.from({ length: 40 }, (_, i) => [i % 7, (i * 5) % 11] as const);
  const csv = `a,b,y\n${rows.map(([a, b]) => `${a},${b},${2 * a + 3 * b + 1}`).join('\n')}\n`;
  const body = {
    name: 'plane',
    task: 'regression',
    family: 'linear_regression',
    target: 'y',
    validation: { fraction: 0 },
  };
  await call('createJob', { body: { ...body, dataset: await dataset('plane', csv) } });
}

describe('a batch over a dataset', () => {
  beforeAll(plane);

  it('has one line a row, in order, with the prediction and the columns asked for', async () => {
    const rows = Array.from({ length: 2_500 }, (_, i) => [`id-${i}`, i, i % 13] as const);
    const id = await dataset('rows', `id,a,b\n${rows.map((row) => row.join(',')).join('\n')}\n`);

    const { ended, lines } = await batch({ model: 'plane', dataset: id, include: ['id'] });

    expect(ended).toMatchObject({ status: 'succeeded', model: 'plane', model_version: 1 });
    expect(ended['progress']).toEqual({ fraction: 1, rows: 2_500, predicted: 2_500, failed: 0 });
    expect(lines.map(({ row, input }) => ({ row, input }))).toEqual(
      rows.map(([name], i) => ({ row: i + 1, input: { id: name } })),
    );
    const worst = Math.max(
      ...lines.map(({ prediction }, i) => Math.abs(Number(prediction) - (2 * i + 3 * (i % 13) + 1))),
    );
    expect(worst).toBeLessThan(1e-6);
  });

  it('gives a row that the model refuses a line with the reason, and every other row its prediction', async () => {
    const id = await dataset('gaps', 'a,b\n1,2\nx,3\n,4\n1e308,5\n5,6\n', { a: 'category' });

    const { ended, lines } = await batch({ model: 'plane', dataset: id });

    expect(ended['status']).toBe('succeeded');
    expect(ended['progress']).toMatchObject({
      rows: 5,
      failed: lines.filter(({ error }) => error !== undefined).length,
    });
    expect(lines).toHaveLength(5);
    expect(lines[1]).toEqual({
      row: 2,
      error: { code: 'invalid_request', message: 'feature "a": expected a number, got "x"' },
    });
    expect(lines[0]!.prediction).toBeCloseTo(9, 6);
    expect(lines[4]!.prediction).toBeCloseTo(29, 6);
  });
});

describe('a prediction that is answered later', () => {
  beforeAll(plane);

  it('is a batch of its instances where the client prefers that', async () => {
    const instances = [
      { a: 1, b: 1 },
      { a: 'x', b: 1 },
      { a: 2, b: 0 },
    ];

    const answer = await call('predict', {
      params: { ref: 'plane' },
      headers: { prefer: 'respond-async' },
      body: { instances },
    });
    const { ended, lines } = await endOf(answer.body.id);

    expect(answer.status).toBe(202);
    expect(answer.headers).toMatchObject({
      location: `/prod/v1/batches/${answer.body.id}`,
      'preference-applied': 'respond-async',
    });
    expect(ended['progress']).toMatchObject({ rows: 3, predicted: 2, failed: 1 });
    expect(lines.map(({ prediction }) => (prediction === undefined ? 'none' : Math.round(Number(prediction))))).toEqual(
      [6, 'none', 5],
    );
  });

  it('is answered at once where it is done within the time that the client waits', async () => {
    const answer = await call('predict', {
      params: { ref: 'plane' },
      headers: { prefer: 'respond-async, wait=10' },
      body: { instances: [{ a: 1, b: 1 }] },
    });

    expect([answer.status, answer.headers['preference-applied']]).toEqual([200, 'wait=10']);
  });

  it('becomes a batch where that time is over, and counts once', async () => {
    const before = await service.storesOf(TENANT).predictions.served();
    const instances = Array.from({ length: 10_000 }, (_, i) => ({ a: i, b: 1 }));

    const answer = await call('predict', {
      params: { ref: 'plane' },
      headers: { prefer: 'wait=0' },
      body: { instances },
    });
    const { ended } = await endOf(answer.body.id);

    expect([answer.status, answer.headers['preference-applied']]).toEqual([202, 'wait=0']);
    expect(ended).toMatchObject({ status: 'succeeded', progress: { predicted: 10_000 } });
    expect((await service.storesOf(TENANT).predictions.served()) - before).toBe(10_000);
  });

  it('of more instances than one answer has is refused with what to use instead, or taken if it may come later', async () => {
    const instances = Array.from({ length: 10_001 }, () => ({ a: 1, b: 1 }));

    const refused = await call('predict', { params: { ref: 'plane' }, body: { instances } });
    const mlflow = await call('mlflowInvocations', { params: { ref: 'plane' }, body: { instances } });
    const taken = await call('predict', {
      params: { ref: 'plane' },
      headers: { prefer: 'respond-async' },
      body: { instances },
    });

    expect(refused.body).toMatchObject({ status: 413, code: 'payload_too_large', param: '/instances' });
    expect(refused.body['detail']).toContain('POST /v1/batches');
    expect(mlflow.status).toBe(413);
    expect((await endOf(taken.body.id)).ended['progress']).toMatchObject({ predicted: 10_001 });
  });
});
