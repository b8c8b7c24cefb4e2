/** One case of the gradient suite: an op on inputs of given shapes. The tables in `cases/` hold them by kind of op. */
import type { Value } from '../../../shared/onnx/graph.ts';
import type { GraphBuilder } from '../../../shared/onnx/graph-builder.ts';

export interface GradientCase {
  /** Key of the rule under test. */
  readonly op: string;
  readonly title: string;
  /** Shapes of the inputs, which the gradient is taken with respect to. */
  readonly shapes: readonly (readonly number[])[];
  readonly build: (g: GraphBuilder, ...inputs: Value[]) => Value;
  /** Inputs are uniform over this range instead of normal. */
  readonly range?: readonly [number, number];
}

export type Build = GradientCase['build'];

/** Cases of one op: each a title, the shapes, and the graph. */
export function casesOf(
  op: string,
  rows: Readonly<Record<string, readonly [shapes: readonly (readonly number[])[], build: Build]>>,
  range?: readonly [number, number],
): GradientCase[] {
  return Object.entries(rows).map(([title, [shapes, build]]) => ({
    op,
    title,
    shapes,
    build,
    ...(range && { range }),
  }));
}
