/** Bad input: each mistake gets its code and a sentence that says what to do. */
import { describe, expect, it } from '@jest/globals';
import { useTenon } from './tenon.ts';

const tenon = useTenon();

const CSV = { name: 'points', format: 'csv', csv: 'x,y\n1,2\n2,4.1\n3,6\n4,7.9\n' };

describe('requests', () => {
  it('without a key are 401 and say where the key goes', async () => {
    const answer = await tenon.request('GET', '/v1/datasets', { key: null });

    expect(answer.status).toBe(401);
    expect(answer.body).toMatchObject({ code: 'unauthenticated', error: { code: 'unauthenticated' } });
    expect(answer.body['detail']).toContain('x-api-key');
    expect(answer.headers.get('x-request-id')).toBe(answer.body['request_id']);
  });

  it('with an unknown key are 401', async () => {
    const answer = await tenon.request('GET', '/v1/datasets', { key: `tenon_sk_${'A'.repeat(43)}` });

    expect(answer.status).toBe(401);
  });

  it('with malformed JSON say where it breaks', async () => {
    const answer = await tenon.request('POST', '/v1/datasets', { text: '{"name": "x",' });

    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ code: 'invalid_json' });
    expect(answer.body['detail']).toContain('position');
  });

  it('with an empty body say so', async () => {
    const answer = await tenon.request('POST', '/v1/jobs', { text: '' });

    expect(answer.status).toBe(400);
    expect(answer.body['detail']).toBe('body: expected a JSON object; the body is empty');
  });

  it('with a value of a wrong choice name the choices', async () => {
    const body = {
      name: 'm',
      task: 'regression',
      family: 'linear_regression',
      dataset: 'ds_1',
      preprocessing: { standardize: 'true' },
    };

    const answer = await tenon.request('POST', '/v1/jobs', { body });

    expect(answer.body['param']).toBe('/preprocessing/standardize');
    expect(answer.body['detail']).toContain('expected "auto", or true or false; got "true"');
  });

  it('with a number beyond all numbers say that it is too large', async () => {
    const answer = await tenon.request('POST', '/v1/jobs', {
      text: '{"name":"m","task":"regression","family":"svm","dataset":"ds_1","seed":1e999}',
    });

    expect([answer.status, answer.body['param']]).toEqual([400, '/seed']);
    expect(answer.body['detail']).toContain('got a number that is too large');
  });

  it('with a budget that says nothing are refused', async () => {
    const body = { name: 'm', task: 'regression', family: 'svm', dataset: `ds_${'0'.repeat(26)}`, budget: {} };

    const answer = await tenon.request('POST', '/v1/jobs', { body });

    expect([answer.status, answer.body['param']]).toEqual([400, '/budget']);
  });

  it('with an unknown field name it', async () => {
    const answer = await tenon.request('POST', '/v1/datasets', { body: { ...CSV, delimeter: ';' } });

    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ code: 'unknown_field', param: '/delimeter' });
  });

  it('to a path that does not exist are 404', async () => {
    const answer = await tenon.request('GET', '/v1/nothing');

    expect(answer.status).toBe(404);
    expect(answer.body).toMatchObject({ code: 'not_found' });
  });

  it('for a dataset, job or model that does not exist are 404', async () => {
    for (const path of [
      `/v1/datasets/ds_${'0'.repeat(26)}`,
      `/v1/jobs/job_${'0'.repeat(26)}`,
      '/v1/models/nothing',
      '/v1/models/nothing/versions/1',
    ]) {
      const answer = await tenon.request('GET', path);

      expect([path, answer.status, answer.body['code']]).toEqual([path, 404, 'not_found']);
    }
  });

  it('for a prediction by an unknown model are 404', async () => {
    const answer = await tenon.request('POST', '/v1/models/nothing:predict', { body: { instances: [1] } });

    expect(answer.status).toBe(404);
    expect(answer.body).toMatchObject({ code: 'not_found' });
  });
});

