/** Activations. Elementwise, except for the softmaxes, which normalise over one axis (the last by default). */
import type { Graph, Value } from '../graph.ts';
import { axisOf, unary } from './elementwise.ts';

export const activation = {
  relu: (g: Graph, x: Value) => unary(g, 'Relu', x),
  leakyRelu: (g: Graph, x: Value, alpha = 0.01) => unary(g, 'LeakyRelu', x, { alpha: { float: alpha } }),
  elu: (g: Graph, x: Value, alpha = 1) => unary(g, 'Elu', x, { alpha: { float: alpha } }),
  sigmoid: (g: Graph, x: Value) => unary(g, 'Sigmoid', x),
  tanh: (g: Graph, x: Value) => unary(g, 'Tanh', x),
  softplus: (g: Graph, x: Value) => unary(g, 'Softplus', x),
  softsign: (g: Graph, x: Value) => unary(g, 'Softsign', x),
  hardSigmoid: (g: Graph, x: Value, alpha = 0.2, beta = 0.5) =>
    unary(g, 'HardSigmoid', x, { alpha: { float: alpha }, beta: { float: beta } }),
  /** x times the normal distribution function of x, exactly or by its tanh approximation. */
  gelu: (g: Graph, x: Value, approximate: 'none' | 'tanh' = 'none') => unary(g, 'Gelu', x, { approximate }),
  softmax: (g: Graph, x: Value, axis = -1) => overAxis(g, 'Softmax', x, axis),
  logSoftmax: (g: Graph, x: Value, axis = -1) => overAxis(g, 'LogSoftmax', x, axis),
};

const overAxis = (g: Graph, op: string, x: Value, axis: number): Value =>
  unary(g, op, x, { axis: axisOf(g, op, x, axis) });
