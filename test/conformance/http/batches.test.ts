/** Batch predictions over the service in one process: what stands in the output, row by row. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Batching } from './batching.ts';

const batching = new Batching();
beforeAll(() => batching.start());
afterAll(() => batching.stop());

const call = batching.call.bind(batching);
const dataset = batching.csv.bind(batching);
const batch = batching.batch.bind(batching);
const endOf = batching.endOf.bind(batching);

/** y = 2 a + 3 b + 1, exactly. */
async function plane(): Promise<void> {
  const rows = Array.from({ length: 40 }, (_, i) => [i % 7, (i * 5) % 11] as const);
  const csv = `a,b,y\n${rows.map(([a, b]) => `${a},${b},${2 * a + 3 * b + 1}`).join('\n')}\n`;
  const learned = await dataset('plane', csv);
  await batching.trained({
    name: 'plane',
    task: 'regression',
    family: 'linear_regression',
    target: 'y',
    dataset: learned,
  });
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
    const before = await batching.stores.predictions.served();
    const instances = Array.from({ length: 10_000 }, (_, i) => ({ a: i, b: 1 }));

    const answer = await call('predict', {
      params: { ref: 'plane' },
      headers: { prefer: 'wait=0' },
      body: { instances },
    });
    const { ended } = await endOf(answer.body.id);

    expect([answer.status, answer.headers['preference-applied']]).toEqual([202, 'wait=0']);
    expect(ended).toMatchObject({ status: 'succeeded', progress: { predicted: 10_000 } });
    expect((await batching.stores.predictions.served()) - before).toBe(10_000);
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

describe('what ends a batch before its last row', () => {
  beforeAll(plane);

  const rowsOf = (count: number) => `a,b\n${Array.from({ length: count }, (_, i) => `${i},${i % 3}`).join('\n')}\n`;

  it("is the end of the month's predictions: exactly as many as were left stand in the output", async () => {
    const id = await dataset('many', rowsOf(3_000));
    const { body: queued } = await batching.queued({ model: 'plane', dataset: id });
    const { predictions } = batching.stores;
    const served = await predictions.served();
    // With what the service's own environment has leased and not served.
    const used = -(await predictions.room(0));
    await batching.stores.catalog.batches.patch(queued.id, { predictions_limit: used + 1_234 });

    await batching.carryOut(queued.id);
    const { ended, lines } = await endOf(queued.id);

    expect(ended).toMatchObject({
      status: 'failed',
      error: { code: 'quota_exceeded' },
      progress: { rows: 3_000, predicted: 1_234, failed: 0 },
    });
    expect(lines.map(({ row }) => row)).toEqual(Array.from({ length: 3_000 }, (_, i) => i + 1));
    expect(lines.findIndex(({ error }) => error !== undefined)).toBe(1_234);
    expect(lines.slice(1_234).every(({ error }) => error?.code === 'quota_exceeded')).toBe(true);
    expect((await predictions.served()) - served).toBe(1_234);
  });

  it('is its tenant, who cancels it before it begins', async () => {
    const { body: queued } = await batching.queued({ model: 'plane', dataset: await dataset('some', rowsOf(10)) });
    await call('cancelBatch', { params: { id: queued.id }, body: {} });

    await batching.carryOut(queued.id);
    const { ended, lines } = await endOf(queued.id);

    expect(ended).toMatchObject({ status: 'cancelled', error: { code: 'cancelled' }, progress: { predicted: 0 } });
    expect(lines.map(({ error }) => error?.code)).toEqual(Array.from({ length: 10 }, () => 'cancelled'));
  });

  it('is the deletion of its model', async () => {
    await batching.trained({
      ...{ name: 'doomed', task: 'regression', family: 'linear_regression', target: 'y' },
      dataset: await dataset('doomed', 'a,b,y\n1,2,3\n2,3,5\n3,5,8\n4,1,5\n'),
    });
    const { body: queued } = await batching.queued({ model: 'doomed', dataset: await dataset('ten', rowsOf(10)) });
    await call('deleteModel', { params: { name: 'doomed' } });

    await batching.carryOut(queued.id);
    const { ended, lines } = await endOf(queued.id);

    expect(ended).toMatchObject({ status: 'failed', error: { code: 'not_found' } });
    expect(lines).toHaveLength(10);
  });

  it('is not the deletion of its dataset, which is refused as long as it runs', async () => {
    const id = await dataset('kept', rowsOf(10));
    const { body: queued } = await batching.queued({ model: 'plane', dataset: id });

    const refused = await call('deleteDataset', { params: { id } });
    const early = await call('getBatchOutput', { params: { id: queued.id } });
    await batching.carryOut(queued.id);
    const deleted = await call('deleteDataset', { params: { id } });

    expect([refused.status, early.status, deleted.status]).toEqual([409, 409, 200]);
    expect(refused.body['detail']).toContain(queued.id);
  });

  it("is that every row fails: the batch fails with the first row's reason", async () => {
    const id = await dataset('words', 'a,b\nx,1\ny,2\n');

    const { ended, lines } = await batch({ model: 'plane', dataset: id });

    expect(ended).toMatchObject({ status: 'failed', error: { code: 'invalid_request' }, progress: { failed: 2 } });
    expect((ended['error'] as { message: string }).message).toContain('none of the 2 rows');
    expect(lines.map(({ error }) => error?.code)).toEqual(['invalid_request', 'invalid_request']);
  });
});

describe('a batch that cannot be', () => {
  beforeAll(plane);

  it.each([
    ['without rows', { model: 'plane' }, 400, '/dataset'],
    ['with two kinds of rows', { model: 'plane', dataset: 'ds_x', instances: [1] }, 400, '/dataset'],
    ['of no instances', { model: 'plane', instances: [] }, 400, '/instances'],
    ['of an unknown model', { model: 'nobody', instances: [1] }, 404, null],
    ['of no reference', { model: '@@', instances: [1] }, 404, null],
    ['of an unknown version', { model: 'plane:99', instances: [1] }, 404, null],
    ['of an unknown alias', { model: 'plane@nobody', instances: [1] }, 404, null],
    ['over an unknown dataset', { model: 'plane', dataset: 'ds_00000000000000000000000000' }, 404, '/dataset'],
    [
      "with a language model's parameters",
      { model: 'plane', instances: [1], parameters: { seed: 1 } },
      400,
      '/parameters',
    ],
    ['that includes columns of instances', { model: 'plane', instances: [1], include: ['a'] }, 400, '/include'],
    ['with an unknown field', { model: 'plane', instances: [1], rows: 1 }, 400, '/rows'],
    [
      'told to a local address',
      { model: 'plane', instances: [1], webhook: { url: 'http://10.0.0.1/' } },
      400,
      '/webhook/url',
    ],
  ])('%s is refused', async (_, body, status, param) => {
    const answer = await call('createBatch', { body });

    expect([answer.status, answer.body['param']]).toEqual([status, param]);
  });

  it('over columns that are missing is refused by their names', async () => {
    const id = await dataset('other', 'a,c\n1,2\n');

    const missing = await call('createBatch', { body: { model: 'plane', dataset: id } });
    const unknown = await call('createBatch', {
      body: { model: 'plane', dataset: await dataset('both', 'a,b\n1,2\n'), include: ['id'] },
    });

    expect(missing.body).toMatchObject({ status: 400, param: '/dataset' });
    expect(missing.body['detail']).toContain('"b"');
    expect(unknown.body).toMatchObject({ status: 400, param: '/include/0' });
  });
});

describe('a batch of a reference that moves', () => {
  it('has one version, that of the moment it was made', async () => {
    await plane();
    await plane();
    await call('putModelAlias', {
      params: { name: 'plane', alias: 'live' },
      body: {
        split: [
          { version: 1, weight: 1 },
          { version: 2, weight: 1 },
        ],
        sticky: 'user',
      },
    });
    const predicted = await call('predict', {
      params: { ref: 'plane@live' },
      body: { instances: [{ a: 1, b: 1 }], user: 'somebody' },
    });

    const { ended } = await batch({ model: 'plane@live', instances: [{ a: 1, b: 1 }], user: 'somebody' });

    expect(ended['model_version']).toBe(predicted.body['model_version']);
  });
});
