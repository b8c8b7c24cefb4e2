/** A warm prediction asks nobody: it is answered while DynamoDB, S3 and STS are out of reach, and what it used is written behind the answer. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { keyOfTenant } from '../../scripts/local.ts';
import { steady, useTenon } from './tenon.ts';

/** What the local cloud fails is drawn call by call. */
const faults = { rate: 0, seed: 1, kinds: ['unavailable'] as const };
const tenon = useTenon({ faults });

const CSV = `x,y\n${Array.from({ length: 40 }, (_, i) => `${i},${3 * i + 1}`).join('\n')}\n`;
const predict = (ref: string, key = tenon.key('a')) =>
  tenon.request('POST', `/v1/models/${ref}:predict`, { key, body: { instances: [{ x: 5 }, { x: 6 }] } });

async function predictions(): Promise<number> {
  const { body } = await tenon.request('GET', '/v1/usage?group_by=model');
  return (body['data'] as { predictions: number }[]).reduce((sum, row) => sum + row.predictions, 0);
}

it.each(['line:1', 'line'])(
  'an environment that is called now and then answers for %s without a word to AWS, and counts it',
  async (ref) => {
    if (ref === 'line:1') {
      const { id } = await tenon.dataset({ name: 'points', format: 'csv', csv: CSV });
      const task = { task: 'regression', family: 'linear_regression', target: 'y', validation: { fraction: 0 } };
      expect(await tenon.job({ name: 'line', dataset: id, ...task })).toMatchObject({ status: 'succeeded' });
    }
    await predict(ref);
    const before = await steady(predictions);
    // The gateway knows a key for half a minute: one that it gets to know now it knows until the end.
    const key = await keyOfTenant(tenon.cloud.lambdaUrl, 'tenant-a', 'standard');
    await predict(ref, key);
    const answers = [];
    for (let call = 0; call < 4; call++) {
      await sleep(400);
      faults.rate = 1;
      answers.push(await predict(ref, key));
      faults.rate = 0;
    }

    for (const { status, body } of answers) {
      expect([status, body['predictions']]).toEqual([200, [expect.closeTo(16, 6), expect.closeTo(19, 6)]]);
    }
    expect((await steady(predictions)) - before).toBe(10);
  },
);

it('one that was busy to the end writes what it has served when it is ended', async () => {
  const before = await steady(predictions);
  const answers = await Promise.all(Array.from({ length: 3 }, () => predict('line:1')));
  for (let call = 0; call < 30; call++) answers.push(await predict('line:1'));
  await tenon.restart();

  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect((await steady(predictions)) - before).toBe(66);
});