describe('an idempotency key', () => {
  it('makes a repeated POST the same request, also when both come at once', async () => {
    const post = () =>
      tenon.request('POST', '/v1/datasets', { body: { ...CSV, name: 'once' }, headers: { 'Idempotency-Key': 'k-1' } });

    const racing = await Promise.all([post(), post(), post()]);
    const later = await post();
    const other = await tenon.request('POST', '/v1/datasets', { body: CSV, headers: { 'Idempotency-Key': 'k-1' } });

    const ids = new Set(racing.filter(({ status }) => status === 201).map(({ body }) => body['id']));
    expect(ids.size).toBe(1);
    for (const { status } of racing) expect([201, 409]).toContain(status);
    expect(later.status).toBe(201);
    expect(ids).toContain(later.body['id']);
    expect(later.headers.get('idempotent-replayed')).toBe('true');
    expect([other.status, other.body['code']]).toEqual([422, 'idempotency_mismatch']);
  });
});

describe('datasets', () => {
  it('that are empty say so', async () => {
    const dataset = await tenon.dataset({ name: 'empty', format: 'csv', csv: '' });

    expect(dataset['status']).toBe('invalid');
    expect(JSON.stringify(dataset['errors'])).toContain('empty');
  });

  it('with a text in a number column name row, column and what stood there', async () => {
    const rows = Array.from({ length: 40 }, (_, i) => (i === 16 ? 'abc,1' : `${i},1`));

    const dataset = await tenon.dataset({ name: 'ages', format: 'csv', csv: `age,y\n${rows.join('\n')}\n` });

    expect(dataset['status']).toBe('invalid');
    expect(dataset['errors']).toEqual([expect.objectContaining({ row: 17, column: 'age' })]);
    expect(JSON.stringify(dataset['errors'])).toContain('abc');
  });

  it('may name their columns like members of every JavaScript object', async () => {
    const names = ['constructor', '__proto__', 'toString', 'hasOwnProperty'];

    const dataset = await tenon.dataset({ name: 'odd', format: 'csv', csv: `${names.join(',')}\n1,2,3,4\n5,6,7,8\n` });

    expect(dataset['status']).toBe('ready');
    expect((dataset['columns'] as { name: string }[]).map(({ name }) => name)).toEqual(names);
  });

  it('cannot be deleted under a job that uses them', async () => {
    const rows = Array.from({ length: 200 }, (_, i) => `${i % 7},${i % 3},${i % 2}`);
    const { id } = await tenon.dataset({ name: 'used', format: 'csv', csv: `a,b,y\n${rows.join('\n')}\n` });
    const body = { name: 'user', task: 'regression', family: 'linear_regression', dataset: id, target: 'y' };
    const job = await tenon.request('POST', '/v1/jobs', { body });

    const during = await tenon.request('DELETE', `/v1/datasets/${String(id)}`);
    await tenon.settled(`/v1/jobs/${String(job.body['id'])}`, ['succeeded', 'failed']);
    const after = await tenon.request('DELETE', `/v1/datasets/${String(id)}`);

    expect([during.status, during.body['code']]).toEqual([409, 'conflict']);
    expect(during.body['detail']).toContain(String(job.body['id']));
    expect(after.status).toBe(200);
  });

  it('are listed from a cursor of their own kind only', async () => {
    for (const cursor of ['', 'bad', 'job_00000000000000000000000000', '%00']) {
      const answer = await tenon.request('GET', `/v1/datasets?after=${cursor}`);

      expect([cursor, answer.status, answer.body['param']]).toEqual([cursor, 400, '/after']);
    }
  });

  it('are listed page by page', async () => {
    const first = await tenon.request('GET', '/v1/datasets?limit=2');
    const second = await tenon.request('GET', `/v1/datasets?limit=2&after=${String(first.body['last_id'])}`);

    const ids = [...(first.body['data'] as { id: string }[]), ...(second.body['data'] as { id: string }[])].map(
      ({ id }) => id,
    );
    expect(first.body['has_more']).toBe(true);
    expect(ids).toHaveLength(4);
    expect(ids).toEqual(ids.toSorted().toReversed());
  });

  it('of images without labels are refused at once', async () => {
    const answer = await tenon.request('POST', '/v1/datasets', { body: { name: 'i', format: 'idx', images: 'AAAA' } });

    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ code: 'invalid_request', param: '/labels' });
  });

  it('completed without their upload say what is missing', async () => {
    const made = await tenon.request('POST', '/v1/datasets', { body: { name: 'i', format: 'idx' } });
    const { parts } = made.body['upload'] as { parts: Record<string, { url: string }> };
    const put = await fetch(parts['images']!.url, { method: 'PUT', body: new Uint8Array(16) });

    const answer = await tenon.request('POST', `/v1/datasets/${String(made.body['id'])}/complete`, { body: {} });

    expect(put.status).toBe(200);
    expect(answer.status).toBe(409);
    expect(answer.body['detail']).toContain('nothing was uploaded for labels');
  });

  it('uploaded with a broken IDX header are invalid', async () => {
    const dataset = await tenon.dataset({
      name: 'i',
      format: 'idx',
      images: Buffer.from('not an idx file').toString('base64'),
      labels: Buffer.from([0, 0, 8, 1, 0, 0, 0, 1, 5]).toString('base64'),
    });

    expect(dataset['status']).toBe('invalid');
    expect(JSON.stringify(dataset['errors'])).toContain('images');
  });
});

