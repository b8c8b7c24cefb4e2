/** Pooling over the spatial axes of [batch, channels, ...spatial], and nearest-neighbour enlargement, its counterpart in gradients. */
import type { Graph, Value } from '../graph.ts';
import { windowAttributes, windowGeometry, windowedDims } from '../window.ts';
import type { WindowOptions } from '../window.ts';

export const pooling = {
  /** Strides default to the kernel, as in Keras. */
  maxPool: (g: Graph, x: Value, options: WindowOptions) => pool(g, 'MaxPool', x, options),
  /** Mean over the window; padding counts as zeros only with `countIncludePad`. */
  averagePool: (
    g: Graph,
    x: Value,
    { countIncludePad = false, ...options }: WindowOptions & { countIncludePad?: boolean },
  ) => pool(g, 'AveragePool', x, { ...options, extra: { count_include_pad: Number(countIncludePad) } }),
  /** Mean over all spatial axes, kept with size 1. */
  globalAveragePool: (g: Graph, x: Value) => globalPool(g, 'GlobalAveragePool', x),
  globalMaxPool: (g: Graph, x: Value) => globalPool(g, 'GlobalMaxPool', x),
  /** Each element repeated `scales[i]` times along spatial axis i. */
  resizeNearest: (g: Graph, x: Value, scales: readonly number[]) => resizeNearest(g, x, scales),
};

function pool(
  g: Graph,
  op: string,
  x: Value,
  { extra, ...options }: WindowOptions & { extra?: Record<string, number> },
): Value {
  const geometry = windowGeometry({ strides: options.kernel, ...options }, x.shape.slice(2));
  const shape = [...x.shape.slice(0, 2), ...windowedDims(g, op, { x, geometry })];
  return g.emit(
    op,
    [x],
    { dtype: x.dtype, shape },
    { kernel_shape: geometry.kernel, ...windowAttributes(geometry), ...extra },
  );
}

const globalPool = (g: Graph, op: string, x: Value): Value =>
  g.emit(op, [x], { dtype: x.dtype, shape: x.shape.map((dim, i) => (i < 2 ? dim : 1)) });

function resizeNearest(g: Graph, x: Value, scales: readonly number[]): Value {
  const all = [1, 1, ...scales];
  const shape = x.shape.map((dim, i) =>
    typeof dim === 'number' ? dim * all[i]! : all[i] === 1 ? dim : `${dim}*${all[i]}`,
  );
  const sizes = g.constant({ dtype: 'float32', shape: [all.length], data: Float32Array.from(all) });
  const attributes = { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' };
  return g.emit('Resize', [x, undefined, sizes], { dtype: x.dtype, shape }, attributes);
}
