/** Tensors that go into and come out of a graph, as its file declares them. */
import type { ValueDef } from '../onnx/model.ts';
import type { DType } from '../tensor/dtype.ts';
import type { Shape } from '../tensor/shape.ts';

export interface TensorSpec {
  readonly name: string;
  readonly dtype: DType;
  /** UNKNOWN or a name is a variable dimension. */
  readonly shape: Shape;
}

/** Only tensors travel: a sequence or a map has no element type here, and gives none. */
export function tensorSpec({ name, dtype, shape = [] }: ValueDef): TensorSpec[] {
  return dtype === undefined ? [] : [{ name, dtype, shape }];
}
