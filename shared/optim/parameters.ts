/**
 * Parameters as one flat float32 vector: optimizers and checkpoints see the vector, layers see views of it. In a graph the views are one Split and
 * a Reshape each, whose gradients bring the gradient of the whole vector back in one piece.
 */
import type { Value } from '../onnx/graph.ts';
import type { GraphBuilder } from '../onnx/graph-builder.ts';
import { sizeOf } from '../tensor/shape.ts';
import { tensor, zeros } from '../tensor/tensor.ts';
import type { HostTensor } from '../tensor/tensor.ts';

/** Name -> shape, in the order of the vector. */
export type ParameterLayout = Readonly<Record<string, readonly number[]>>;

/** Elements of the vector. */
export const parameterCount = (layout: ParameterLayout): number =>
  Object.values(layout).reduce((sum, shape) => sum + sizeOf(shape), 0);

/** Each parameter as a value of the graph that holds the vector. */
export function viewsOf(g: GraphBuilder, flat: Value, layout: ParameterLayout): Record<string, Value> {
  const entries = Object.entries(layout);
  if (entries.length === 0) return {};
  const parts = g.split(
    flat,
    entries.map(([, shape]) => sizeOf(shape)),
  );
  return Object.fromEntries(entries.map(([name, shape], i) => [name, g.reshape(parts[i]!, shape)]));
}

/** The vector of given parameters. @throws {TypeError} naming one that is missing or of another size. */
export function flatten(
  layout: ParameterLayout,
  values: Readonly<Record<string, Float32Array>>,
): HostTensor<'float32'> {
  const flat = zeros('float32', [parameterCount(layout)]);
  let offset = 0;
  for (const [name, shape] of Object.entries(layout)) {
    const value = values[name];
    if (value?.length !== sizeOf(shape)) {
      throw new TypeError(`parameter '${name}': expected ${sizeOf(shape)} elements, got ${value?.length ?? 'none'}`);
    }
    flat.data.set(value, offset);
    offset += value.length;
  }
  return flat;
}

/** The parameters of a vector, sharing its memory. */
export function unflatten(layout: ParameterLayout, flat: HostTensor<'float32'>): Record<string, HostTensor<'float32'>> {
  let offset = 0;
  return Object.fromEntries(
    Object.entries(layout).map(([name, shape]) => {
      const part = flat.data.subarray(offset, (offset += sizeOf(shape)));
      return [name, tensor('float32', shape, part)];
    }),
  );
}
