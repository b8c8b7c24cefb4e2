/** Expected values by the definitions in float64; gradients by theirs: softmax - one-hot, sigmoid - target, 2 (prediction - target). */
import { describe, expect, test } from '@jest/globals';

import { gradients } from '../../../shared/autodiff/gradients.ts';
import type { Value } from '../../../shared/onnx/graph.ts';
import { GraphBuilder, toModel } from '../../../shared/onnx/graph-builder.ts';
import { binaryCrossentropy, sparseCategoricalCrossentropy, squaredError } from '../../../shared/onnx/losses.ts';
import { createSession } from '../../../shared/runtime/session.ts';
import { fromNumbers, toNumbers } from '../../../shared/tensor/tensor.ts';
import type { HostTensor } from '../../../shared/tensor/tensor.ts';

interface Evaluated {
  readonly loss: number[];
  readonly gradient: number[];
}

async function evaluate(
  loss: (g: GraphBuilder, predictions: Value, targets: Value) => Value,
  predictions: HostTensor,
  targets: HostTensor,
): Promise<Evaluated> {
  const g = new GraphBuilder();
  const x = g.input('x', predictions.dtype, predictions.shape);
  const y = loss(g, x, g.input('y', targets.dtype, targets.shape));
  g.output(y, 'loss');
  g.output(gradients(g, g.reduceSum(y), [x])[0]!, 'gradient');
  const session = await createSession(toModel(g), { threads: 1 });
  const results = await session.run({ x: predictions, y: targets });
  await session.release();
  return { loss: toNumbers(results['loss']!), gradient: toNumbers(results['gradient']!) };
}

const expectClose = (actual: readonly number[], expected: readonly number[]): void => {
  expect(actual).toHaveLength(expected.length);
  for (const [i, value] of expected.entries())
    expect(Math.abs(actual[i]! - value)).toBeLessThan(1e-5 * Math.max(1, Math.abs(value)));
};

describe('losses', () => {
  const logits = [1, -2, 0.5, 300, 0, -300, 0, 0, 0];
  const labels = [2, 1, 0];
  const softmax = (row: readonly number[]): number[] => {
    const powers = row.map((x) => Math.exp(x - Math.max(...row)));
    return powers.map((p) => p / powers.reduce((a, b) => a + b));
  };
  const rows = [0, 1, 2].map((i) => logits.slice(3 * i, 3 * i + 3));

  test.each(['int32', 'int64'] as const)(
    'sparse categorical cross-entropy of %s labels, at any logits',
    async (dtype) => {
      const { loss, gradient } = await evaluate(
        sparseCategoricalCrossentropy,
        fromNumbers('float32', logits, [3, 3]),
        fromNumbers(dtype, labels),
      );

      // ln softmax(300, 0, -300)_1 = -300 to all digits
      expectClose(loss, [-Math.log(softmax(rows[0]!)[2]!), 300, Math.log(3)]);
      expectClose(
        gradient,
        rows.flatMap((row, i) => softmax(row).map((p, k) => p - Number(k === labels[i]))),
      );
    },
  );

  test('binary cross-entropy, at any logits', async () => {
    const x = [0.3, -1.2, 80, -80, 80, 0];
    const y = [1, 0, 1, 1, 0, 1];

    const { loss, gradient } = await evaluate(binaryCrossentropy, fromNumbers('float32', x), fromNumbers('float32', y));

    expectClose(loss, [Math.log1p(Math.exp(-0.3)), Math.log1p(Math.exp(-1.2)), 0, 80, 80, Math.LN2]);
    expectClose(
      gradient,
      x.map((value, i) => 1 / (1 + Math.exp(-value)) - y[i]!),
    );
  });

  test('squared error', async () => {
    const { loss, gradient } = await evaluate(
      squaredError,
      fromNumbers('float32', [1, 2.5], [2, 1]),
      fromNumbers('float32', [3, 2], [2, 1]),
    );

    expect(loss).toEqual([4, 0.25]);
    expect(gradient).toEqual([-4, 1]);
  });

  test('refuse predictions and targets that do not fit', () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', [2, 3]);

    expect(() => squaredError(g, x, g.input('a', 'float32', [2]))).toThrow(
      "squared_error: predictions and targets do not fit: float32[2, 3] 'x', float32[2] 'a'",
    );
    expect(() => sparseCategoricalCrossentropy(g, x, g.input('b', 'float32', [2]))).toThrow(
      'sparse_categorical_crossentropy',
    );
  });
});
