/**
 * Batch and layer normalisation over channels, with Keras's names and defaults (https://keras.io/api/layers/normalization_layers/):
 * y = gamma (x - mean) / sqrt(variance + epsilon) + beta. Batch: mean and variance of a channel over the batch and all places, in
 * inference their running means (S. Ioffe and C. Szegedy, 2015). Layer: of one place over its channels (J. L. Ba et al., 2016).
 */
import * as z from 'zod';
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import { layer, oneWeights, zeroWeights } from '../network/layer.ts';

const epsilon = z.number().positive().max(1).default(1e-3);

export const batchNormalization = layer({
  schema: z.strictObject({ momentum: z.number().min(0).max(1).default(0.99), epsilon }),
  plan(_, input) {
    const channels = [input[0]!];
    return {
      output: input,
      weights: { gamma: oneWeights(channels), beta: zeroWeights(channels) },
      buffers: { moving_mean: zeroWeights(channels), moving_variance: oneWeights(channels) },
    };
  },
  build(g, x, config, { weights, keep }) {
    const { gamma: scale, beta: bias, moving_mean: mean, moving_variance: variance } = weights as Record<Name, Value>;
    if (keep === undefined) return g.batchNormalization(x, { scale, bias, mean, variance, epsilon: config.epsilon });
    const moments = momentsOf(
      g,
      x,
      [...x.shape.keys()].filter((axis) => axis !== 1),
    );
    for (const [name, old, now] of [
      ['moving_mean', mean, moments.mean],
      ['moving_variance', variance, moments.variance],
    ] as const) {
      const share = g.mul(g.sub(g.reshape(now, old.shape), old), 1 - config.momentum);
      keep(name, g.add(old, share));
    }
    return affine(g, normalized(g, moments, config.epsilon), { scale, bias });
  },
});

type Name = 'gamma' | 'beta' | 'moving_mean' | 'moving_variance';

export const layerNormalization = layer({
  schema: z.strictObject({ epsilon }),
  plan(_, input) {
    const channels = [input[0]!];
    return { output: input, weights: { gamma: oneWeights(channels), beta: zeroWeights(channels) } };
  },
  build(g, x, config, { weights: { gamma, beta } }) {
    return affine(g, normalized(g, momentsOf(g, x, [1]), config.epsilon), { scale: gamma!, bias: beta! });
  },
});

interface Moments {
  readonly centred: Value;
  readonly mean: Value;
  readonly variance: Value;
}

function momentsOf(g: GraphBuilder, x: Value, axes: number[]): Moments {
  const mean = g.reduceMean(x, { axes, keepdims: true });
  const centred = g.sub(x, mean);
  return { centred, mean, variance: g.reduceMean(g.mul(centred, centred), { axes, keepdims: true }) };
}

function normalized(g: GraphBuilder, { centred, variance }: Moments, small: number): Value {
  return g.div(centred, g.sqrt(g.add(variance, small)));
}

/** By channel, which is axis 1. */
function affine(g: GraphBuilder, x: Value, { scale, bias }: { scale: Value; bias: Value }): Value {
  const shape = x.shape.slice(1).map((_, i) => (i === 0 ? (scale.shape[0] as number) : 1));
  return g.add(g.mul(x, g.reshape(scale, shape)), g.reshape(bias, shape));
}
