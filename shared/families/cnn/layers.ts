/**
 * The layers of `cnn`, one row each: parameters with Keras's names and defaults, the shape they give, and their nodes. Shapes are one row's,
 * channels first ([C, H, W] or [units]); messages show them as Keras does, channels last. Activations are applied by ../network/network.ts.
 * Source: https://keras.io/api/layers/.
 */
import * as z from 'zod';
import { windowGeometry } from '../../onnx/window.ts';
import { sizeOf } from '../../tensor/shape.ts';
import { glorotUniform, layer, zeroWeights } from '../network/layer.ts';
import type { LayerPlan, LayerTable, RowShape } from '../network/layer.ts';
import { activation, activationLayer, dense as denseLayer, dropout, flatten, positive } from '../network/layers.ts';

const pair = z.union([positive.transform((size): [number, number] => [size, size]), z.tuple([positive, positive])], {
  error: 'expected a whole number, or two of them: [height, width]',
});
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
    const kernel = glorotUniform([config.filters, channels, ...config.kernel_size], {
      fanIn: area * channels,
      fanOut: area * config.filters,
    });
    return { output: [config.filters, ...spatial], weights: { kernel, bias: zeroWeights([config.filters]) } };
  },
  build: (g, x, { strides, padding: mode }, { weights }) =>
    g.conv(x, weights['kernel']!, { strides, padding: mode, bias: weights['bias']! }),
});

const dense = denseLayer(formatRow, '"flatten" or "global_average_pooling2d"');

const maxPooling2d = layer({
  schema: pooling,
  plan: planPooling,
  build: (g, x, config) => g.maxPool(x, poolWindow(config)),
  commutesWithRelu: true,
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

export const CNN_LAYERS: LayerTable = {
  kinds: {
    conv2d,
    max_pooling2d: maxPooling2d,
    average_pooling2d: averagePooling2d,
    global_average_pooling2d: globalAveragePooling2d,
    flatten,
    dense,
    dropout,
    activation: activationLayer,
  },
  coming: ['conv1d', 'batch_normalization', 'layer_normalization'],
  formatRow,
};

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
