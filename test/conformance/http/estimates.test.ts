/** What an estimate says and charges, over tables of a real store; what *fit* answers is given. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ServiceError } from '../../../shared/errors.ts';
import type { ControlContext } from '../../../shared/http/context.ts';
import { estimateJob } from '../../../shared/http/control/estimate.ts';
import { createJobSchema } from '../../../shared/resources/job.ts';
import type { DatasetRecord } from '../../../shared/resources/dataset.ts';
import { tenantTables } from '../../../shared/stores/tenant-stores.ts';
import type { TenantStores } from '../../../shared/stores/tenant-stores.ts';
import { PLANS } from '../../../shared/tenancy/plan.ts';
import { pricesAtCost } from '../../../shared/tenancy/price.ts';
import type { Caller } from '../../../shared/tenancy/tenant.ts';
import type { EstimateOutcome } from '../../../shared/workflows/estimate.ts';
import { TABLES, TestClock, startStoresCloud } from '../stores/dynamo.ts';
import type { StoresCloud } from '../stores/dynamo.ts';

const clock = new TestClock(Date.UTC(2026, 10, 23, 12));
const DATASET = 'ds_01kb2y9d8r0000000000000000';
const BODY = { name: 'm', task: 'regression', family: 'linear_regression', dataset: DATASET, target: 'y' };

let cloud: StoresCloud;
beforeAll(async () => {
  cloud = await startStoresCloud();
});
afterAll(() => cloud.stop());

let tenants = 0;
/** Asks for an estimate; what *fit* answers is `timed`, or nothing within the time. */
async function estimate(body: object, timed: EstimateOutcome | 'nothing', monthS = 1000) {
  const tenantId = `estimating-${tenants++}`;
  const tables = tenantTables(cloud.documents(), TABLES, { tenantId, clock });
  const columns = ['x', 'y'].map((name) => ({ name, type: 'number', missing: 0, unique: 50 }));
  const dataset = { id: DATASET, object: 'dataset', name: 'd', status: 'ready', rows: 100, columns };
  await tables.catalog.datasets.put(DATASET, dataset as unknown as DatasetRecord);
  const limits = { ...PLANS.dedicated, training_seconds_per_month: monthS };
  const caller = { tenantId, keyId: 'key_1', limits, prices: pricesAtCost(1e-5) } as Caller;
  const context = {
    stores: () => tables as TenantStores,
    clock,
    fit: { functionName: 'fit', memoryMb: 1024 },
    functions: {
      call: async () => {
        if (timed === 'nothing') throw new ServiceError('training_timeout', 'there was no answer within 24 s');
        return timed;
      },
    },
  } as unknown as ControlContext;
  const call = { caller, body: createJobSchema.parse({ ...BODY, ...body }) };
  const answer = await estimateJob(call as Parameters<typeof estimateJob>[0], context).catch((error: unknown) => error);
  return { answer, used: await tables.trainingSeconds.used() };
}

const notesOf = (answer: unknown): readonly string[] => (answer as { body: { notes: string[] } }).body.notes;
const TIMED: EstimateOutcome = {
  seconds: 2.5,
  training_seconds: 3,
  publish_seconds: 0.5,
  timed_fraction: 1,
  memory_mb: 90,
};

describe('an estimate', () => {
  it.each([
    ['a large batch', { family: 'rnn', task: 'forecasting', params: { batch_size: 4096 } }, '/params/batch_size'],
    [
      'layers',
      { family: 'rnn', task: 'forecasting', params: { layers: [{ gru: { units: 9 } }, { dense: { units: 1 } }] } },
      '/params/layers',
    ],
    ['rows', {}, '/dataset'],
  ])('that nothing answers points to what is likely to be slow, %s, and charges the time', async (_, body, param) => {
    const { answer, used } = await estimate(body, 'nothing');

    expect(answer).toMatchObject({
      code: 'training_timeout',
      param,
      message: expect.stringContaining('24 s, which are charged'),
    });
    expect((answer as ServiceError).details[0]?.hint).toContain('a job needs no estimate');
    expect(used).toBe(24);
  });

  it('charges what it took, and says where the month had less', async () => {
    const whole = await estimate({}, TIMED);
    const rest = await estimate({}, TIMED, 2);

    expect(notesOf(whole.answer)[1]).toContain('timing took 2.5 s and is charged');
    expect(notesOf(rest.answer).join()).toContain(
      'timing took 2.5 s, of which 2.0 s are charged: the month had no more',
    );
    expect([whole.used, rest.used]).toEqual([3, 2]);
  });

  it.each([
    [{ alpha: [1] }, '1 trial'],
    [{ alpha: [0.1, 1, 10] }, '3 trials, up to 3 side by side: at least 3.0 s on the clock'],
    [{ alpha: [0, 1, 2, 3, 4, 5, 6, 7] }, '8 trials, up to 4 side by side: at least 6.0 s on the clock'],
  ])('of a sweep says how many trials take how long: %j', async (parameters, note) => {
    const { answer } = await estimate({ sweep: { strategy: 'grid', parameters } }, TIMED);

    expect(notesOf(answer).at(-1)).toBe(note);
  });
});
