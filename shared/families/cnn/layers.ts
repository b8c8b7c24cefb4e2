/**
 * The layers of `cnn`, one row each: parameters with Keras's names and defaults, the shape they give, and their nodes. Shapes are one row's,
 * channels first ([C, H, W] or [units]); messages show them as Keras does, channels last. Activations are applied by network.ts.
 * Source: https://keras.io/api/layers/.
 */
import * as z from 'zod';
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import { windowGeometry } from '../../onnx/window.ts';
import { sizeOf } from '../../tensor/shape.ts';
import { ACTIVATION_NAMES } from './activations.ts';
import { dropoutMask } from './dropout.ts';

export type RowShape = readonly number[];

/** A weight matrix or kernel, with the numbers that Glorot's initialisation takes. */
export interface KernelPlan {
  readonly shape: readonly number[];
  readonly fanIn: number;
  readonly fanOut: number;
}

export interface LayerPlan {
  readonly output: RowShape;
  /** The bias has one element per output channel or unit. */
  readonly kernel?: KernelPlan;
}

export interface LayerInputs {
  readonly kernel?: Value | undefined;
  readonly bias?: Value | undefined;
  /** In training: a seed that differs by step and layer. */
  readonly seed?: Value | undefined;
}

export interface LayerKind<C> {
  readonly schema: z.ZodType<C>;
  /** What the layer makes of rows of this shape, or why it cannot. */
  plan(config: C, input: RowShape): LayerPlan | string;
  build(g: GraphBuilder, x: Value, config: C, inputs: LayerInputs): Value;
}

const positive = z.number().int().min(1).max(100_000);
const pair = z.union([positive.transform((size): [number, number] => [size, size]), z.tuple([positive, positive])], {
  error: 'expected a whole number, or two of them: [height, width]',
});
const activation = z.enum(ACTIVATION_NAMES).default('linear');
const padding = z.enum(['valid', 'same']).default('valid');
const pooling = z.strictObject({ pool_size: pair.default([2, 2]), strides: pair.optional(), padding });

type Pooling = z.infer<typeof pooling>;

/** `[batch, height, width, channels]` of a row's shape, for messages. */
export function formatRow(shape: RowShape): string {
  const [channels, ...spatial] = shape;
  return `[${['batch', ...spatial, channels].join(', ')}]`;
}

const conv2d = layer({
  schema: z.strictObject({ filters: positive, kernel_size: pair, strides: pair.default([1, 1]), padding, activation }),
  plan(config, input) {
    const window = { kernel: config.kernel_size, strides: config.strides, padding: config.padding };
    const spatial = windowed(window, input);
    if (typeof spatial === 'string') return spatial;
    const area = sizeOf(config.kernel_size);
    const [channels = 0] = input;
    const kernel = {
      shape: [config.filters, channels, ...config.kernel_size],
      fanIn: area * channels,
      fanOut: area * config.filters,
    };
    return { output: [config.filters, ...spatial], kernel };
  },
  build: (g, x, { strides, padding: mode }, { kernel, bias }) =>
    g.conv(x, kernel!, { strides, padding: mode, bias: bias! }),
});

const dense = layer({
  schema: z.strictObject({ units: positive, activation }),
  plan({ units }, input) {
    if (input.length !== 1)
      return `expected rows of one dimension, got ${formatRow(input)}: put "flatten" or "global_average_pooling2d" before it`;
    return { output: [units], kernel: { shape: [input[0]!, units], fanIn: input[0]!, fanOut: units } };
  },
  build: (g, x, _, { kernel, bias }) => g.gemm(x, kernel!, { c: bias! }),
});

const maxPooling2d = layer({
  schema: pooling,
  plan: planPooling,
  build: (g, x, config) => g.maxPool(x, poolWindow(config)),
});

const averagePooling2d = layer({
  schema: pooling,
  plan: planPooling,
  build: (g, x, config) => g.averagePool(x, poolWindow(config)),
});

const globalAveragePooling2d = layer({
  schema: z.strictObject({}),
  plan: (_, input) => requireImages(input) ?? { output: [input[0]!] },
  build: (g, x) => g.flatten(g.globalAveragePool(x)),
});

const flatten = layer({
  schema: z.strictObject({}),
  plan: (_, input) => ({ output: [sizeOf(input)] }),
  build: (g, x) => (x.shape.length === 2 ? x : g.flatten(x)),
});

const dropout = layer({
  schema: z.strictObject({ rate: z.number().min(0).lt(1) }),
  plan: (_, input) => ({ output: input }),
  build: (g, x, { rate }, { seed }) =>
    seed === undefined || rate === 0 ? x : g.mul(x, dropoutMask(g, x, { rate, seed })),
});

const activationLayer = layer({
  schema: z.union([
    z.enum(ACTIVATION_NAMES).transform((name) => ({ activation: name })),
    z.strictObject({ activation: z.enum(ACTIVATION_NAMES) }),
  ]),
  plan: (_, input) => ({ output: input }),
  build: (_g, x) => x,
});

export const LAYERS: Readonly<Record<string, LayerKind<unknown>>> = {
  conv2d,
  max_pooling2d: maxPooling2d,
  average_pooling2d: averagePooling2d,
  global_average_pooling2d: globalAveragePooling2d,
  flatten,
  dense,
  dropout,
  activation: activationLayer,
};

/** Layers of the API that are still to come: refused by name. */
export const COMING_LAYERS: readonly string[] = ['conv1d', 'batch_normalization', 'layer_normalization'];

/** Types a row by its schema, and forgets the type. */
function layer<C>(kind: LayerKind<C>): LayerKind<unknown> {
  return kind;
}

function requireImages(input: RowShape): string | undefined {
  return input.length === 3 ? undefined : `expected images [batch, height, width, channels], got ${formatRow(input)}`;
}

function poolWindow({ pool_size: kernel, strides, padding: mode }: Pooling) {
  return { kernel, strides: strides ?? kernel, padding: mode };
}

function planPooling(config: Pooling, input: RowShape): LayerPlan | string {
  const spatial = windowed(poolWindow(config), input);
  return typeof spatial === 'string' ? spatial : { output: [input[0]!, ...spatial] };
}

/** Windows along each axis, or what is wrong. */
function windowed(
  window: {
    readonly kernel: readonly number[];
    readonly strides: readonly number[];
    readonly padding: 'valid' | 'same';
  },
  input: RowShape,
): number[] | string {
  const problem = requireImages(input);
  if (problem !== undefined) return problem;
  const spatial = input.slice(1);
  const { kernel, strides, begin, end } = windowGeometry(window, spatial);
  const room = spatial.map((size, i) => size + begin[i]! + end[i]! - kernel[i]!);
  if (room.some((left) => left < 0)) {
    return `the window [${kernel.join(', ')}] is larger than its input ${formatRow(input)}: make it smaller, or use "padding": "same"`;
  }
  return room.map((left, i) => Math.floor(left / strides[i]!) + 1);
}
