/**
 * Recurrent cells, one row each: their weights, one step of the recurrence, and the way back through it. x_t is a step's input, h_t its output, * elementwise.
 * Values of a step are [units, batch]: gates are runs of rows then, and the weights stand first in the product of a step, where they need no packing.
 * Sources: https://keras.io/api/layers/recurrent_layers/; S. Hochreiter, J. Schmidhuber (1997); K. Cho et al. (2014).
 */
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import type { NumericDType } from '../../tensor/tensor.ts';
import { ACTIVATIONS } from '../network/activations.ts';
import { glorotUniform, zeroWeights } from '../network/layer.ts';
import type { WeightPlan } from '../network/layer.ts';
import { orthogonal } from './orthogonal.ts';

export type Weights = Readonly<Record<string, Value>>;

export interface CellConfig {
  readonly units: number;
  /** Of simple_rnn alone. */
  readonly activation?: keyof typeof SLOPES;
}

export interface CellStep {
  /** h, and c where there is one. */
  readonly state: readonly Value[];
  /** What the way back takes of this step, built in training alone. */
  readonly slopes: () => readonly Value[];
}

export interface CellCotangents {
  /** Of the product. */
  readonly dz: Value;
  /** Of the state before, besides what reaches h through the product. */
  readonly previous: readonly (Value | undefined)[];
  readonly extra?: Value;
}

export interface Cell {
  weights(features: number, units: number): Readonly<Record<string, WeightPlan>>;
  /** What multiplies h_(t-1), x_t and 1 in one product: [gates * units, units + features + 1]. */
  matrix(g: GraphBuilder, weights: Weights, units: number): Value;
  /** What a step takes of its input besides that product: [..., features] to [..., units]. */
  extra?(g: GraphBuilder, x: Value, weights: Weights): Value;
  /** Has the state a c besides h? */
  readonly hasMemory?: boolean;
  /** z is the product; the state is that of the step before. */
  step(g: GraphBuilder, z: Value, inputs: StepInputs, config: CellConfig): CellStep;
  /** From the cotangents of the state after a step. */
  back(g: GraphBuilder, dstate: readonly Value[], slopes: readonly Value[]): CellCotangents;
}

interface StepInputs {
  readonly state: readonly Value[];
  readonly extra: Value | undefined;
}

/** Kernels of `gates` gates side by side. */
function gatedKernels(gates: number, features: number, units: number) {
  return {
    kernel: glorotUniform([features, gates * units], { fanIn: features, fanOut: gates * units }),
    recurrent_kernel: orthogonal(units, gates * units),
  };
}

/** [U; W; b]' */
function stackedKernels(g: GraphBuilder, { kernel, recurrent_kernel: u, bias }: Weights): Value {
  return g.transpose(g.concat([u!, kernel!, g.unsqueeze(bias!, [0])], 0));
}

/** Runs of equally many rows. */
function runs(g: GraphBuilder, value: Value, units: number): Value[] {
  return g.split(value, Array<number>((value.shape[0] as number) / units).fill(units), 0);
}

/** x (1 - y) */
const times1Less = (g: GraphBuilder, x: Value, y: Value): Value => g.sub(x, g.mul(x, y));

/** The slope of an activation by what it gave. */
const SLOPES = {
  tanh: (g: GraphBuilder, y: Value) => g.sub(1, g.mul(y, y)),
  sigmoid: (g: GraphBuilder, y: Value) => times1Less(g, y, y),
  relu: (g: GraphBuilder, y: Value) => g.cast(g.greater(y, 0), y.dtype),
  linear: (g: GraphBuilder, y: Value) => g.add(g.mul(y, 0), 1),
} as const;

/** h_t = tanh(x_t W + h_(t-1) U + b) */
const simpleRnn: Cell = {
  weights: (features, units) => ({ ...gatedKernels(1, features, units), bias: zeroWeights([units]) }),
  matrix: stackedKernels,
  step(g, z, _, { activation = 'tanh' }) {
    const h = ACTIVATIONS[activation](g, z);
    return { state: [h], slopes: () => [SLOPES[activation](g, h)] };
  },
  back: (g, [dh], [slope]) => ({ dz: g.mul(dh!, slope!), previous: [undefined] }),
};

