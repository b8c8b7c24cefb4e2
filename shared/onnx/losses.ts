/** Losses as composites of ops, one value per row; a family takes their mean, weighted or not. */
import { ShapeError } from '../errors.ts';
import { isFloat } from '../tensor/dtype.ts';
import { sameShape } from '../tensor/shape.ts';
import type { NumericDType } from '../tensor/tensor.ts';
import { describe } from './graph.ts';
import type { Value } from './graph.ts';
import type { GraphBuilder } from './graph-builder.ts';

/** -ln softmax(logits)_label: logits [..., classes], labels [...] (int32 or int64) -> [...]. */
export function sparseCategoricalCrossentropy(g: GraphBuilder, logits: Value, labels: Value): Value {
  requireLoss(
    'sparse_categorical_crossentropy',
    sameShape(logits.shape.slice(0, -1), labels.shape) && !isFloat(labels.dtype),
    [logits, labels],
  );
  const classes = logits.shape.at(-1) as number;
  const chosen = g.oneHot(labels, classes, logits.dtype as NumericDType);
  return g.neg(g.reduceSum(g.mul(g.logSoftmax(logits), chosen), { axes: [-1] }));
}

/**
 * -y ln p - (1 - y) ln(1 - p) with p = sigmoid(logits), in the form that no logit overflows: max(x, 0) - x y + ln(1 + e^-|x|). Max, unlike Relu, has the slope
 * 1/2 at 0, where a model of zero weights begins.
 */
export function binaryCrossentropy(g: GraphBuilder, logits: Value, targets: Value): Value {
  requireLoss('binary_crossentropy', sameShape(logits.shape, targets.shape), [logits, targets]);
  const rest = g.log(g.add(g.exp(g.neg(g.abs(logits))), 1));
  return g.add(g.sub(g.max(logits, 0), g.mul(logits, targets)), rest);
}

/** (prediction - target)^2, of the operands' shape. */
export function squaredError(g: GraphBuilder, predictions: Value, targets: Value): Value {
  requireLoss('squared_error', sameShape(predictions.shape, targets.shape), [predictions, targets]);
  const difference = g.sub(predictions, targets);
  return g.mul(difference, difference);
}

function requireLoss(name: string, fits: boolean, values: readonly Value[]): void {
  if (!fits) throw new ShapeError(`${name}: predictions and targets do not fit: ${values.map(describe).join(', ')}`);
}
