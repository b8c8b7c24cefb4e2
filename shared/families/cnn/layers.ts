/**
 * The layers of `cnn`, one row each: parameters with Keras's names and defaults, the shape they give, and their nodes. Activations are
 * applied by ../network/network.ts. Source: https://keras.io/api/layers/.
 */
import * as z from 'zod';
import { layer } from '../network/layer.ts';
import type { LayerTable } from '../network/layer.ts';
import { activation, activationLayer, dense as denseLayer, dropout, flatten } from '../network/layers.ts';
import { batchNormalization, layerNormalization } from './normalization.ts';
import { formatRow } from './shapes.ts';
import { convolution, globalPooling, pooling } from './windows.ts';

/** The residual connection: what the layer before gives plus what an earlier layer gave, Keras's `add([x, y])`. */
const add = layer({
  schema: z.strictObject({ layer: z.string().min(1), activation }),
  plan({ layer: name }, input, shapeOf) {
    const other = shapeOf?.(name);
    if (other === undefined)
      return `there is no layer "${name}" before it: expected "input" or a name such as conv2d_1, counted from 1 for each kind`;
    if (other.length === input.length && other.every((size, i) => size === input[i])) return { output: input };
    return `expected two inputs of one shape, got ${formatRow(input)} and ${formatRow(other)} of ${name}: use "padding": "same" and as many filters between them`;
  },
  recalls: ({ layer: name }) => name,
  build: (g, x, { layer: name }, { outputOf }) => g.add(x, outputOf(name)),
});

export const CNN_LAYERS: LayerTable = {
  kinds: {
    conv1d: convolution(1),
    conv2d: convolution(2),
    max_pooling1d: pooling(1, 'maxPool'),
    max_pooling2d: pooling(2, 'maxPool'),
    average_pooling1d: pooling(1, 'averagePool'),
    average_pooling2d: pooling(2, 'averagePool'),
    global_max_pooling1d: globalPooling(1, 'globalMaxPool'),
    global_max_pooling2d: globalPooling(2, 'globalMaxPool'),
    global_average_pooling1d: globalPooling(1, 'globalAveragePool'),
    global_average_pooling2d: globalPooling(2, 'globalAveragePool'),
    batch_normalization: batchNormalization,
    layer_normalization: layerNormalization,
    add,
    flatten,
    dense: denseLayer(formatRow, '"flatten" or "global_average_pooling2d"'),
    dropout,
    activation: activationLayer,
  },
  coming: [],
  formatRow,
};
