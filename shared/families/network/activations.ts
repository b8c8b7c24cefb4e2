/** Activation functions by Keras's names. */
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';

type Apply = (g: GraphBuilder, x: Value) => Value;

export const ACTIVATIONS = {
  linear: (_, x) => x,
  relu: (g, x) => g.relu(x),
  leaky_relu: (g, x) => g.leakyRelu(x, 0.2),
  elu: (g, x) => g.elu(x),
  gelu: (g, x) => g.gelu(x),
  sigmoid: (g, x) => g.sigmoid(x),
  softmax: (g, x) => g.softmax(x, 1),
  softplus: (g, x) => g.softplus(x),
  softsign: (g, x) => g.softsign(x),
  tanh: (g, x) => g.tanh(x),
} as const satisfies Record<string, Apply>;

export type ActivationName = keyof typeof ACTIVATIONS;

export const ACTIVATION_NAMES = Object.keys(ACTIVATIONS) as [ActivationName, ...ActivationName[]];
