/** Layers of sliding windows over sequences and images: convolutions and pooling, with Keras's names and defaults (https://keras.io/api/layers/). */
import * as z from 'zod';
import { windowGeometry } from '../../onnx/window.ts';
import type { WindowOptions } from '../../onnx/window.ts';
import { sizeOf } from '../../tensor/shape.ts';
import { glorotUniform, layer, zeroWeights } from '../network/layer.ts';
import type { LayerKind, LayerPlan, RowShape } from '../network/layer.ts';
import { activation, positive } from '../network/layers.ts';
import { formatRow, requireRank } from './shapes.ts';
import type { SpatialRank } from './shapes.ts';

const single = z.union([positive.transform((size) => [size]), z.tuple([positive])], {
  error: 'expected a whole number above 0',
});
const pair = z.union([positive.transform((size) => [size, size]), z.tuple([positive, positive])], {
  error: 'expected a whole number, or two of them: [height, width]',
});
/** A size along each axis; one number stands for all. */
const SIZES = { 1: single, 2: pair } as const;
const padding = z.enum(['valid', 'same']).default('valid');

export function convolution(rank: SpatialRank): LayerKind<unknown> {
  const sizes = SIZES[rank];
  const ones = new Array<number>(rank).fill(1);
  return layer({
    schema: z.strictObject({
      filters: positive,
      kernel_size: sizes,
      strides: sizes.default(ones as never),
      padding,
      dilation_rate: sizes.default(ones as never),
      activation,
    }),
    plan(config, input) {
      const { filters, kernel_size: kernel } = config;
      const spatial = windowed(rank, convolutionWindow(config), input);
      if (typeof spatial === 'string') return spatial;
      const [area, channels] = [sizeOf(kernel), input[0]!];
      const fans = { fanIn: area * channels, fanOut: area * filters };
      const weights = { kernel: glorotUniform([filters, channels, ...kernel], fans), bias: zeroWeights([filters]) };
      return { output: [filters, ...spatial], weights };
    },
    build(g, x, config, { weights }) {
      const { kernel: _, ...window } = convolutionWindow(config);
      return g.conv(x, weights['kernel']!, { ...window, bias: weights['bias']! });
    },
  });
}

function convolutionWindow(config: {
  kernel_size: number[];
  strides: number[];
  padding: 'valid' | 'same';
  dilation_rate: number[];
}): WindowOptions {
  const { kernel_size: kernel, strides, dilation_rate: dilations } = config;
  return { kernel, strides, dilations, padding: config.padding };
}

export function pooling(rank: SpatialRank, kind: 'maxPool' | 'averagePool'): LayerKind<unknown> {
  const sizes = SIZES[rank];
  const windowOf = ({ pool_size: kernel, strides, padding: mode }: Pooling): WindowOptions => ({
    kernel,
    strides: strides ?? kernel,
    padding: mode,
  });
  return layer<Pooling>({
    schema: z.strictObject({
      pool_size: sizes.default(new Array<number>(rank).fill(2) as never),
      strides: sizes.optional(),
      padding,
    }),
    plan(config, input): LayerPlan | string {
      const spatial = windowed(rank, windowOf(config), input);
      return typeof spatial === 'string' ? spatial : { output: [input[0]!, ...spatial] };
    },
    build: (g, x, config) => g[kind](x, windowOf(config)),
    commutesWithRelu: kind === 'maxPool',
  });
}

interface Pooling {
  readonly pool_size: number[];
  readonly strides?: number[] | undefined;
  readonly padding: 'valid' | 'same';
}

/** One number per channel. */
export function globalPooling(rank: SpatialRank, kind: 'globalMaxPool' | 'globalAveragePool'): LayerKind<unknown> {
  return layer({
    schema: z.strictObject({}),
    plan: (_, input) => requireRank(rank, input) ?? { output: [input[0]!] },
    build: (g, x) => g.flatten(g[kind](x)),
  });
}

/** Windows along each axis, or what is wrong. */
function windowed(rank: SpatialRank, window: WindowOptions, input: RowShape): number[] | string {
  const problem = requireRank(rank, input);
  if (problem !== undefined) return problem;
  const spatial = input.slice(1);
  const { kernel, strides, dilations, begin, end } = windowGeometry(window, spatial);
  const extent = kernel.map((size, i) => (size - 1) * dilations[i]! + 1);
  const room = spatial.map((size, i) => size + begin[i]! + end[i]! - extent[i]!);
  if (room.some((left) => left < 0)) {
    const dilated = dilations.some((rate) => rate > 1) ? ` (dilated to [${extent.join(', ')}])` : '';
    return `the window [${kernel.join(', ')}]${dilated} is larger than its input ${formatRow(input)}: make it smaller, or use "padding": "same"`;
  }
  return room.map((left, i) => Math.floor(left / strides[i]!) + 1);
}
