/** Scans of any body, differentiated step by step: what is carried, what is stacked, both directions, and what is carried along unchanged. */
import { differentiableScan } from '../../../../shared/autodiff/differentiable-scan.ts';
import type { Value } from '../../../../shared/onnx/graph.ts';
import type { GraphBuilder } from '../../../../shared/onnx/graph-builder.ts';
import { casesOf } from '../gradient-case.ts';
import type { Build } from '../gradient-case.ts';

/** h = tanh(a h + x), stacked with x h; `a` is handed on from step to step. */
function steps(g: GraphBuilder, [a, h, x]: readonly [Value, Value, Value], isReverse: boolean): readonly Value[] {
  return differentiableScan(g, {
    carried: [a, h],
    sequences: [x],
    isReverse,
    body(inner, [slope, state], [slice]) {
      const next = inner.tanh(inner.add(inner.mul(slope!, state!), slice!));
      return { carried: [slope!, next], stacked: [inner.mul(slice!, next)] };
    },
  });
}

const SHAPES = [
  [2, 3],
  [2, 3],
  [4, 2, 3],
];
const way =
  (isReverse: boolean, pick: (g: GraphBuilder, results: readonly Value[]) => Value): Build =>
  (g, a, h, x) =>
    pick(g, steps(g, [a, h, x], isReverse));

export const scanCases = casesOf('Scan', {
  'the last state': [SHAPES, way(false, (_, [, last]) => last!)],
  'the last state, backward': [SHAPES, way(true, (_, [, last]) => last!)],
  'what is stacked': [SHAPES, way(false, (_, [, , stacked]) => stacked!)],
  'both, backward': [SHAPES, way(true, (g, [, last, stacked]) => g.add(stacked!, last!))],
  'what is handed on unchanged': [SHAPES, way(false, (g, [a, last]) => g.mul(a!, last!))],
});
