/**
 * ONNX's RNN, GRU and LSTM as the steps that they stand for: the fused ops have no gradient rule, a Scan of their steps has one. Weights are laid out as ONNX
 * does: W [directions, gates units, features], R [directions, gates units, units], B [directions, 2 gates units].
 * Source: https://onnx.ai/onnx/operators/onnx__LSTM.html and its neighbours; there is nothing for peepholes, given lengths or other activations.
 */
import { differentiableScan } from '../../autodiff/differentiable-scan.ts';
import { ServiceError } from '../../errors.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import type { Value } from '../../onnx/graph.ts';
import type { NodeDef } from '../../onnx/model.ts';
import { filled } from '../../tensor/tensor.ts';
import type { NumericDType } from '../../tensor/tensor.ts';

/** h, and c where there is one. */
type State = readonly Value[];

interface Weights {
  /** [features, gates units], [units, gates units], [gates units] twice. */
  readonly w: Value;
  readonly r: Value;
  readonly wb: Value;
  readonly rb: Value;
  readonly units: number;
  readonly isLinearBeforeReset: boolean;
}

/** One step on a part of the input's own product x W + b, [batch, gates units]. */
type Step = (g: GraphBuilder, xw: Value, state: State, weights: Weights) => State;

/** h = tanh(x W + h R + b) */
const rnn: Step = (g, xw, [h], { r, rb }) => [g.tanh(g.add(xw, g.gemm(h!, r, { c: rb })))];

/** Gates z, r, n; h = (1 - z) n + z h */
const gru: Step = (g, xw, [h], { r, rb, units, isLinearBeforeReset }) => {
  const cut = (value: Value): [Value, Value] =>
    g.split(value, [2 * units, units], value.shape.length - 1) as [Value, Value];
  const [[xGates, xNew], [rGates, rNew], [rbGates, rbNew]] = [cut(xw), cut(r), cut(rb)];
  const gates = g.sigmoid(g.add(xGates, g.gemm(h!, rGates, { c: rbGates })));
  const [z, reset] = g.split(gates, [units, units], 1) as [Value, Value];
  const inner = isLinearBeforeReset
    ? g.mul(reset, g.gemm(h!, rNew, { c: rbNew }))
    : g.gemm(g.mul(reset, h!), rNew, { c: rbNew });
  const n = g.tanh(g.add(xNew, inner));
  return [g.add(n, g.mul(z, g.sub(h!, n)))];
};

/** Gates i, o, f, n; c = f c + i n, h = o tanh c */
const lstm: Step = (g, xw, [h, c], { r, rb, units }) => {
  const [gates, inner] = g.split(g.add(xw, g.gemm(h!, r, { c: rb })), [3 * units, units], 1) as [Value, Value];
  const [i, o, f] = g.split(g.sigmoid(gates), [units, units, units], 1) as [Value, Value, Value];
  const next = g.add(g.mul(f, c!), g.mul(i, g.tanh(inner)));
  return [g.mul(o, g.tanh(next)), next];
};

interface Op {
  readonly gates: number;
  readonly states: number;
  readonly step: Step;
  readonly activations: readonly string[];
}

const OPS: Readonly<Record<string, Op>> = {
  RNN: { gates: 1, states: 1, step: rnn, activations: ['Tanh'] },
  GRU: { gates: 3, states: 1, step: gru, activations: ['Sigmoid', 'Tanh'] },
  LSTM: { gates: 4, states: 2, step: lstm, activations: ['Sigmoid', 'Tanh', 'Tanh'] },
};

export const isRecurrent = ({ domain, opType }: NodeDef): boolean => domain === '' && opType in OPS;

/** The node's outputs Y [time, directions, batch, units], Y_h and, of an LSTM, Y_c [directions, batch, units]. */
export function recur(g: GraphBuilder, node: NodeDef, inputs: readonly (Value | undefined)[]): Value[] {
  requireSupported(node, inputs);
  const { gates, states } = OPS[node.opType]!;
  const [x, w, r, b, , h0, c0] = inputs as [Value, Value, Value, ...(Value | undefined)[]];
  const batch = x.shape[1] as number;
  const [directions, , units] = r.shape as [number, number, number];
  const isLinearBeforeReset = node.attributes['linear_before_reset'] === 1;
  const isReverse = node.attributes['direction'] === 'reverse';
  const runs = Array.from({ length: directions }, (_, d) => {
    /** The direction's part of a value, without the axis of directions. */
    const own = (value: Value): Value =>
      g.reshape(g.slice(value, { axis: 0, start: d, end: d + 1 }), value.shape.slice(1));
    const zeros = (shape: readonly number[]): Value => g.constant(filled(x.dtype as NumericDType, shape, 0));
    const width = gates * units;
    const [wb, rb] = b ? (g.split(own(b), [width, width], 0) as [Value, Value]) : [zeros([width]), zeros([width])];
    const first = [h0, c0].slice(0, states).map((value) => (value ? own(value) : zeros([batch, units])));
    const weights = { w: g.transpose(own(w)), r: g.transpose(own(r)), wb, rb, units, isLinearBeforeReset };
    return runSteps(g, x, { op: OPS[node.opType]!, weights, first, isReverse: isReverse || d === 1 });
  });
  const stack = (parts: readonly Value[], axis: number): Value => {
    const raised = parts.map((part) => g.unsqueeze(part, [axis]));
    return raised.length === 1 ? raised[0]! : g.concat(raised, axis);
  };
  const sequences = stack(
    runs.map((run) => run.at(-1)!),
    1,
  );
  const last = Array.from({ length: states }, (_, k) =>
    stack(
      runs.map((run) => run[k]!),
      0,
    ),
  );
  return [sequences, ...last];
}

interface Run {
  readonly op: Op;
  readonly weights: Weights;
  readonly first: State;
  readonly isReverse: boolean;
}

/** The last states, then h of all steps [time, batch, units]. */
function runSteps(g: GraphBuilder, x: Value, { op, weights, first, isReverse }: Run): readonly Value[] {
  const [time, batch, features] = x.shape as [number, number, number];
  // The product with the input is one over all steps.
  const flat = g.gemm(g.reshape(x, [time * batch, features]), weights.w, { c: weights.wb });
  return differentiableScan(g, {
    carried: first,
    sequences: [g.reshape(flat, [time, batch, weights.wb.shape[0] as number])],
    isReverse,
    body(inner, state, [xw]) {
      const next = op.step(inner, xw!, state, weights);
      return { carried: next, stacked: [next[0]!] };
    },
  });
}

function requireSupported({ name, opType, attributes }: NodeDef, inputs: readonly (Value | undefined)[]): void {
  const { activations } = OPS[opType]!;
  const asked = (attributes['activations'] as readonly string[] | undefined) ?? activations;
  const others = asked.some((activation, i) => activation !== activations[i % activations.length]);
  const problem = others
    ? `activations ${asked.join(', ')}`
    : inputs[4] || inputs[7]
      ? 'sequence lengths or peepholes'
      : attributes['clip'] || attributes['layout'] || attributes['input_forget']
        ? 'clip, layout or input_forget'
        : undefined;
  if (problem !== undefined)
    throw new ServiceError('unsupported_operator', `${name || opType}: ${opType} with ${problem} has no gradient rule`);
}
