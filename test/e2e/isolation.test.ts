/** Tenant A cannot see tenant B: every route of the contract that names a thing, called for another tenant's thing. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { ROUTES } from '../../shared/contract.ts';
import { SPECS } from '../../shared/http/spec/index.ts';
import type { OperationSpec } from '../../shared/http/spec/spec.ts';
import { useTenon } from './tenon.ts';

const tenon = useTenon();

const named = ROUTES.filter(({ path }) => path.includes('{'));
const lists = ROUTES.filter(({ operation }) => operation.startsWith('list') && operation !== 'listJobEvents');

/** A's things, by the path parameter that names them. */
const things: Record<string, string> = {};

beforeAll(async () => {
  const dataset = await tenon.dataset({ name: 'secret', format: 'csv', csv: 'x,y\n1,2\n2,4.1\n3,6\n4,7.9\n' });
  const job = await tenon.job({
    name: 'secret',
    task: 'regression',
    family: 'linear_regression',
    dataset: dataset['id'],
    target: 'y',
  });
  if (job['status'] !== 'succeeded') throw new Error(JSON.stringify(job));
  await tenon.request('PUT', '/v1/models/secret/aliases/live', { body: { version: 1 } });
  const { body: batch } = await tenon.request('POST', '/v1/batches', {
    body: { model: 'secret', dataset: dataset['id'] },
  });
  await tenon.settled(`/v1/batches/${String(batch['id'])}`, ['succeeded', 'failed']);
  Object.assign(things, {
    datasets: dataset['id'],
    jobs: job['id'],
    batches: batch['id'],
    name: 'secret',
    ref: 'secret',
    version: '1',
    alias: 'live',
  });
});

function pathOf(route: (typeof ROUTES)[number]): string {
  const [, , kind = ''] = route.path.split('/');
  return route.path.replaceAll(
    /\{(\w+)\}/g,
    (_, parameter: string) => things[parameter === 'id' ? kind : parameter] ?? '',
  );
}

describe('a thing of another tenant', () => {
  it.each(named.map((route) => [`${route.method} ${route.path}`, route] as const))(
    'does not exist for %s',
    async (_, route) => {
      const spec: OperationSpec = SPECS[route.operation];
      const options = { key: tenon.key('b'), ...(spec.body === undefined ? {} : { body: spec.example }) };

      const answer = await tenon.request(route.method, pathOf(route), options);

      // Each dialect has its own words for it; only ours has codes.
      expect([answer.status, answer.body['code']]).toEqual([
        404,
        route.path.startsWith('/v1/') ? 'not_found' : undefined,
      ]);
      expect(JSON.stringify(answer.body)).not.toContain('tenant');
    },
  );

  it.each(lists.map((route) => [route.path, route] as const))('is not in %s', async (_, route) => {
    const mine = await tenon.request('GET', route.path);
    const theirs = await tenon.request('GET', route.path, { key: tenon.key('b') });

    expect((mine.body['data'] as unknown[]).length).toBeGreaterThan(0);
    expect(theirs.body['data']).toEqual([]);
  });

  it('is not in the index of the Open Inference Protocol', async () => {
    const mine = await tenon.request('GET', '/v2/repository/index');
    const theirs = await tenon.request('POST', '/v2/repository/index', { body: {}, key: tenon.key('b') });

    expect(mine.body).toEqual([{ name: 'secret', version: '1', state: 'READY', reason: '' }]);
    expect(theirs.body).toEqual([]);
  });

  it('cannot be trained on', async () => {
    const body = {
      name: 'm',
      task: 'regression',
      family: 'linear_regression',
      dataset: things['datasets'],
      target: 'y',
    };

    const answer = await tenon.request('POST', '/v1/jobs', { body, key: tenon.key('b') });

    expect(answer.body).toMatchObject({ code: 'not_found', param: '/dataset' });
  });

  it('is not reached by a header that names the tenant', async () => {
    const headers = { 'X-Amz-Tenant-Id': 'tenant-a', 'x-tenant-id': 'tenant-a' };

    const answer = await tenon.request('POST', '/v1/models/secret:predict', {
      body: { instances: [{ x: 1 }] },
      headers,
      key: tenon.key('b'),
    });

    expect(answer.status).toBe(404);
  });

  it('is still there for its own tenant', async () => {
    const answer = await tenon.request('POST', '/v1/models/secret:predict', { body: { instances: [{ x: 1 }] } });

    expect(answer.status).toBe(200);
  });
});
