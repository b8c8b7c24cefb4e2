import { describe, expect, test } from '@jest/globals';

import { ShapeError } from '../../../shared/errors.ts';
import type { Value } from '../../../shared/onnx/graph.ts';
import { GraphBuilder, modelOf, toModel } from '../../../shared/onnx/graph-builder.ts';
import { loop } from '../../../shared/onnx/control.ts';
import { createSession } from '../../../shared/runtime/session.ts';
import { filled, fromNumbers, scalar, tensor, toNumbers } from '../../../shared/tensor/tensor.ts';
import type { HostTensor } from '../../../shared/tensor/tensor.ts';

const build = (): { g: GraphBuilder; x: Value; images: Value } => {
  const g = new GraphBuilder();
  return { g, x: g.input('x', 'float32', ['batch', 4]), images: g.input('images', 'float32', [2, 3, 8, 8]) };
};

const matrix = (g: GraphBuilder, rows: number, columns: number): Value =>
  g.constant(filled('float32', [rows, columns], 1));

async function run(g: GraphBuilder, feeds: Record<string, HostTensor> = {}): Promise<Record<string, HostTensor>> {
  const session = await createSession(toModel(g), { threads: 1 });
  const results = await session.run(feeds);
  await session.release();
  return results;
}

describe('shape errors name node, expected and got', () => {
  test.each<[string, (g: GraphBuilder, x: Value, images: Value) => unknown, string]>([
    [
      'Gemm',
      (g, x) => g.scope('dense_2', () => g.gemm(x, matrix(g, 5, 2))),
      "dense_2/Gemm: expected [..., n, k] and [..., k, m] of one element type, got float32[batch, 4] 'x', float32[5, 2]",
    ],
    [
      'Gemm bias',
      (g, x) => g.gemm(x, matrix(g, 4, 2), { c: g.constant(filled('float32', [3], 0)) }),
      'Gemm: expected C that broadcasts to [batch, 2]',
    ],
    ['Add', (g, x, images) => g.add(x, images), 'Add: expected shapes that broadcast'],
    ['Add of types', (g, x) => g.add(x, g.ints([1, 2, 3, 4])), 'Add: expected operands of one element type'],
    [
      'Conv channels',
      (g, _x, images) => g.conv(images, g.constant(filled('float32', [4, 2, 3, 3], 1))),
      'Conv: expected x [batch, 2, ...] for w [4, 2, 3, 3]',
    ],
    [
      'Conv kernel',
      (g, _x, images) => g.conv(images, g.constant(filled('float32', [4, 3, 9, 3], 1))),
      'Conv: expected at least 9 elements along spatial axis 0',
    ],
    [
      'MaxPool rank',
      (g, _x, images) => g.maxPool(images, { kernel: [2] }),
      'MaxPool: expected kernel, strides, dilations and padding for 2 spatial axes',
    ],
    [
      'Reshape',
      (g, _x, images) => g.reshape(images, [7, -1]),
      'Reshape: expected 384 elements, got [7, -1] for [2, 3, 8, 8]',
    ],
    ['Concat', (g, x) => g.concat([x, matrix(g, 1, 5)], 0), 'Concat: expected values that differ along axis 0 only'],
    [
      'Concat axis',
      (g, x) => g.scope('merge', () => g.concat([x, x], 2)),
      'merge/Concat: expected an axis in [-2, 2), got 2',
    ],
    ['Softmax axis', (g, x) => g.softmax(x, -3), 'Softmax: expected an axis in [-2, 2), got -3'],
    ['Split', (g, x) => g.split(x, [1, 2], 1), 'Split: expected 3 elements along axis 1'],
    ['Transpose', (g, x) => g.transpose(x, [0, 0]), 'Transpose: expected a permutation of 2 axes, got [0, 0]'],
    ['Where', (g, x) => g.where(x, x, 0), 'Where: expected a condition of booleans'],
    [
      'LayerNormalization',
      (g, x) => g.layerNormalization(x, { scale: g.constant(filled('float32', [3], 1)) }),
      'LayerNormalization: expected scale and bias [4]',
    ],
  ])('%s', (_title, make, message) => {
    const { g, x, images } = build();

    const attempt = (): unknown => make(g, x, images);

    expect(attempt).toThrow(ShapeError);
    expect(attempt).toThrow(message);
  });

  test('a value of another graph is refused by name', () => {
    const { x } = build();

    expect(() => new GraphBuilder().relu(x)).toThrow("Relu: the value 'x' belongs to another graph");
  });
});

describe('names', () => {
  test('are scoped, and unique', () => {
    const { g, x } = build();

    const values = [g.relu(x), g.relu(x), g.scope('dense_1', () => g.scope('gate', () => g.relu(x)))];

    expect(values.map((value) => value.name)).toEqual(['Relu', 'Relu_1', 'dense_1/gate/Relu']);
    expect(() => g.input('x', 'float32', [])).toThrow("'x' exists already");
  });

  test('a free name steps around one that was given', () => {
    const { g, x } = build();
    g.initializer('Relu_1', scalar('float32', 1));

    expect([g.relu(x).name, g.relu(x).name]).toEqual(['Relu', 'Relu_2']);
  });

  test('outputs carry the names asked for, whatever they are made of', async () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', [2]);
    const doubled = g.mul(x, 2);
    g.output(doubled, 'doubled');
    g.output(doubled, 'again');
    g.output(x, 'input');
    g.output(g.initializer('w', fromNumbers('float32', [5])), 'weights');

    const results = await run(g, { x: fromNumbers('float32', [1, 2]) });

    expect(Object.fromEntries(Object.entries(results).map(([name, value]) => [name, toNumbers(value)]))).toEqual({
      doubled: [2, 4],
      again: [2, 4],
      input: [1, 2],
      weights: [5],
    });
  });
});

