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

async function call(
  operation: OperationId,
  { params = {}, body = null }: { params?: Record<string, string>; body?: unknown } = {},
) {
  const headers = { 'content-type': 'application/json' };
  const text = body === null ? null : JSON.stringify(body);
  const answer = await service.send({ operation, tenant: TENANT, params, query: {}, headers, body: text });
  await service.idle();
  expect(service.defects.splice(0)).toEqual([]);
  return { status: answer.statusCode, body: JSON.parse(answer.body) as Record<string, unknown> & { id: string } };
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
  const { id } = made.body;
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
