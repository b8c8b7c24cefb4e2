import { describe, expect, test } from '@jest/globals';

import { NoGradientError } from '../../../shared/errors.ts';
import { gradients } from '../../../shared/autodiff/gradients.ts';
import { unbroadcast } from '../../../shared/autodiff/unbroadcast.ts';
import type { Value } from '../../../shared/onnx/graph.ts';
import { GraphBuilder, modelOf, toModel } from '../../../shared/onnx/graph-builder.ts';
import { createSession } from '../../../shared/runtime/session.ts';
import { fromNumbers, toNumbers } from '../../../shared/tensor/tensor.ts';
import type { HostTensor } from '../../../shared/tensor/tensor.ts';

async function evaluate(g: GraphBuilder, value: Value, feeds: Record<string, HostTensor>): Promise<number[]> {
  g.output(value, 'result');
  const session = await createSession(toModel(g), { threads: 1 });
  const results = await session.run(feeds);
  await session.release();
  return toNumbers(results['result']!);
}

const start = (): { g: GraphBuilder; x: Value } => {
  const g = new GraphBuilder();
  return { g, x: g.input('x', 'float32', [3]) };
};

const X = { x: fromNumbers('float32', [1, -2, 3]) };

describe('gradients', () => {
  test('sum over all paths from a value to the loss', async () => {
    const { g, x } = start();
    // x^2 + 3x + x: 2x + 4
    const loss = g.reduceSum(g.add(g.add(g.mul(x, x), g.mul(x, 3)), g.identity(x)));

    expect(await evaluate(g, gradients(g, loss, [x])[0]!, X)).toEqual([6, 0, 10]);
  });

  test('are taken with respect to values within the graph too', async () => {
    const { g, x } = start();
    const inner = g.mul(x, x);
    const loss = g.reduceSum(g.mul(inner, inner));

    expect(await evaluate(g, gradients(g, loss, [inner])[0]!, X)).toEqual([2, 8, 18]);
  });

  test('are differentiable again', async () => {
    const { g, x } = start();
    const [first] = gradients(g, g.reduceSum(g.pow(x, 3)), [x]) as [Value];
    const [second] = gradients(g, g.reduceSum(first), [x]) as [Value];

    expect(await evaluate(g, second, X)).toEqual([6, -12, 18]);
  });

  test('begin with a given cotangent', async () => {
    const { g, x } = start();
    const cotangent = g.constant(fromNumbers('float32', [1, 10, 100]));

    expect(await evaluate(g, gradients(g, g.mul(x, 2), [x], { cotangent })[0]!, X)).toEqual([2, 20, 200]);
  });

  test('do not pass through what is constant, and keep the paths beside it', async () => {
    const { g, x } = start();
    const rounded = g.floor(g.mul(x, 1.5));
    const loss = g.reduceSum(g.add(g.mul(rounded, x), g.cast(g.greater(x, 0), 'float32')));

    expect(await evaluate(g, gradients(g, loss, [x])[0]!, X)).toEqual([1, -3, 4]);
  });

  test('share a maximum in equal parts among those that attain it', async () => {
    const g = new GraphBuilder();
    const image = g.input('x', 'float32', [1, 1, 4, 4]);
    const pooled = g.maxPool(image, { kernel: [2, 2] });
    const gradient = gradients(g, g.reduceSum(pooled), [image])[0]!;

    const values = await evaluate(g, gradient, {
      x: fromNumbers('float32', [0, 0, 5, 1, 0, 0, 5, 2, 7, 0, 1, 2, 0, 0, 3, 4], [1, 1, 4, 4]),
    });

    expect(values).toEqual([0.25, 0.25, 0.5, 0, 0.25, 0.25, 0.5, 0, 1, 0, 0, 0, 0, 0, 0, 1]);
  });

  test('append nodes only where a gradient is wanted', () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', [2, 1, 6, 6]);
    const w = g.input('w', 'float32', [3, 1, 3, 3]);
    g.output(gradients(g, g.reduceSum(g.conv(x, w)), [w])[0]!, 'dw');

    expect(modelOf(g).graph.nodes.map((node) => node.opType)).not.toContain('ConvTranspose');
  });

  test('sum the uses of a weight by one product over all of them', () => {
    const g = new GraphBuilder();
    const [x, w, b] = [g.input('x', 'float32', [2, 3]), g.input('w', 'float32', [3, 3]), g.input('b', 'float32', [3])];
    const states = [1, 2, 3, 4].reduce((state) => g.tanh(g.gemm(state, w, { c: b })), x);
    for (const [i, gradient] of gradients(g, g.reduceSum(states), [w, b]).entries())
      g.output(gradient, `gradient_${i}`);

    const counts = Map.groupBy(modelOf(g).graph.nodes, ({ opType }) => opType);

    // Four forward, three back to the states, one for the weight; the bias is one sum.
    expect(counts.get('Gemm')).toHaveLength(8);
    expect(counts.get('ReduceSum')).toHaveLength(1);
    expect(counts.get('Add')).toBeUndefined();
  });

  test('name their nodes after those that they differentiate', () => {
    const { g, x } = start();
    const y = g.scope('dense_1', () => g.tanh(x));

    expect(gradients(g, g.reduceSum(y), [x])[0]!.name).toMatch(/^grad\/dense_1\/Tanh\//);
  });
});

describe('errors', () => {
  test('an op without a rule fails by name', () => {
    const { g, x } = start();
    const matrix = g.reshape(g.gather(x, g.ints([0])), [1, 1]);
    const y = g.scope('layer_3', () => g.emit('Det', [matrix], { dtype: 'float32', shape: [] }));

    expect(() => gradients(g, y, [x])).toThrow(new NoGradientError('layer_3/Det: the op Det has no gradient rule'));
  });

  test('an op without a rule beside the path does no harm', () => {
    const { g, x } = start();
    const det = g.emit('Det', [g.constant(fromNumbers('float32', [2], [1, 1]))], { dtype: 'float32', shape: [] });

    expect(gradients(g, g.reduceSum(g.mul(x, det)), [x])).toHaveLength(1);
  });

  test('no path at all fails by name', () => {
    const { g, x } = start();
    const other = g.input('other', 'float32', [3]);

    expect(() => gradients(g, g.reduceSum(g.floor(x)), [x])).toThrow("no differentiable path leads from 'x'");
    expect(() => gradients(g, g.reduceSum(x), [other])).toThrow("no differentiable path leads from 'other'");
  });

  test('a loss that is no scalar needs a cotangent of its type', () => {
    const { g, x } = start();

    expect(() => gradients(g, g.exp(x), [x])).toThrow('expected a scalar or a cotangent');
    expect(() => gradients(g, g.exp(x), [x], { cotangent: g.scalar(1) })).toThrow(
      'expected a cotangent like float32[3]',
    );
  });

  test('a second output without a rule of its own fails instead of losing its part', () => {
    const { g, x } = start();
    const [, mean] = g.layerNormalization(x, { scale: g.constant(fromNumbers('float32', [1, 1, 1])) });

    expect(() => gradients(g, g.reduceSum(mean), [x])).toThrow('has a gradient rule for its first output only');
  });
});

test('unbroadcast keeps a cotangent that was not broadcast', () => {
  const { g, x } = start();

  expect(unbroadcast(g, x, [3])).toBe(x);
  expect(unbroadcast(g, x, []).shape).toEqual([]);
  expect(unbroadcast(g, x, [1]).shape).toEqual([1]);
});
