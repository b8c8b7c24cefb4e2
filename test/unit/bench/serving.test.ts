/** A warm environment serves from memory: requests to DynamoDB and S3 are counted at their clients. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startServing } from '../../../bench/serve/gateway.ts';
import type { Serving } from '../../../bench/serve/gateway.ts';
import { startLocalStores } from '../../../bench/serve/stores.ts';
import type { LocalStores } from '../../../bench/serve/stores.ts';
import { exportModel, runSegment } from '../../../shared/runtime/trainer.ts';
import { TestClock } from '../../conformance/stores/dynamo.ts';

const X = Float64Array.of(0, 1, 2, 3, 4, 5, 6, 7);
const train = {
  rows: X.length,
  columns: [
    { name: 'x', type: 'number', values: X },
    { name: 'y', type: 'number', values: X.map((x) => 3 * x + 2) },
  ],
} as const;
const spec = {
  task: 'regression',
  family: 'linear_regression',
  target: 'y',
  params: {},
  validation: { fraction: 0 },
} as const;

const clock = new TestClock(Date.UTC(2026, 10, 23, 12));
let stores: LocalStores;
let serving: Serving;
beforeAll(async () => {
  const { checkpoint } = await runSegment({ spec, train, threads: 1, shouldStop: () => false });
  const { onnx } = await exportModel({ spec, train, checkpoint, threads: 1 });
  stores = await startLocalStores();
  serving = await startServing({ name: 'line', onnx }, stores, clock);
});
afterAll(async () => {
  await serving.stop();
  await stores.stop();
});

it.each([0, 1, 10, 200, 2_000])('called every %i ms it answers without a call over the network', async (pauseMs) => {
  const body = '{"instances": [{"x": 10}]}';
  for (let warmUp = 0; warmUp < 2; warmUp++) {
    await serving.predict(body);
    await serving.afterwards();
  }

  const calls: number[] = [];
  const before = serving.networkCalls();
  for (let request = 0; request < 100; request++) {
    const callsBefore = serving.networkCalls();
    const { predictions } = JSON.parse(await serving.predict(body)) as { predictions: number[] };
    calls.push(serving.networkCalls() - callsBefore);
    expect(predictions[0]).toBeCloseTo(32, 4);
    await serving.afterwards();
    clock.advance(pauseMs);
  }

  // The first call of all went out: the count counts.
  expect(before).toBeGreaterThan(3);
  expect(calls).toEqual(Array.from({ length: 100 }, () => 0));
});
