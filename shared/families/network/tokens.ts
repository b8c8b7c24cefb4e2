/**
 * Learning to predict the next token: a row of n + 1 ids is n ids of context and, one step on, n ids to predict; id 0 is padding, which counts nowhere.
 */
import { sparseCategoricalCrossentropy } from '../../onnx/losses.ts';
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';

/** Ids [batch, n + 1] -> the context [batch, n]. */
export function contextOf(g: GraphBuilder, ids: Value): Value {
  return g.slice(ids, { axis: 1, start: 0, end: (ids.shape[1] as number) - 1 });
}

export interface TokenFigures {
  /** -ln p of the token that follows, 0 at padding; [batch, n] each. */
  readonly losses: Value;
  /** 1 where the most probable token follows. */
  readonly right: Value;
  /** 1 where there is a token to predict. */
  readonly counted: Value;
}

/** Of logits [batch, n, vocabulary] for the context of the ids [batch, n + 1]. */
export function tokenFigures(g: GraphBuilder, logits: Value, ids: Value): TokenFigures {
  const next = g.cast(g.slice(ids, { axis: 1, start: 1 }), 'int32');
  const counted = g.cast(g.greater(next, g.scalar(0, 'int32')), 'float32');
  const isRight = g.equal(g.cast(g.argMax(logits, 2), 'int32'), next);
  return {
    losses: g.mul(sparseCategoricalCrossentropy(g, logits, next), counted),
    right: g.mul(g.cast(isRight, 'float32'), counted),
    counted,
  };
}