describe('jobs', () => {
  const job = { name: 'line', task: 'regression', family: 'linear_regression', target: 'y' };

  it.each([
    ['an unknown dataset', { dataset: `ds_${'0'.repeat(26)}` }, 404, 'not_found', '/dataset'],
    ['a missing target column', { target: 'z' }, 400, 'invalid_request', '/target'],
    ['a missing feature column', { features: ['x', 'w'] }, 400, 'invalid_request', '/features/1'],
    ['an unknown family', { family: 'oracle' }, 400, 'invalid_request', '/family'],
    ['a task that the family does not do', { task: 'classification' }, 400, 'invalid_request', '/task'],
    ['an unknown parameter', { params: { alhpa: 1 } }, 400, 'unknown_field', '/params/alhpa'],
    ['a parameter out of range', { params: { alpha: -1 } }, 400, 'invalid_request', '/params/alpha'],
  ])('with %s are refused before they cost anything', async (_, change, status, code, param) => {
    const { id } = await tenon.dataset(CSV);

    const answer = await tenon.request('POST', '/v1/jobs', { body: { ...job, dataset: id, ...change } });

    expect([answer.status, answer.body['code'], answer.body['param']]).toEqual([status, code, param]);
    expect(String(answer.body['detail']).length).toBeGreaterThan(20);
  });

  it('on a dataset that is not ready are 409', async () => {
    const made = await tenon.request('POST', '/v1/datasets', { body: { name: 'later', format: 'csv' } });

    const answer = await tenon.request('POST', '/v1/jobs', { body: { ...job, dataset: made.body['id'] } });

    expect(answer.status).toBe(409);
    expect(answer.body).toMatchObject({ code: 'dataset_not_ready', retryable: true });
    expect(answer.headers.get('retry-after')).toBe('2');
  });
});

describe('predictions', () => {
  it('name the instance and the feature that do not fit', async () => {
    const { id } = await tenon.dataset(CSV);
    await tenon.job({ name: 'line', task: 'regression', family: 'linear_regression', dataset: id, target: 'y' });

    const missing = await tenon.request('POST', '/v1/models/line:predict', {
      body: { instances: [{ x: 1 }, { w: 2 }] },
    });
    const text = await tenon.request('POST', '/v1/models/line:predict', { body: { instances: [{ x: 'many' }] } });

    expect(missing.status).toBeGreaterThanOrEqual(400);
    expect(missing.status).toBeLessThan(500);
    expect(missing.body['param']).toMatch(/^\/instances\/1/);
    expect(text.body['param']).toBe('/instances/0/x');
    expect(text.body['detail']).toContain('many');

    const huge = await tenon.request('POST', '/v1/models/line:predict', {
      body: { instances: [{ x: 1 }, { x: 1e308 }] },
    });
    expect([huge.status, huge.body['param']]).toEqual([400, '/instances/1']);
  });
});
