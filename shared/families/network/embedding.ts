/**
 * The embedding of token ids, with Keras's names and initialisation (https://keras.io/api/layers/core_layers/embedding/): row i of the table for
 * the id i. Where a text feature gives the ids, `input_dim` is the size of its vocabulary, and id 0 its padding.
 */
import * as z from 'zod';
import { ServiceError } from '../../errors.ts';
import { sizeOf } from '../../tensor/shape.ts';
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import { layer, smallUniform } from './layer.ts';
import type { LayerSpec } from './layer.ts';
import { positive } from './layers.ts';

interface EmbeddingConfig {
  readonly input_dim?: number | undefined;
  readonly output_dim: number;
  readonly mask_zero: boolean;
}

/** Rows are ids [time] or [time, 1]; within the graph a row's axes may come in any order, the 1 last. */
export const embedding = layer<EmbeddingConfig>({
  schema: z.strictObject({
    input_dim: positive.optional(),
    output_dim: positive,
    mask_zero: z.boolean().default(true),
  }),
  plan({ input_dim: ids, output_dim: width }, input) {
    const [time, ...rest] = input;
    if (time === undefined || sizeOf(rest) !== 1) {
      return `expected rows of ids [batch, time], got [${['batch', ...input].join(', ')}]: an embedding is the first layer`;
    }
    if (ids === undefined) return 'expected "input_dim", how many ids there are: only a text feature brings its own';
    return { output: [time, width], weights: { embeddings: smallUniform([ids, width]) } };
  },
  mask: (g, x, { mask_zero: isMasked }) => (isMasked ? idMask(g, x) : undefined),
  build(g, x, { input_dim: ids, output_dim: width }, { weights }) {
    // Ids of a tensor may lie outside of the table, where Gather would fail.
    const inside = g.clip(x, 0, ids! - 1);
    const rows = g.gather(weights['embeddings']!, g.cast(inside, 'int32'));
    return rows.shape.length > 3 ? g.reshape(rows, [...x.shape.slice(0, -1), width]) : rows;
  },
});

/** 1 where there is an id, 0 at padding; of x's shape. */
function idMask(g: GraphBuilder, x: Value): Value {
  return g.cast(g.greater(x, 0), 'float32');
}

/**
 * Layers whose embeddings know the size of the vocabulary, which a tensor feature has not.
 * @throws invalid_request when a layer asks for less than the text's ids
 */
export function withVocabulary(layers: readonly LayerSpec[], vocabulary: number | undefined): readonly LayerSpec[] {
  if (vocabulary === undefined) return layers;
  return layers.map((spec, index) => {
    if (spec.kind !== 'embedding') return spec;
    const { input_dim: size = vocabulary } = spec.config as { input_dim?: number };
    if (size >= vocabulary) return { ...spec, config: { ...spec.config, input_dim: size } };
    const message = `embedding: expected an "input_dim" of at least ${vocabulary}, the vocabulary of the text with padding and unknown, got ${size}: leave it out, or lower "preprocessing.text.max_tokens"`;
    throw new ServiceError('invalid_request', message, { param: `/params/layers/${index}` });
  });
}
