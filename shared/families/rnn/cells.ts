/**
 * Recurrent cells, one row each: their weights, and one step of the recurrence. x_t is a step's input, h_t its output, * elementwise.
 * The inputs of all steps are multiplied by the kernel in one product before the first step; a step is one product with h_(t-1).
 * Sources: https://keras.io/api/layers/recurrent_layers/; S. Hochreiter, J. Schmidhuber (1997); K. Cho et al. (2014).
 */
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import { ACTIVATIONS } from '../network/activations.ts';
import type { ActivationName } from '../network/activations.ts';
import { glorotUniform, zeroWeights } from '../network/layer.ts';
import type { WeightPlan } from '../network/layer.ts';
import { orthogonal } from './orthogonal.ts';

/** What a step hands to the next, each [batch, units]; undefined stands for zeros before the first. */
export interface CellState {
  readonly h: Value;
  readonly c?: Value;
}

export interface RunningCell {
  /** Rows of inputs [n, features] to what steps take of them: [n, ...] each. */
  project(rows: Value): Value[];
  step(inputs: readonly Value[], previous: CellState | undefined): CellState;
}

export interface CellConfig {
  readonly units: number;
  /** Of simple_rnn alone. */
  readonly activation?: ActivationName;
}

export interface Cell {
  weights(features: number, units: number): Readonly<Record<string, WeightPlan>>;
  start(g: GraphBuilder, weights: Readonly<Record<string, Value>>, config: CellConfig): RunningCell;
}

/** Kernels of `gates` gates side by side. */
function gatedKernels(gates: number, features: number, units: number) {
  return {
    kernel: glorotUniform([features, gates * units], { fanIn: features, fanOut: gates * units }),
    recurrent_kernel: orthogonal(units, gates * units),
  };
}

/** h_t = tanh(x_t W + h_(t-1) U + b) */
const simpleRnn: Cell = {
  weights: (features, units) => ({ ...gatedKernels(1, features, units), bias: zeroWeights([units]) }),
  start(g, { kernel, recurrent_kernel: u, bias }, { activation = 'tanh' }) {
    return {
      project: (rows) => [g.gemm(rows, kernel!, { c: bias! })],
      step: ([x], previous) => ({
        h: ACTIVATIONS[activation](g, previous === undefined ? x! : g.gemm(previous.h, u!, { c: x! })),
      }),
    };
  },
};

/**
 * z = sigmoid(x_t W_z + h_(t-1) U_z + b_z), r likewise, n = tanh(x_t W_n + b_n + r * (h_(t-1) U_n + d_n)), h_t = n + z * (h_(t-1) - n).
 * The gates stand side by side as z, r, n; the bias has a row for x and one for h, as in Keras, whose reset comes after the product too.
 */
const gru: Cell = {
  weights: (features, units) => ({ ...gatedKernels(3, features, units), bias: zeroWeights([2, 3 * units]) }),
  start(g, { kernel, recurrent_kernel: u, bias }, { units }) {
    const cut = (value: Value): [Value, Value] => g.split(value, [2 * units, units], 1) as [Value, Value];
    const [gateKernel, newKernel] = cut(kernel!);
    const [gateU, newU] = cut(u!);
    const [gateBiases, newBiases] = cut(bias!);
    const gateBias = g.reduceSum(gateBiases, { axes: [0] });
    const [inputBias, innerBias] = g.split(newBiases, [1, 1], 0).map((row) => g.reshape(row, [units])) as [
      Value,
      Value,
    ];
    return {
      project: (rows) => [g.gemm(rows, gateKernel, { c: gateBias }), g.gemm(rows, newKernel, { c: inputBias })],
      step([gates, x], previous) {
        const sum = previous === undefined ? gates! : g.gemm(previous.h, gateU, { c: gates! });
        const [z, r] = g.split(g.sigmoid(sum), [units, units], 1) as [Value, Value];
        const inner = previous === undefined ? innerBias : g.gemm(previous.h, newU, { c: innerBias });
        const n = g.tanh(g.add(x!, g.mul(r, inner)));
        if (previous === undefined) return { h: g.sub(n, g.mul(z, n)) };
        return { h: g.add(n, g.mul(z, g.sub(previous.h, n))) };
      },
    };
  },
};

/**
 * i, f, o = sigmoid(x_t W + h_(t-1) U + b), n = tanh(likewise), c_t = f * c_(t-1) + i * n, h_t = o * tanh(c_t).
 * The gates stand side by side as i, f, o, n, so that three of them are one sigmoid. The forget gate's bias begins at 1.
 */
const lstm: Cell = {
  weights: (features, units) => ({
    ...gatedKernels(4, features, units),
    bias: {
      shape: [4 * units],
      initialize: () => Float32Array.from({ length: 4 * units }, (_, i) => Number(Math.floor(i / units) === 1)),
    },
  }),
  start(g, { kernel, recurrent_kernel: u, bias }, { units }) {
    return {
      project: (rows) => [g.gemm(rows, kernel!, { c: bias! })],
      step([x], previous) {
        const sum = previous === undefined ? x! : g.gemm(previous.h, u!, { c: x! });
        const [gates, inner] = g.split(sum, [3 * units, units], 1) as [Value, Value];
        const [i, f, o] = g.split(g.sigmoid(gates), [units, units, units], 1) as [Value, Value, Value];
        const n = g.mul(i, g.tanh(inner));
        const c = previous === undefined ? n : g.add(g.mul(f, previous.c!), n);
        return { h: g.mul(o, g.tanh(c)), c };
      },
    };
  },
};

export const CELLS = { simple_rnn: simpleRnn, gru, lstm } as const;

export type CellName = keyof typeof CELLS;