/**
 * z = sigmoid(x_t W_z + h_(t-1) U_z + b_z), r likewise, n = tanh(x_t W_n + b_n + r * (h_(t-1) U_n + d_n)), h_t = n + z * (h_(t-1) - n).
 * The gates stand side by side as z, r, n; the bias has a row for x and one for h, as in Keras, whose reset comes after the product too.
 */
const gru: Cell = {
  weights: (features, units) => ({ ...gatedKernels(3, features, units), bias: zeroWeights([2, 3 * units]) }),
  matrix(g, { kernel, recurrent_kernel: u, bias }, units) {
    const [gateKernel, newKernel] = cut(g, kernel!, units);
    const [gateBiases, newBiases] = cut(g, bias!, units);
    const gateBias = g.reduceSum(gateBiases, { axes: [0], keepdims: true });
    const innerBias = g.slice(newBiases, { axis: 0, start: 1 });
    const nothing = g.expand(g.scalar(0, newKernel.dtype as NumericDType), newKernel.shape as number[]);
    const input = g.concat([gateKernel, nothing], 1);
    return g.transpose(g.concat([u!, input, g.concat([gateBias, innerBias], 1)], 0));
  },
  extra(g, x, { kernel, bias }) {
    const units = (kernel!.shape[1] as number) / 3;
    const inputBias = g.slice(cut(g, bias!, units)[1], { axis: 0, end: 1 });
    return g.add(g.matMul(x, cut(g, kernel!, units)[1]), g.reshape(inputBias, [units]));
  },
  step(g, product, { state, extra }, { units }) {
    const h = state[0]!;
    const [gates, inner] = g.split(product, [2 * units, units], 0) as [Value, Value];
    const [z, r] = runs(g, g.sigmoid(gates), units) as [Value, Value];
    const n = g.tanh(g.add(extra!, g.mul(r, inner)));
    const kept = g.mul(z, g.sub(h, n));
    return {
      state: [g.add(n, kept)],
      slopes() {
        const rest = g.sub(1, z);
        const ofN = g.sub(rest, g.mul(g.mul(rest, n), n));
        const ofInner = g.mul(ofN, r);
        return [times1Less(g, kept, z), times1Less(g, g.mul(ofInner, inner), r), ofInner, ofN, z];
      },
    };
  },
  back(g, [dh], [ofZ, ofR, ofInner, ofN, z]) {
    const gates = [ofZ!, ofR!, ofInner!].map((slope) => g.mul(dh!, slope));
    return { dz: g.concat(gates, 0), previous: [g.mul(dh!, z!)], extra: g.mul(dh!, ofN!) };
  },
};

/** The columns of the two gates and those of n. */
function cut(g: GraphBuilder, value: Value, units: number): [Value, Value] {
  return g.split(value, [2 * units, units], 1) as [Value, Value];
}

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
  matrix: stackedKernels,
  hasMemory: true,
  step(g, z, { state }, { units }) {
    const [gates, inner] = g.split(z, [3 * units, units], 0) as [Value, Value];
    const [i, f, o] = runs(g, g.sigmoid(gates), units) as [Value, Value, Value];
    const n = g.tanh(inner);
    const added = g.mul(i, n);
    const kept = g.mul(f, state[1]!);
    const c = g.add(kept, added);
    const shown = g.tanh(c);
    const h = g.mul(o, shown);
    return {
      state: [h, c],
      slopes: () => [
        ...[times1Less(g, added, i), times1Less(g, kept, f), times1Less(g, h, o)],
        ...[g.sub(i, g.mul(added, n)), g.sub(o, g.mul(h, shown)), f],
      ],
    };
  },
  back(g, [dh, dcAfter], [ofI, ofF, ofO, ofN, ofC, f]) {
    const dc = g.add(g.mul(dh!, ofC!), dcAfter!);
    const gates = [g.mul(dc, ofI!), g.mul(dc, ofF!), g.mul(dh!, ofO!), g.mul(dc, ofN!)];
    return { dz: g.concat(gates, 0), previous: [undefined, g.mul(dc, f!)] };
  },
};

export const CELLS = { simple_rnn: simpleRnn, gru, lstm } as const satisfies Record<string, Cell>;

export type CellName = keyof typeof CELLS;
