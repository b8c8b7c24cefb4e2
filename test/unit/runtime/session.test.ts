import { describe, expect, test } from '@jest/globals';

import { GraphBuilder, toModel } from '../../../shared/onnx/graph-builder.ts';
import { createEngine, createSession } from '../../../shared/runtime/session.ts';
import { Random } from '../../../shared/tensor/random.ts';
import { fromNumbers, tensor, toNumbers } from '../../../shared/tensor/tensor.ts';

// What a deployment forgot to set.
delete process.env['ORT_DISABLE_TELEMETRY'];

function addition(): Uint8Array {
  const g = new GraphBuilder();
  const sum = g.add(g.input('a', 'float32', ['batch']), g.input('b', 'float32', ['batch']));
  g.output(sum, 'sum');
  g.output(g.mul(sum, 2), 'twice');
  return toModel(g);
}

const feeds = { a: fromNumbers('float32', [1, 2]), b: fromNumbers('float32', [10, 20]) };

describe('sessions', () => {
  test('run a graph and name what goes in and out', async () => {
    const session = await createSession(addition(), { threads: 1 });

    const results = await session.run(feeds);
    const some = await session.run(feeds, ['twice']);
    await session.release();

    expect([session.inputs, session.outputs]).toEqual([
      ['a', 'b'],
      ['sum', 'twice'],
    ]);
    expect(results).toEqual({ sum: fromNumbers('float32', [11, 22]), twice: fromNumbers('float32', [22, 44]) });
    expect(Object.keys(some)).toEqual(['twice']);
  });

  test.each([
    ['is missing', { a: feeds.a }, 'session: expected inputs a, b, got a'],
    ['is unknown', { ...feeds, c: feeds.a }, 'session: expected inputs a, b, got a, b, c'],
  ])('refuse to run where an input %s', async (_what, inputs, message) => {
    const session = await createSession(addition(), { threads: 1 });

    await expect(session.run(inputs)).rejects.toThrow(message);
    await session.release();
  });

  test('pass every element type through', async () => {
    const values = [
      tensor('string', [2, 1], ['grün', '']),
      tensor('int64', [2, 1], BigInt64Array.of(2n ** 60n + 1n, -1n)),
      tensor('bool', [2, 1], Uint8Array.of(1, 0)),
      ...(['float32', 'float64', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32'] as const).map((dtype) =>
        fromNumbers(dtype, [1, 2], [2, 1]),
      ),
    ];
    const g = new GraphBuilder();
    for (const { dtype } of values) g.output(g.identity(g.input(dtype, dtype, ['batch', 1])), `${dtype}_out`);
    const session = await createSession(toModel(g), { threads: 1 });

    const results = await session.run(Object.fromEntries(values.map((value) => [value.dtype, value])));
    await session.release();

    expect(results).toEqual(Object.fromEntries(values.map((value) => [`${value.dtype}_out`, value])));
  });

  test('refuse bytes that are no model', async () => {
    await expect(createSession(Uint8Array.of(1, 2, 3), { threads: 1 })).rejects.toThrow();
  });

  test('switch telemetry off, whatever the environment says', async () => {
    await (await createSession(addition())).release();

    expect(process.env['ORT_DISABLE_TELEMETRY']).toBe('1');
  });
});

test.each([1, 2])('an engine of %i threads yields the same bits in every session', async (threads) => {
  const engine = createEngine({ threads });
  const random = Random.fromSeed(1);
  const g = new GraphBuilder();
  g.output(g.softmax(g.matMul(g.input('x', 'float32', [64, 300]), g.input('w', 'float32', [300, 70]))), 'y');
  const inputs = {
    x: tensor('float32', [64, 300], random.normal(64 * 300)),
    w: tensor('float32', [300, 70], random.normal(300 * 70)),
  };

  const outputs: number[][] = [];
  for (let i = 0; i < 3; i++) {
    const session = await engine.createSession(toModel(g));
    outputs.push(toNumbers((await session.run(inputs))['y']!));
    await session.release();
  }

  expect(engine.threads).toBe(threads);
  expect(outputs[1]).toEqual(outputs[0]);
  expect(outputs[2]).toEqual(outputs[0]);
});
