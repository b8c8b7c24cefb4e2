/** Versions, aliases, splits and rollbacks of a model, over HTTPS. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { useTenon } from './tenon.ts';

const tenon = useTenon();
const LIVE = '/v1/models/line/aliases/live';

beforeAll(async () => {
  const { id } = await tenon.dataset({ name: 'line', format: 'csv', csv: 'x,y\n1,2\n2,4.1\n3,6\n4,7.9\n' });
  const body = { name: 'line', task: 'regression', family: 'linear_regression', dataset: id, target: 'y' };
  for (const alpha of [0, 1, 2]) await tenon.job({ ...body, params: { alpha } });
});

const versionFor = async (user: string, by: 'body' | 'header' = 'body'): Promise<unknown> => {
  const { body } = await tenon.request('POST', '/v1/models/line@live:predict', {
    body: { instances: [{ x: 1 }], ...(by === 'body' ? { user } : {}) },
    headers: by === 'header' ? { 'X-User-Id': user } : {},
  });
  return body['model_version'];
};

describe('the first prediction of a version', () => {
  it('says that it was cold, and those after it that they were not', async () => {
    const predict = () => tenon.request('POST', '/v1/models/line:3:predict', { body: { instances: [{ x: 1 }] } });

    const timings = [await predict(), await predict(), await predict()].map(({ headers }) =>
      headers.get('server-timing'),
    );

    expect(timings).toEqual(
      ['cold', 'warm', 'warm'].map((kind) => expect.stringMatching(`^${kind};dur=\\d+(\\.\\d+)?$`)),
    );
  });
});

describe('an alias', () => {
  it('may be split over versions, and keeps a user at one of them', async () => {
    const split = { split: [{ version: 1, weight: 0.5 }, { version: 2, weight: 0.5 }], sticky: 'user' }; // prettier-ignore
    const put = await tenon.request('PUT', LIVE, { body: split });

    const users = Array.from({ length: 12 }, (_, i) => `user-${i}`);
    const versions: unknown[] = [];
    for (const user of users) versions.push(await versionFor(user));
    const again: unknown[] = [];
    for (const user of users) again.push(await versionFor(user, 'header'));

    expect(put.body['aliases']).toEqual({ latest: 3, live: split });
    expect(again).toEqual(versions);
    expect([...new Set(versions)].toSorted()).toEqual([1, 2]);
  });

  it('keeps the versions of its split from being deleted, and says who it is', async () => {
    const refused = await tenon.request('DELETE', '/v1/models/line/versions/2');

    expect([refused.status, refused.body['code']]).toEqual([409, 'conflict']);
    expect(refused.body['detail']).toContain('"live"');
  });

  it('keeps its whole model from being deleted, and every version with it', async () => {
    const refused = await tenon.request('DELETE', '/v1/models/line');
    const kept = await tenon.request('GET', '/v1/models/line/versions/1');

    expect([refused.status, refused.body['code'], kept.status]).toEqual([409, 'conflict', 200]);
    expect(refused.body['detail']).toBe('line is what "live" points to: delete the alias first');
  });

  it('goes back to what it pointed to before, step by step', async () => {
    await tenon.request('PUT', LIVE, { body: { version: 3 } });
    const moved = await tenon.request('PUT', LIVE, { body: { version: 2 } });
    const back = await tenon.request('POST', `${LIVE}/rollback`, { body: {} });
    const further = await tenon.request('POST', `${LIVE}/rollback`, { body: {} });
    const nowhere = await tenon.request('POST', `${LIVE}/rollback`, { body: {} });

    const targets = [moved, back].map(({ body }) => (body['aliases'] as Record<string, unknown>)['live']);
    expect(targets).toEqual([2, 3]);
    expect(further.body['aliases']).toMatchObject({ live: { sticky: 'user' } });
    expect([nowhere.status, nowhere.body['code']]).toEqual([409, 'conflict']);
  });

  it('does not go back to a version that is gone', async () => {
    await tenon.request('PUT', '/v1/models/line/aliases/next', { body: { version: 1 } });
    await tenon.request('PUT', '/v1/models/line/aliases/next', { body: { version: 2 } });
    await tenon.request('PUT', LIVE, { body: { version: 2 } });
    const deleted = await tenon.request('DELETE', '/v1/models/line/versions/1');

    const back = await tenon.request('POST', '/v1/models/line/aliases/next/rollback', { body: {} });

    expect(deleted.status).toBe(200);
    expect([back.status, back.body['detail']]).toEqual([404, expect.stringContaining('line:1')]);
  });

  it('is deleted, and is not there any more', async () => {
    const deleted = await tenon.request('DELETE', '/v1/models/line/aliases/next');
    const again = await tenon.request('DELETE', '/v1/models/line/aliases/next');
    const used = await tenon.request('POST', '/v1/models/line@next:predict', { body: { instances: [{ x: 1 }] } });

    expect(deleted.body['aliases']).toEqual({ latest: 3, live: 2 });
    expect([again.status, used.status]).toEqual([404, 404]);
  });

  it.each<[string, object, number, string | undefined]>([
    ['a version that is not there', { version: 9 }, 404, undefined],
    ['a split with one that is not', { split: [{ version: 2, weight: 1 }, { version: 9, weight: 1 }] }, 404, undefined], // prettier-ignore
    ['a split of one', { split: [{ version: 2, weight: 1 }] }, 400, '/split'],
    ['a split with one twice', { split: [{ version: 2, weight: 1 }, { version: 2, weight: 1 }] }, 400, '/split'], // prettier-ignore
    ['a weight of nothing', { split: [{ version: 2, weight: 1 }, { version: 3, weight: 0 }] }, 400, '/split/1/weight'], // prettier-ignore
    ['a version and a split', { version: 2, split: [] }, 400, undefined],
  ])('is not pointed to %s', async (_, body, status, param) => {
    const answer = await tenon.request('PUT', LIVE, { body });

    expect([answer.status, param === undefined ? undefined : answer.body['param']]).toEqual([status, param]);
  });

  it('is not called "latest", and one that was never made is not found, whatever its name', async () => {
    const latest = await tenon.request('PUT', '/v1/models/line/aliases/latest', { body: { version: 2 } });
    const odd = await tenon.request('POST', '/v1/models/line@constructor:predict', { body: { instances: [{ x: 1 }] } });

    expect([latest.status, odd.status]).toEqual([400, 404]);
  });
});

describe('a model', () => {
  it('says in the words of KServe V1 that it is ready', async () => {
    const { body } = await tenon.request('GET', '/v1/models/line');

    expect(body).toMatchObject({ name: 'line', ready: true, object: 'model' });
    expect(body).not.toHaveProperty('alias_history');
  });
});
