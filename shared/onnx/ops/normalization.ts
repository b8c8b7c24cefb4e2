/** Layer and batch normalisation. */
import { sameShape } from '../../tensor/shape.ts';
import type { Graph, Value } from '../graph.ts';
import { axisOf } from './elementwise.ts';

export interface LayerNormalizationOptions {
  readonly scale: Value;
  readonly bias?: Value;
  /** Normalises over this axis and those after it. */
  readonly axis?: number;
  readonly epsilon?: number;
}

export interface BatchNormalizationOptions {
  readonly scale: Value;
  readonly bias: Value;
  readonly mean: Value;
  readonly variance: Value;
  readonly epsilon?: number;
}

export const normalization = {
  /** [y, mean, 1 / standard deviation]; y = (x - mean) / sqrt(variance + epsilon) * scale + bias. */
  layerNormalization: (g: Graph, x: Value, options: LayerNormalizationOptions) => layerNormalization(g, x, options),
  /** The form of inference, with given statistics per channel (axis 1). */
  batchNormalization: (g: Graph, x: Value, options: BatchNormalizationOptions) => batchNormalization(g, x, options),
};

function layerNormalization(g: Graph, x: Value, options: LayerNormalizationOptions): [Value, Value, Value] {
  const { scale, bias, axis = -1, epsilon = 1e-3 } = options;
  const at = axisOf(g, 'LayerNormalization', x, axis);
  const inputs = bias ? [x, scale, bias] : [x, scale];
  if (inputs.slice(1).some((value) => !sameShape(value.shape, x.shape.slice(at)))) {
    throw g.mismatch('LayerNormalization', `scale and bias [${x.shape.slice(at).join(', ')}]`, inputs);
  }
  const statistics = { dtype: x.dtype, shape: x.shape.map((dim, i) => (i < at ? dim : 1)) };
  return g.node('LayerNormalization', inputs, { axis: at, epsilon: { float: epsilon } }, [
    x,
    statistics,
    statistics,
  ]) as [Value, Value, Value];
}

function batchNormalization(
  g: Graph,
  x: Value,
  { scale, bias, mean, variance, epsilon = 1e-3 }: BatchNormalizationOptions,
): Value {
  const inputs = [x, scale, bias, mean, variance];
  if (inputs.slice(1).some((value) => !sameShape(value.shape, x.shape.slice(1, 2)))) {
    throw g.mismatch('BatchNormalization', `scale, bias, mean and variance [${x.shape[1] ?? ''}]`, inputs);
  }
  return g.emit('BatchNormalization', inputs, x, { epsilon: { float: epsilon } });
}
