/** Masks: ones and zeros that say which elements a cotangent passes through. Products with a cast comparison are the fastest form of a choice. */
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import type { Cotangent } from '../vjp.ts';

/** The condition as ones and zeros of the cotangent's element type. */
export const maskOf = (g: GraphBuilder, condition: Value, { dtype }: Value): Value => g.cast(condition, dtype);

/** Cotangents of operands of which y picks one per element: equal parts for those equal to y. */
export function extremeOf(
  g: GraphBuilder,
  { inputs, y, dy }: { inputs: readonly Value[]; y: Value; dy: Value },
): Cotangent[] {
  const maskAt = (x: Value): Value => maskOf(g, g.equal(x, y), dy);
  const share = (): Value => g.div(dy, g.sum(...inputs.map(maskAt)));
  return inputs.map((x) => () => g.mul(share(), maskAt(x)));
}
