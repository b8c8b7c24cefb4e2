/** Learning a value for every step of a row; steps after the end of a row, and masked ones, count nowhere. */
import { sparseCategoricalCrossentropy, squaredError } from '../../onnx/losses.ts';
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import type { BatchOutputs } from '../../optim/training-step.ts';

interface StepOutputs {
  /** Logits or numbers [batch, time, n]. */
  readonly outputs: Value;
  /** Classes int32 [batch, time], -1 for none; or numbers [batch, time, n], NaN for none. */
  readonly y: Value;
  /** [batch, time], 1 where a step counts. */
  readonly mask: Value | undefined;
}

/** Means over the steps of the batch that count. */
export function stepLoss(g: GraphBuilder, { outputs, y, mask }: StepOutputs): BatchOutputs {
  const isClasses = y.dtype === 'int32';
  const isThere = isClasses ? g.greaterOrEqual(y, g.scalar(0, 'int32')) : g.not(firstIsNaN(g, y));
  const there = g.cast(isThere, 'float32');
  const counted = mask === undefined ? there : g.mul(there, mask);
  const count = g.max(g.reduceSum(counted), 1);
  const mean = (values: Value): Value => g.div(g.reduceSum(g.mul(values, counted)), count);
  if (!isClasses) {
    const errors = squaredError(g, outputs, g.where(g.isNaN(y), 0, y));
    return { loss: mean(g.reduceMean(errors, { axes: [2] })) };
  }
  const labels = g.mul(y, g.cast(isThere, 'int32'));
  const isRight = g.equal(g.cast(g.argMax(outputs, 2), 'int32'), labels);
  return {
    loss: mean(sparseCategoricalCrossentropy(g, outputs, labels)),
    metrics: { accuracy: mean(g.cast(isRight, 'float32')) },
  };
}

/** Of each step. */
function firstIsNaN(g: GraphBuilder, y: Value): Value {
  return g.isNaN(g.squeeze(g.slice(y, { axis: 2, end: 1 }), [2]));
}
