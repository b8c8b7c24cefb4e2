/** Batch predictions in the local cloud: durable, isolated per tenant, downloaded from where the answer says, told to a webhook. */
import { createHash, createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { useTenon } from './tenon.ts';

const tenon = useTenon();

const PLANE = Array.from({ length: 40 }, (_, i) => `${i % 7},${(i * 5) % 11},${2 * (i % 7) + 3 * ((i * 5) % 11) + 1}`);

async function trained(): Promise<string> {
  const { id } = await tenon.dataset({ name: 'plane', format: 'csv', csv: `a,b,y\n${PLANE.join('\n')}\n` });
  const rest = { task: 'regression', family: 'linear_regression', target: 'y', validation: { fraction: 0 } };
  const { status } = await tenon.job({ name: 'plane', dataset: id, ...rest });
  expect(status).toBe('succeeded');
  return String(id);
}

describe('a batch', () => {
  it('runs over every row side by side, and says where its one output is', async () => {
    await trained();
    const rows = Array.from({ length: 45_000 }, (_, i) => `${i},${i % 13}`);
    const { id: dataset } = await tenon.dataset({ name: 'rows', format: 'csv', csv: `a,b\n${rows.join('\n')}\n` });

    const made = await tenon.request('POST', '/v1/batches', { body: { model: 'plane@latest', dataset } });
    const id = String(made.body['id']);
    const ended = await tenon.settled(`/v1/batches/${id}`, ['succeeded', 'failed', 'cancelled']);
    const { body: output } = await tenon.request('GET', `/v1/batches/${id}/output`);
    const text = await (await fetch(String(output['url']))).text();

    expect(made.status).toBe(202);
    expect(ended).toMatchObject({
      status: 'succeeded',
      model_version: 1,
      progress: { fraction: 1, rows: 45_000, predicted: 45_000, failed: 0 },
    });
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { row: number; prediction: number });
    expect(lines.map(({ row }) => row)).toEqual(rows.map((_, i) => i + 1));
    const errors = lines.map(({ prediction }, i) => Math.abs(prediction - (2 * i + 3 * (i % 13) + 1)));
    expect(Math.max(...errors)).toBeLessThan(1e-5);
    expect(output['sha256']).toBe(createHash('sha256').update(text).digest('hex'));
    expect(output['bytes']).toBe(Buffer.byteLength(text));
    const other = await tenon.request('GET', `/v1/batches/${id}/output`, { key: tenon.key('b') });
    expect(other.status).toBe(404);
  });

  it('is what a prediction becomes that its client need not wait for', async () => {
    const answer = await tenon.request('POST', '/v1/models/plane:predict', {
      headers: { prefer: 'respond-async' },
      body: {
        instances: [
          { a: 1, b: 1 },
          { a: 1, b: 'much' },
        ],
      },
    });
    const place = answer.headers.get('location') ?? '';
    await tenon.settled(place, ['succeeded', 'failed', 'cancelled']);
    const { body: output } = await tenon.request('GET', `${place}/output`);
    const lines = (await (await fetch(String(output['url']))).text()).split('\n');

    expect([answer.status, answer.headers.get('preference-applied')]).toEqual([202, 'respond-async']);
    expect((JSON.parse(lines[0]!) as { prediction: number }).prediction).toBeCloseTo(6, 6);
    expect(JSON.parse(lines[1]!)).toEqual({
      row: 2,
      error: { code: 'invalid_request', message: 'feature "b": expected a number, got "much"' },
    });
    expect(lines[2]).toBe('');
  });
});

type Line = { readonly row: number; readonly prediction?: unknown; readonly error?: { readonly code: string } };

const ENDS = ['succeeded', 'failed', 'cancelled'];

async function made(body: object, headers: Record<string, string> = {}) {
  const answer = await tenon.request('POST', '/v1/batches', { body, headers });
  expect(answer.status).toBe(202);
  return { id: String(answer.body['id']), path: `/v1/batches/${String(answer.body['id'])}` };
}

async function linesOf(path: string): Promise<Line[]> {
  const { body } = await tenon.request('GET', `${path}/output`);
  const text = await (await fetch(String(body['url']))).text();
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
}

/** A dataset of so many rows that a batch over it lasts for seconds. */
async function manyRows(): Promise<{ dataset: string; count: number }> {
  const count = 400_000;
  const csv = `a,b\n${Array.from({ length: count }, (_, i) => `${i % 1000},${i % 7}`).join('\n')}\n`;
  const { id } = await tenon.dataset({ name: 'many', format: 'csv', csv });
  return { dataset: String(id), count };
}

async function begun(path: string): Promise<void> {
  for (let status: unknown = 'queued'; status === 'queued'; await new Promise((resolve) => setTimeout(resolve, 20)))
    status = (await tenon.request('GET', path)).body['status'];
}

