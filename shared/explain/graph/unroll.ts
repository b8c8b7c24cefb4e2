/**
 * ONNX's RNN, GRU and LSTM as the steps that they stand for: the fused ops have no gradient rule, their steps have one each. Weights are constants, laid out
 * as ONNX does: W [directions, gates units, features], R [directions, gates units, units], B [directions, 2 gates units].
 * Source: https://onnx.ai/onnx/operators/onnx__LSTM.html and its neighbours; there is nothing for peepholes, given lengths or other activations.
 */
import { ServiceError } from '../../errors.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import type { Value } from '../../onnx/graph.ts';
import type { NodeDef } from '../../onnx/model.ts';
import { filled } from '../../tensor/tensor.ts';
import type { NumericDType } from '../../tensor/tensor.ts';

interface State {
  readonly h: Value;
  readonly c: Value;
}

interface Weights {
  /** [features, gates units], [units, gates units], [gates units] twice. */
  readonly w: Value;
  readonly r: Value;
  readonly wb: Value;
  readonly rb: Value;
  readonly units: number;
  readonly isLinearBeforeReset: boolean;
}

type Step = (g: GraphBuilder, x: Value, state: State, weights: Weights) => State;

const project = (g: GraphBuilder, x: Value, h: Value, { w, r, wb, rb }: Weights): Value =>
  g.add(g.gemm(x, w, { c: wb }), g.gemm(h, r, { c: rb }));

/** h = tanh(x W + h R + b) */
const rnn: Step = (g, x, { h, c }, weights) => ({ h: g.tanh(project(g, x, h, weights)), c });

/** Gates z, r, n; h = (1 - z) n + z h */
const gru: Step = (g, x, { h, c }, { w, r, wb, rb, units, isLinearBeforeReset }) => {
  const cut = (value: Value): [Value, Value] =>
    g.split(value, [2 * units, units], value.shape.length - 1) as [Value, Value];
  const [[wGates, wNew], [rGates, rNew], [wbGates, wbNew], [rbGates, rbNew]] = [cut(w), cut(r), cut(wb), cut(rb)];
  const gates = g.sigmoid(g.add(g.gemm(x, wGates, { c: wbGates }), g.gemm(h, rGates, { c: rbGates })));
  const [z, reset] = g.split(gates, [units, units], 1) as [Value, Value];
  const inner = isLinearBeforeReset
    ? g.mul(reset, g.gemm(h, rNew, { c: rbNew }))
    : g.gemm(g.mul(reset, h), rNew, { c: rbNew });
  const n = g.tanh(g.add(g.gemm(x, wNew, { c: wbNew }), inner));
  return { h: g.add(n, g.mul(z, g.sub(h, n))), c };
};

/** Gates i, o, f, n; c = f c + i n, h = o tanh c */
const lstm: Step = (g, x, { h, c }, weights) => {
  const { units } = weights;
  const [gates, inner] = g.split(project(g, x, h, weights), [3 * units, units], 1) as [Value, Value];
  const [i, o, f] = g.split(g.sigmoid(gates), [units, units, units], 1) as [Value, Value, Value];
  const next = g.add(g.mul(f, c), g.mul(i, g.tanh(inner)));
  return { h: g.mul(o, g.tanh(next)), c: next };
};

const OPS: Readonly<
  Record<string, { readonly gates: number; readonly step: Step; readonly activations: readonly string[] }>
> = {
  RNN: { gates: 1, step: rnn, activations: ['Tanh'] },
  GRU: { gates: 3, step: gru, activations: ['Sigmoid', 'Tanh'] },
  LSTM: { gates: 4, step: lstm, activations: ['Sigmoid', 'Tanh', 'Tanh'] },
};

export const isRecurrent = ({ domain, opType }: NodeDef): boolean => domain === '' && opType in OPS;

/** The node's outputs Y [time, directions, batch, units], Y_h and, of an LSTM, Y_c [directions, batch, units]. */
export function unroll(g: GraphBuilder, node: NodeDef, inputs: readonly (Value | undefined)[]): Value[] {
  requireSupported(node, inputs);
  const { gates, step } = OPS[node.opType]!;
  const [x, w, r, b, , h0, c0] = inputs as [Value, Value, Value, ...(Value | undefined)[]];
  const [time, batch, features] = x.shape as [number, number, number];
  const [directions, , units] = r.shape as [number, number, number];
  const steps = g.split(x, Array<number>(time).fill(1), 0).map((part) => g.reshape(part, [batch, features]));
  const isReverse = node.attributes['direction'] === 'reverse';
  const runs = Array.from({ length: directions }, (_, d) => {
    const zeros = g.constant(filled(x.dtype as NumericDType, [batch, units], 0));
    const first = (value: Value | undefined): Value =>
      value === undefined ? zeros : g.reshape(g.slice(value, { axis: 0, start: d, end: d + 1 }), [batch, units]);
    const own = (value: Value): Value =>
      g.reshape(g.slice(value, { axis: 0, start: d, end: d + 1 }), value.shape.slice(1));
    const [wb, rb] = b
      ? (g.split(own(b), [gates * units, gates * units], 0) as [Value, Value])
      : Array.from({ length: 2 }, () => g.constant(filled(x.dtype as NumericDType, [gates * units], 0)));
    const isLinearBeforeReset = node.attributes['linear_before_reset'] === 1;
    const weights = { w: g.transpose(own(w)), r: g.transpose(own(r)), wb: wb!, rb: rb!, units, isLinearBeforeReset };
    return runSteps(g, { steps, step, weights, isBackward: isReverse || d === 1 }, { h: first(h0), c: first(c0) });
  });
  const stack = (parts: readonly Value[], axis: number): Value => {
    const raised = parts.map((part) => g.unsqueeze(part, [axis]));
    return raised.length === 1 ? raised[0]! : g.concat(raised, axis);
  };
  const sequence = stack(
    Array.from({ length: time }, (_, t) =>
      stack(
        runs.map(({ outputs }) => outputs[t]!),
        0,
      ),
    ),
    0,
  );
  return [
    sequence,
    stack(
      runs.map(({ last }) => last.h),
      0,
    ),
    stack(
      runs.map(({ last }) => last.c),
      0,
    ),
  ];
}

interface Run {
  readonly steps: readonly Value[];
  readonly step: Step;
  readonly weights: Weights;
  readonly isBackward: boolean;
}

function runSteps(
  g: GraphBuilder,
  { steps, step, weights, isBackward }: Run,
  first: State,
): { outputs: Value[]; last: State } {
  const order = isBackward ? [...steps.keys()].reverse() : [...steps.keys()];
  const outputs: Value[] = [];
  let state = first;
  for (const t of order) {
    state = step(g, steps[t]!, state, weights);
    outputs[t] = state.h;
  }
  return { outputs, last: state };
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