describe('files', () => {
  test('leave out what no output needs', () => {
    const { g, x } = build();
    g.exp(g.mul(x, g.constant(filled('float32', [4], 3))));
    g.output(g.add(x, 1), 'y');

    const { graph } = modelOf(g);

    expect(graph.nodes.map((node) => node.opType)).toEqual(['Add']);
    expect([...graph.initializers.values()].map(toNumbers)).toEqual([[1]]);
  });

  test('store small equal constants once, and tell -0 from 0', () => {
    const g = new GraphBuilder();

    expect(g.scalar(2)).toBe(g.scalar(2));
    expect(g.scalar(2)).not.toBe(g.scalar(2, 'int64'));
    expect(g.scalar(0)).not.toBe(g.scalar(-0));
  });

  test('name the opsets that their nodes need', () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'string', ['batch']);
    g.output(g.oneHotEncoder(x, { strings: ['a'] }), 'y');

    expect(modelOf(g).opsets).toEqual({ '': 21, 'ai.onnx.ml': 3 });
  });

  test('keep the batch open', async () => {
    const { g, x } = build();
    const y = g.reshape(g.gemm(x, matrix(g, 4, 6)), ['batch', 2, 3]);
    g.output(y, 'y');

    expect(y.shape).toEqual(['batch', 2, 3]);
    expect((await run(withoutInput(g, 'images'), { x: filled('float32', [5, 4], 1) }))['y']!.shape).toEqual([5, 2, 3]);
  });
});

/** The graph without an input that nothing uses. */
function withoutInput(g: GraphBuilder, name: string): GraphBuilder {
  g.inputs.splice(
    g.inputs.findIndex((value) => value.name === name),
    1,
  );
  return g;
}

describe('preprocessing ops', () => {
  test('encode strings, missing numbers and labels', async () => {
    const g = new GraphBuilder();
    const colour = g.input('colour', 'string', ['batch']);
    const size = g.input('size', 'float32', ['batch']);
    g.output(g.oneHotEncoder(colour, { strings: ['red', 'blue'] }), 'one_hot');
    g.output(g.equal(colour, g.constant(tensor('string', [1], ['blue']))), 'is_blue');
    g.output(g.where(g.isNaN(size), 3.5, size), 'filled');
    g.output(
      g.labelEncoder(colour, { keys: { strings: ['red', 'blue'] }, values: { ints: [10, 20] }, defaultValue: -1 }),
      'code',
    );
    g.output(
      g.gather(g.constant(tensor('string', [2], ['no', 'yes'])), g.cast(g.greater(size, 1), 'int64')),
      'verdict',
    );

    const results = await run(g, {
      colour: tensor('string', [3], ['blue', 'red', 'grün']),
      size: fromNumbers('float32', [NaN, 1, 2]),
    });

    expect(toNumbers(results['one_hot']!)).toEqual([0, 1, 1, 0, 0, 0]);
    expect(toNumbers(results['is_blue']!)).toEqual([1, 0, 0]);
    expect(toNumbers(results['filled']!)).toEqual([3.5, 1, 2]);
    expect(toNumbers(results['code']!)).toEqual([20, 10, -1]);
    expect(results['verdict']!.data).toEqual(['no', 'no', 'yes']);
  });
});

describe('loop', () => {
  test('carries values, stacks values and sees the graph around it', async () => {
    const g = new GraphBuilder();
    const count = g.input('count', 'int64', []);
    const base = g.input('base', 'float32', [2]);
    const { carried, stacked } = loop(g, {
      count,
      carried: [g.constant(filled('float32', [2], 1))],
      body: (body, turn, [value]) => {
        const next = body.add(body.mul(value!, base), body.cast(turn, 'float32'));
        return { carried: [next], stacked: [body.reduceSum(next)] };
      },
    });
    g.output(carried[0]!, 'last');
    g.output(stacked[0]!, 'sums');

    const results = await run(g, { count: scalar('int64', 3), base: fromNumbers('float32', [2, 3]) });

    // [1,1] -> *base + 0 = [2,3] -> *base + 1 = [5,10] -> *base + 2 = [12,32]
    expect(toNumbers(results['last']!)).toEqual([12, 32]);
    expect(toNumbers(results['sums']!)).toEqual([5, 15, 44]);
  });

  test('refuses a body that changes a type', () => {
    const g = new GraphBuilder();
    const body = (inner: GraphBuilder): { carried: Value[] } => ({ carried: [inner.scalar(1, 'int64')] });

    expect(() => loop(g, { count: g.scalar(2, 'int64'), carried: [g.scalar(1)], body })).toThrow(
      'Loop: expected carried values of unchanged types',
    );
  });
});
