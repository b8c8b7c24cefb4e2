/**
 * The layers of `attention`. Rows are sequences [time, features], vectors [units], or token ids [time] that an embedding takes; masks are [batch, time].
 * Source of names and defaults: https://keras.io/api/layers/.
 */
import * as z from 'zod';
import { sizeOf } from '../../tensor/shape.ts';
import { embedding } from '../network/embedding.ts';
import { layer } from '../network/layer.ts';
import type { LayerKind, LayerTable, RowShape } from '../network/layer.ts';
import { activationLayer, denseSchema, denseWeights, dropout } from '../network/layers.ts';
import { block, layerNormalization, multiHeadAttention } from './blocks.ts';
import { project } from './heads.ts';
import { positionalEncoding } from './positions.ts';
import { formatRow, requireSequences } from './shapes.ts';

/** The mean over the steps that count; zeros where none does. */
const globalAveragePooling1d = layer({
  schema: z.strictObject({}),
  isCausal: () => false,
  plan: (_, input) => requireSequences(input) ?? { output: [input[1]!] },
  build(g, x, _, { mask }) {
    if (mask === undefined) return g.reduceMean(x, { axes: [1] });
    const steps = g.reshape(mask, [...mask.shape, 1]);
    const count = g.max(g.reduceSum(steps, { axes: [1] }), 1);
    return g.div(g.reduceSum(g.mul(x, steps), { axes: [1] }), count);
  },
});

const flatten = layer({
  schema: z.strictObject({}),
  isCausal: () => false,
  plan: (_, input) => ({ output: [sizeOf(input)] }),
  build: (g, x) => (x.shape.length === 2 ? x : g.flatten(x)),
});

/** Over the last axis; on sequences the same at every step. */
const dense = layer({
  schema: denseSchema,
  plan({ units, activation }, input) {
    if (activation === 'softmax' && input.length !== 1) return softmaxOnSequences(input);
    return { output: input.with(-1, units), weights: denseWeights(input.at(-1)!, units) };
  },
  build: (g, x, _, { weights }) => project(g, x, { kernel: weights['kernel']!, bias: weights['bias']! }),
});

const activation: LayerKind<unknown> = {
  ...activationLayer,
  plan(config, input) {
    const isSoftmax = (config as { activation: string }).activation === 'softmax';
    return isSoftmax && input.length !== 1 ? softmaxOnSequences(input) : activationLayer.plan(config, input);
  },
};

function softmaxOnSequences(input: RowShape): string {
  return `the activation softmax is for rows [batch, units], got ${formatRow(input)}: put "global_average_pooling1d" or "flatten" before it`;
}

export const ATTENTION_LAYERS: LayerTable = {
  kinds: {
    embedding,
    positional_encoding: positionalEncoding,
    multi_head_attention: multiHeadAttention,
    transformer_encoder: block(false),
    transformer_decoder: block(true),
    layer_normalization: layerNormalization,
    global_average_pooling1d: globalAveragePooling1d,
    flatten,
    dense,
    dropout,
    activation,
  },
  coming: [],
  formatRow,
};
