/** A warm environment serves from memory: requests to DynamoDB and S3 are counted at their clients. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startServing } from '../../../bench/serve/gateway.ts';
import type { Serving } from '../../../bench/serve/gateway.ts';
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

let serving: Serving;
beforeAll(async () => {
  const { checkpoint } = await runSegment({ spec, train, threads: 1, shouldStop: () => false });
  const { onnx } = await exportModel({ spec, train, checkpoint, threads: 1 });
  serving = await startServing('line', onnx, new TestClock(Date.UTC(2026, 10, 23, 12)));
});
afterAll(() => serving.stop());

it('a busy environment answers nearly every prediction without a call over the network', async () => {
  const body = '{"instances": [{"x": 10}]}';
  for (let warmUp = 0; warmUp < 20; warmUp++) await serving.predict(body);

  const calls: number[] = [];
  const before = serving.networkCalls();
  for (let request = 0; request < 100; request++) {
    const callsBefore = serving.networkCalls();
    const { predictions } = JSON.parse(await serving.predict(body)) as { predictions: number[] };
    calls.push(serving.networkCalls() - callsBefore);
    expect(predictions[0]).toBeCloseTo(32, 4);
  }

  // The first call of all went out: the count counts.
  expect(before).toBeGreaterThan(3);
  expect(calls.filter((count) => count === 0).length).toBeGreaterThanOrEqual(90);
});
