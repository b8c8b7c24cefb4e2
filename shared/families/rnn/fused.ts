/**
 * Inference by ONNX's own recurrent ops: one node for all steps, which loads at once however long the sequences are. It computes what the steps written
 * out compute (recurrence.ts), which the conformance suite compares. Source: https://onnx.ai/onnx/operators/, RNN, GRU and LSTM.
 */
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import { zeros } from '../../tensor/tensor.ts';
import type { CellName } from './cells.ts';
import type { Recurrence } from './recurrence.ts';

interface FusedOp {
  readonly opType: string;
  /** ONNX's gates, each by the place that it has in our kernels. */
  readonly gates: readonly number[];
  readonly attributes: Readonly<Record<string, number>>;
}

const OPS: Readonly<Record<CellName, FusedOp>> = {
  simple_rnn: { opType: 'RNN', gates: [0], attributes: {} },
  gru: { opType: 'GRU', gates: [0, 1, 2], attributes: { linear_before_reset: 1 } },
  lstm: { opType: 'LSTM', gates: [0, 2, 1, 3], attributes: {} },
};

/** Is there an op for it? Gradients have none, nor has a mask, nor an activation besides tanh. */
export function isFusible(x: Value, { config, mask }: Recurrence): boolean {
  return typeof x.shape[1] === 'string' && mask === undefined && (config.activation ?? 'tanh') === 'tanh';
}

/** The outputs of all steps [time, batch, units], and that of the last one processed [batch, units]. */
export function fusedOutputs(
  g: GraphBuilder,
  x: Value,
  { cell, config: { units }, weights, isBackward }: Recurrence,
): { sequence: Value; last: Value } {
  const { opType, gates, attributes } = OPS[cell];
  const [time, batch] = x.shape as [number, string];
  const width = gates.length * units;
  /** [..., width] with the gates in ONNX's order. */
  const ordered = (value: Value): Value => {
    if (gates.every((gate, i) => gate === i)) return value;
    const parts = g.split(value, Array<number>(gates.length).fill(units), -1);
    return g.concat(
      gates.map((gate) => parts[gate]!),
      -1,
    );
  };
  const matrix = (name: string): Value => g.unsqueeze(g.transpose(ordered(weights[name]!)), [0]);
  const bias = ordered(weights['bias']!);
  const biases = bias.shape.length === 2 ? bias : g.concat([bias, g.constant(zeros('float32', [width]))], 0);
  const [sequence, last] = g.node(
    opType,
    [x, matrix('kernel'), matrix('recurrent_kernel'), g.reshape(biases, [1, 2 * width])],
    { hidden_size: units, direction: isBackward ? 'reverse' : 'forward', ...attributes },
    [
      { dtype: 'float32', shape: [time, 1, batch, units] },
      { dtype: 'float32', shape: [1, batch, units] },
    ],
  ) as [Value, Value];
  return { sequence: g.reshape(sequence, [time, batch, units]), last: g.reshape(last, [batch, units]) };
}
