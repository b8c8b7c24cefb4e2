/**
 * The training form is the same function: value and gradients of a network as written and rewritten agree in the float64 interpreter to rounding, and the
 * rewritten one does less work. Inputs are random, so that maxima do not tie.
 */
import { describe, expect, test } from '@jest/globals';

import { gradients } from '../../../shared/autodiff/gradients.ts';
import { trainingForm } from '../../../shared/autodiff/training-form.ts';
import type { Value } from '../../../shared/onnx/graph.ts';
import { GraphBuilder, modelOf, toModel } from '../../../shared/onnx/graph-builder.ts';
import { Random } from '../../../shared/tensor/random.ts';
import { sizeOf } from '../../../shared/tensor/shape.ts';
import { interpret } from './interpreter/index.ts';
import type { Nd } from './interpreter/index.ts';

type Network = (g: GraphBuilder, x: Value, weights: readonly Value[]) => Value;

const CASES: Readonly<
  Record<string, readonly [x: readonly number[], weights: readonly (readonly number[])[], Network]>
> = {
  'few channels, relu before the pool': [
    [2, 1, 9, 8],
    [[3, 1, 3, 3], [3]],
    (g, x, [w, b]) => g.maxPool(g.relu(g.conv(x, w!, { bias: b! })), { kernel: [2, 2] }),
  ],
  'few channels, relu after the pool': [
    [2, 2, 8, 8],
    [[3, 2, 2, 3], [3]],
    (g, x, [w, b]) => g.relu(g.maxPool(g.conv(x, w!, { bias: b! }), { kernel: [2, 3] })),
  ],
  'many channels': [
    [2, 9, 7, 7],
    [[3, 9, 3, 3], [3]],
    (g, x, [w, b]) => g.maxPool(g.tanh(g.conv(x, w!, { bias: b! })), { kernel: [2, 2] }),
  ],
  padding: [
    [2, 1, 7, 6],
    [[3, 1, 3, 3]],
    (g, x, [w]) => g.maxPool(g.relu(g.conv(x, w!, { padding: 'same' })), { kernel: [2, 2] }),
  ],
  'padding that the crop eats': [
    [2, 9, 5, 5],
    [[2, 9, 3, 3]],
    (g, x, [w]) => g.maxPool(g.conv(x, w!, { padding: { begin: [1, 0], end: [3, 2] } }), { kernel: [3, 2] }),
  ],
  '1d': [
    [2, 2, 11],
    [[3, 2, 4], [3]],
    (g, x, [w, b]) => g.maxPool(g.sigmoid(g.conv(x, w!, { bias: b! })), { kernel: [3] }),
  ],
  'two blocks, whose crops add up': [
    [2, 1, 15, 15],
    [[3, 1, 3, 3], [3], [2, 3, 3, 3], [2], [2 * 2 * 2, 3]],
    (g, x, [w1, b1, w2, b2, w3]) => {
      const first = g.maxPool(g.relu(g.conv(g.mul(x, 0.5), w1!, { bias: b1! })), { kernel: [2, 2] });
      const second = g.maxPool(g.relu(g.conv(first, w2!, { bias: b2! })), { kernel: [2, 2] });
      return g.matMul(g.flatten(second), w3!);
    },
  ],
  'a block whose input something else uses in full': [
    [2, 1, 9, 9],
    [
      [3, 1, 3, 3],
      [3, 3, 2, 2],
    ],
    (g, x, [w1, w2]) => {
      const shared = g.relu(g.conv(x, w1!));
      const pooled = g.maxPool(g.conv(shared, w2!), { kernel: [4, 4] });
      return g.add(g.reduceSum(pooled), g.reduceSum(g.mul(shared, shared)));
    },
  ],
  'an addition of an image that broadcasts': [
    [2, 2, 7, 7],
    [
      [2, 2, 1, 1],
      [7, 7],
      [2, 2, 7, 1],
    ],
    (g, x, [w, image, column]) => g.maxPool(g.add(g.add(g.conv(x, w!), image!), column!), { kernel: [2, 2] }),
  ],
  'strides and overlapping windows are left as they are': [
    [2, 1, 11, 11],
    [
      [3, 1, 3, 3],
      [2, 3, 2, 2],
    ],
    (g, x, [w1, w2]) => {
      const first = g.maxPool(g.conv(x, w1!, { strides: [2, 2] }), { kernel: [2, 2], strides: [1, 1] });
      return g.maxPool(g.conv(first, w2!, { dilations: [2, 1] }), { kernel: [2, 2] });
    },
  ],
  'an average pool between': [
    [2, 1, 10, 10],
    [[2, 1, 3, 3]],
    (g, x, [w]) => g.maxPool(g.averagePool(g.conv(x, w!), { kernel: [2, 2], strides: [1, 1] }), { kernel: [2, 2] }),
  ],
};

/** y, the loss and the gradients of x and the weights, as written or rewritten. */
function networkModel([shape, weightShapes, build]: (typeof CASES)[string], isRewritten: boolean): GraphBuilder {
  const g = new GraphBuilder();
  const x = g.input('x', 'float64', shape);
  const weights = weightShapes.map((weightShape, i) => g.input(`w${i}`, 'float64', weightShape));
  const y = build(g, x, weights);
  const written = [g.reduceSum(g.mul(y, g.cos(y))), y];
  const [loss, output] = (isRewritten ? trainingForm(g, written) : written) as [Value, Value];
  g.output(loss, 'loss');
  g.output(output, 'y');
  for (const [i, gradient] of gradients(g, loss, [x, ...weights]).entries()) g.output(gradient, `gradient_${i}`);
  return g;
}

describe('the training form', () => {
  test.each(Object.entries(CASES))('of %s', (_title, entry) => {
    const random = Random.fromSeed(9);
    const [shape, weightShapes] = entry;
    const array = (dims: readonly number[]): Nd => ({
      shape: dims,
      data: Float64Array.from(random.normal(sizeOf(dims))),
    });
    const feeds = Object.fromEntries([
      ['x', array(shape)],
      ...weightShapes.map((dims, i) => [`w${i}`, array(dims)] as const),
    ]) as Record<string, Nd>;

    const expected = interpret(toModel(networkModel(entry, false)))(feeds);
    const actual = interpret(toModel(networkModel(entry, true)))(feeds);

    for (const [name, { shape: dims, data }] of Object.entries(expected)) {
      expect(actual[name]!.shape).toEqual(dims);
      expect(Math.max(...actual[name]!.data.map((value, i) => Math.abs(value - data[i]!)))).toBeLessThan(1e-10);
    }
  });

  test('drops what the pools drop, up to the image', () => {
    const g = networkModel(CASES['two blocks, whose crops add up']!, true);

    const sliced = g.nodes
      .filter(({ opType }) => opType === 'Slice')
      .map(({ inputs, outputs }) => [inputs[0]!.name, outputs[0]!.shape]);

    expect(sliced[0]).toEqual(['x', [2, 1, 14, 14]]);
    expect(modelOf(g).graph.nodes.filter(({ opType }) => opType === 'MaxPool')).toHaveLength(0);
  });

  test('leaves other networks untouched', () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', [2, 3]);
    const y = g.relu(g.gemm(x, g.input('w', 'float32', [3, 4])));

    expect(trainingForm(g, [y])).toEqual([y]);
    expect(g.nodes).toHaveLength(2);
  });
});
