/** Batches with rows on which the function dies, as *train* carries them out: turns, tries and steps are counted as durable operations. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../shared/clock.ts';
import type { ObjectStore } from '../../../shared/stores/objects.ts';
import type { TenantStores } from '../../../shared/stores/tenant-stores.ts';
import { attempts } from '../../../shared/workflows/attempts.ts';
import { runBatch } from '../../../shared/workflows/batch/run.ts';
import { placeInLane, planBatch, settleBatch } from '../../../shared/workflows/batch/settle.ts';
import { performFit } from '../../../shared/workflows/fit-actions.ts';
import type { Orchestration } from '../../../shared/workflows/train.ts';
import { inTurn } from '../../../shared/workflows/turns.ts';
import { Batching } from './batching.ts';

const batching = new Batching();
beforeAll(async () => {
  await batching.start();
  const csv = 'a,b,y\n1,2,9\n2,3,14\n3,5,22\n4,1,12\n';
  const dataset = await batching.csv('plane', csv);
  await batching.trained({ name: 'plane', task: 'regression', family: 'linear_regression', target: 'y', dataset });
});
afterAll(() => batching.stop());

const KILLED = 'Runtime exited with error: signal: killed';
const MAX_OPERATIONS = 3_000;

/** The function dies in the run of such a row: of the part that would hold its prediction nothing is written. */
function dying(objects: ObjectStore, dies: (row: number) => boolean, reason: string): ObjectStore {
  const put: ObjectStore['put'] = async (path, body, type) => {
    if (path.includes('/parts/'))
      for (const [, row] of Buffer.from(body)
        .toString('utf8')
        .matchAll(/"row":(\d+),"prediction"/g))
        if (dies(Number(row))) throw new Error(reason);
    return objects.put(path, body, type);
  };
  return new Proxy(objects, {
    get(target, name) {
      const value: unknown = name === 'put' ? put : Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

/** Carries a batch out, with runs of so many rows. */
async function carriedOut(rows: number, step: number, dies: (row: number) => boolean, reason = KILLED) {
  const instances = Array.from({ length: rows }, (_, i) => ({ a: i, b: 1 }));
  const { body: queued } = await batching.queued({ model: 'plane', instances });
  const { stores: own } = batching;
  const { id } = queued;
  await own.catalog.batches.patch(id, { step_rows: step });
  const stores: TenantStores = { ...own, objects: dying(own.objects, dies, reason) };
  const calls = { operations: 0, invocations: 0, deaths: 0 };
  const counted = <T>(effect: () => Promise<T>): Promise<T> => {
    calls.operations++;
    return effect();
  };
  const event = { tenant_id: 'batching', batch: id };
  const to: Orchestration = {
    fit: (name, fitEvent, tries) =>
      attempts(
        name,
        {
          invoke: () =>
            counted(async () => {
              calls.invocations++;
              const now = Date.now() + 60_000;
              const limits = {
                deadlineMs: now,
                endsMs: now,
                threads: 1,
                memoryMb: 2048,
                dataBytes: 1e8,
                gbSecondUsd: 0,
              };
              const sandbox = () => Promise.reject(new Error('nothing is checked'));
              return performFit(fitEvent, { stores, clock: systemClock, ...limits, sandbox }).catch(
                (error: unknown) => {
                  calls.deaths++;
                  throw error;
                },
              );
            }),
          wait: () => counted(async () => undefined),
          charge: () => counted(async () => undefined),
        },
        tries,
      ),
    step: (_, effect) => counted(effect),
    wait: () => counted(async () => undefined),
    until: (_, { ask }) => counted(ask),
    map: (_, { items, run }) => counted(() => Promise.all(items.map((item) => run(item, inTurn(to, turns))))),
  };
  const turns = { ask: async () => true, release: async () => undefined };
  await runBatch(event, to, {
    plan: () => planBatch(id, own.catalog),
    place: (lane) => placeInLane(id, lane, own.catalog),
    settle: (outcome) => settleBatch(id, outcome, { ...own, clock: systemClock }),
    notify: async () => 0,
  });
  const { ended, lines } = await batching.endOf(id);
  expect(lines.map(({ row }) => row)).toEqual(instances.map((_, i) => i + 1));
  const failed = lines.filter(({ error }) => error !== undefined);
  return { ended, lines, failed, calls };
}

describe('a batch with rows that end the function', () => {
  it('has a line with the reason for each of them, and a prediction for every other row', async () => {
    const bad = new Set([1, 700, 701, 2_400]);
    const served = await batching.stores.predictions.served();

    const { ended, lines, failed, calls } = await carriedOut(2_500, 1_000, (row) => bad.has(row));

    expect(failed.map(({ row }) => row)).toEqual([...bad]);
    expect(failed[0]!.error).toEqual({
      code: 'training_out_of_memory',
      message: expect.stringMatching(/^the function crashes on this row: rows-\d+ failed 3 times.*signal: killed/),
    });
    const others = lines.filter(({ error }) => error === undefined);
    for (const { row, prediction } of others) expect(prediction).toBeCloseTo(2 * (row - 1) + 3 + 1, 5);
    expect(ended).toMatchObject({ status: 'succeeded', progress: { rows: 2_500, predicted: 2_496, failed: 4 } });
    expect((await batching.stores.predictions.served()) - served).toBe(2_496);
    // Three tries before anything is looked for; of a row, three alone and at most two for each halving of its 1,000.
    expect(calls.deaths).toBeLessThanOrEqual(3 + 4 * (3 + 12));
    expect(calls.operations).toBeLessThan(MAX_OPERATIONS / 4);
  });

  it('names no row where the function died by chance', async () => {
    let deaths = 0;
    const { ended, failed } = await carriedOut(500, 100, (row) => row === 333 && deaths++ < 5);

    expect(failed).toEqual([]);
    expect(ended).toMatchObject({ status: 'succeeded', progress: { predicted: 500 } });
  });

  it.each([
    ['behind the first in one lane', { rows: 150, step: 10, good: 40 }],
    ['in eight lanes', { rows: 1_200, step: 5, good: 0 }],
  ])('all of them %s, fails after bounded operations and keeps what is predicted', async (_, { rows, step, good }) => {
    const { ended, failed, calls } = await carriedOut(rows, step, (row) => row > good);

    expect(ended).toMatchObject({
      status: 'failed',
      error: { code: 'training_out_of_memory' },
      progress: { predicted: good },
    });
    expect(failed).toHaveLength(rows - good);
    expect(failed[0]!.error?.message).toMatch(/^the function crashes on this row/);
    expect(failed.at(-1)!.error?.message).toMatch(/^the function crashed on too many of the rows/);
    expect(calls.operations).toBeLessThan(MAX_OPERATIONS);
    expect(calls.deaths).toBeLessThan(500);
  });

  it('looks for no row for days where each try runs into the time limit', async () => {
    const { ended, calls } = await carriedOut(500, 100, () => true, 'Task timed out after 900.00 seconds');

    expect(ended).toMatchObject({ status: 'failed', progress: { predicted: 0 } });
    expect(calls.deaths).toBeLessThanOrEqual(40);
  });
});
