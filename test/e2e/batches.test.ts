/** Batch predictions in the local cloud: durable, isolated per tenant, downloaded from where the answer says, told to a webhook. */
import { createHash } from 'node:crypto';
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
