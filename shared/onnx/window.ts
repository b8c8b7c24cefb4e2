/**
 * The geometry of sliding windows, shared by convolution and pooling: strides, dilations and explicit padding per spatial axis.
 * Source: ONNX operators Conv and MaxPool, "pads", and Keras's `padding: same | valid`.
 */
import type { Dim, Shape } from '../tensor/shape.ts';
import type { Graph, Value } from './graph.ts';

export interface WindowOptions {
  readonly kernel: readonly number[];
  readonly strides?: readonly number[];
  readonly dilations?: readonly number[];
  /** `same` keeps ceil(size / stride) elements per axis and needs static sizes; begin and end per axis say it exactly. */
  readonly padding?: 'valid' | 'same' | { readonly begin: readonly number[]; readonly end: readonly number[] };
}

export interface WindowGeometry {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly begin: readonly number[];
  readonly end: readonly number[];
}

/** Defaults filled in, and padding worked out for the spatial sizes. */
export function windowGeometry(options: WindowOptions, spatial: Shape): WindowGeometry {
  const { kernel, padding = 'valid' } = options;
  const strides = options.strides ?? kernel.map(() => 1);
  const dilations = options.dilations ?? kernel.map(() => 1);
  const none = kernel.map(() => 0);
  if (typeof padding === 'object') return { kernel, strides, dilations, ...padding };
  if (padding === 'valid') return { kernel, strides, dilations, begin: none, end: none };
  const total = kernel.map((size, i) => {
    const dim = spatial[i];
    if (typeof dim !== 'number')
      throw new TypeError(`padding 'same': expected a static size of spatial axis ${i}, got ${dim ?? 'none'}`);
    return Math.max(0, (Math.ceil(dim / strides[i]!) - 1) * strides[i]! + (size - 1) * dilations[i]! + 1 - dim);
  });
  return {
    kernel,
    strides,
    dilations,
    begin: total.map((size) => Math.floor(size / 2)),
    end: total.map((size) => Math.ceil(size / 2)),
  };
}

/** ONNX's attributes of a geometry. */
export const windowAttributes = ({ strides, dilations, begin, end }: WindowGeometry) => ({
  strides,
  dilations,
  pads: [...begin, ...end],
});

/** How many windows fit along each axis. @throws {ShapeError} when a window is larger than the padded input or the ranks differ. */
export function windowedDims(g: Graph, op: string, { x, geometry }: { x: Value; geometry: WindowGeometry }): Dim[] {
  const { kernel, strides, dilations, begin, end } = geometry;
  const spatial = x.shape.slice(2);
  if ([kernel, strides, dilations, begin, end].some((list) => list.length !== spatial.length)) {
    throw g.mismatch(op, `kernel, strides, dilations and padding for ${spatial.length} spatial axes`, [x]);
  }
  return spatial.map((dim, i) => {
    if (typeof dim !== 'number') return `${dim}/windows`;
    const extent = (kernel[i]! - 1) * dilations[i]! + 1;
    const room = dim + begin[i]! + end[i]! - extent;
    if (room < 0)
      throw g.mismatch(
        op,
        `at least ${extent} elements along spatial axis ${i} for the kernel [${kernel.join(', ')}]`,
        [x],
      );
    return Math.floor(room / strides[i]!) + 1;
  });
}

/** The geometry that a Conv, ConvTranspose or pooling node was built with. */
export function geometryOf(attributes: Readonly<Record<string, unknown>>, kernel: readonly number[]): WindowGeometry {
  const pads = attributes['pads'] as readonly number[];
  return {
    kernel,
    strides: attributes['strides'] as readonly number[],
    dilations: (attributes['dilations'] as readonly number[] | undefined) ?? kernel.map(() => 1),
    begin: pads.slice(0, kernel.length),
    end: pads.slice(kernel.length),
  };
}

/** Do the windows lie side by side, each input element in at most one? */
export const isTiling = ({ kernel, strides, dilations, begin, end }: WindowGeometry): boolean =>
  kernel.every(
    (size, i) => strides[i] === size && (dilations[i] === 1 || size === 1) && begin[i] === 0 && end[i] === 0,
  );