describe('a batch of few rows', () => {
  it('has one line for one row, and is refused where it has none', async () => {
    const { id: one } = await tenon.dataset({ name: 'one', format: 'csv', csv: 'a,b\n1,2\n' });
    const { path } = await made({ model: 'plane', dataset: one });
    const { id: none, status } = await tenon.dataset({ name: 'none', format: 'csv', csv: 'a,b\n' });

    const ended = await tenon.settled(path, ENDS);
    const refused = await tenon.request('POST', '/v1/batches', { body: { model: 'plane', dataset: none } });
    const empty = await tenon.request('POST', '/v1/batches', { body: { model: 'plane', instances: [] } });

    expect(ended).toMatchObject({ status: 'succeeded', progress: { fraction: 1, rows: 1, predicted: 1 } });
    expect(await linesOf(path)).toEqual([{ row: 1, prediction: expect.closeTo(9, 6) }]);
    expect([status, refused.status]).toEqual(['invalid', 422]);
    expect([empty.status, empty.body['param']]).toEqual([400, '/instances']);
  });

  it('is one batch, however often it is sent with its idempotency key', async () => {
    const body = { model: 'plane', instances: [{ a: 1, b: 2 }] };
    const key = { 'idempotency-key': 'batch-of-one' };

    const [first, second] = [await made(body, key), await made(body, key)];
    await tenon.settled(first.path, ENDS);
    const third = await made(body, key);
    const other = await tenon.request('POST', '/v1/batches', { body: { ...body, model: 'plane:1' }, headers: key });

    expect([second.id, third.id]).toEqual([first.id, first.id]);
    expect(other.status).toBe(422);
  });
});

describe('a batch that is ended in the middle', () => {
  it('keeps what was predicted when it is cancelled, holds its dataset until then, and says so', async () => {
    const { dataset, count } = await manyRows();
    const { path, id } = await made({ model: 'plane', dataset });
    await begun(path);

    const held = await tenon.request('DELETE', `/v1/datasets/${dataset}`);
    await tenon.request('POST', `${path}/cancel`, { body: {} });
    const ended = await tenon.settled(path, ENDS);
    const lines = await linesOf(path);

    expect(held.status).toBe(409);
    expect(held.body['detail']).toContain(id);
    expect(ended).toMatchObject({ status: 'cancelled', error: { code: 'cancelled' } });
    expect(lines.map(({ row }) => row)).toEqual(Array.from({ length: count }, (_, i) => i + 1));
    const predicted = lines.filter(({ prediction }) => prediction !== undefined).length;
    expect(predicted).toBe((ended['progress'] as { predicted: number }).predicted);
    expect(predicted).toBeLessThan(count);
    expect(lines.every(({ prediction, error }) => prediction !== undefined || error?.code === 'cancelled')).toBe(true);
  });

  it('fails with what was predicted when its model is deleted', async () => {
    const { id } = await tenon.dataset({ name: 'few', format: 'csv', csv: `a,b,y\n${PLANE.join('\n')}\n` });
    const rest = { task: 'regression', family: 'linear_regression', target: 'y', validation: { fraction: 0 } };
    await tenon.job({ name: 'doomed', dataset: id, ...rest });
    const { body } = await tenon.request('GET', '/v1/datasets');
    const { id: dataset } = (body['data'] as { id: string; name: string }[]).find(({ name }) => name === 'many')!;
    const { path } = await made({ model: 'doomed', dataset });
    await begun(path);

    const deleted = await tenon.request('DELETE', '/v1/models/doomed');
    const ended = await tenon.settled(path, ENDS);
    const lines = await linesOf(path);

    expect(deleted.status).toBe(200);
    expect(ended).toMatchObject({ status: 'failed', error: { code: 'not_found' } });
    expect(lines).toHaveLength(400_000);
    expect(lines.every(({ prediction, error }) => prediction !== undefined || error?.code === 'not_found')).toBe(true);
    expect(lines.filter(({ prediction }) => prediction !== undefined)).toHaveLength(
      (ended['progress'] as { predicted: number }).predicted,
    );
  });
});

describe('the webhook of a batch', () => {
  it('is told how it ended, signed', async () => {
    const got: { headers: IncomingHttpHeaders; body: string }[] = [];
    const server = createServer((request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => (text += chunk.toString()));
      request.on('end', () => {
        got.push({ headers: request.headers, body: text });
        response.writeHead(204).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const webhook = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` };
    const { body: secret } = await tenon.request('GET', '/v1/webhooks/secret');
    const { body: datasets } = await tenon.request('GET', '/v1/datasets');
    const many = (datasets['data'] as { id: string; name: string }[]).find(({ name }) => name === 'many')!;

    const succeeds = await made({ model: 'plane', instances: [{ a: 1, b: 2 }], webhook });
    const fails = await made({ model: 'plane', instances: [{ a: 'x', b: 2 }], webhook });
    const cancelled = await made({ model: 'plane', dataset: many.id, webhook });
    await tenon.request('POST', `${cancelled.path}/cancel`, { body: {} });
    for (const { path } of [succeeds, fails, cancelled])
      for (let status; status !== 'delivered'; await new Promise((resolve) => setTimeout(resolve, 100)))
        status = ((await tenon.request('GET', path)).body['webhook_delivery'] as { status: string } | undefined)
          ?.status;
    server.close();

    const key = Buffer.from(String(secret['secret']).replace('whsec_', ''), 'base64');
    for (const { headers, body } of got) {
      const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
      const hmac = createHmac('sha256', key).update(signed).digest('base64');
      expect(headers['webhook-signature']).toBe(`v1,${hmac}`);
    }
    const told = got.map(({ body }) => JSON.parse(body) as { type: string; data: { id: string } });
    expect(new Map(told.map(({ type, data }) => [data.id, type]))).toEqual(
      new Map([
        [succeeds.id, 'batch.succeeded'],
        [fails.id, 'batch.failed'],
        [cancelled.id, 'batch.cancelled'],
      ]),
    );
  });
});
