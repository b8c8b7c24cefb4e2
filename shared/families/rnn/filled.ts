/** Tensors of one value, of a shape that may name dimensions known when the graph runs. */
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import { isStatic } from '../../tensor/shape.ts';
import type { Shape } from '../../tensor/shape.ts';
import type { NumericDType } from '../../tensor/tensor.ts';

/** Names stand for sizes of `like`, which also gives the element type. */
export function filled(g: GraphBuilder, shape: Shape, { value, like }: { value: number; like: Value }): Value {
  const element = g.scalar(value, like.dtype as NumericDType);
  if (isStatic(shape)) return g.expand(element, shape);
  const sizes = g.shapeOf(like);
  const dims = shape.map((dim) => {
    if (typeof dim === 'number') return g.ints([dim]);
    const axis = like.shape.indexOf(dim);
    return g.slice(sizes, { axis: 0, start: axis, end: axis + 1 });
  });
  return g.emit('Expand', [element, g.concat(dims, 0)], { dtype: like.dtype, shape });
}
