/** Moving, cutting, joining and looking up elements, without arithmetic. */
import { UNKNOWN, broadcastShapes, dimsFit, isStatic, sizeOf } from '../../tensor/shape.ts';
import type { Dim, Shape } from '../../tensor/shape.ts';
import { fromNumbers } from '../../tensor/tensor.ts';
import type { NumericDType } from '../../tensor/tensor.ts';
import type { Graph, Value } from '../graph.ts';
import { comparison } from './comparison.ts';
import { axisOf, unary } from './elementwise.ts';

export interface SliceRange {
  readonly axis: number;
  readonly start?: number;
  /** Exclusive; to the end when left out. */
  readonly end?: number;
  readonly step?: number;
}

export const shape = {
  identity: (g: Graph, x: Value) => unary(g, 'Identity', x),
  /** A new shape; one dimension may be -1 or a name, and is then worked out when the graph runs. */
  reshape: (g: Graph, x: Value, target: Shape) => reshape(g, x, target),
  /** [d0 ... d(axis-1) multiplied, the rest multiplied]. */
  flatten: (g: Graph, x: Value, axis = 1) => flatten(g, x, axis),
  squeeze: (g: Graph, x: Value, axes: readonly number[]) => squeeze(g, x, axes),
  /** Inserts axes of size 1; axes count in the result. */
  unsqueeze: (g: Graph, x: Value, axes: readonly number[]) => unsqueeze(g, x, axes),
  /** Axis i of the result is axis perm[i] of x; reversed when left out. */
  transpose: (g: Graph, x: Value, perm: readonly number[] = [...x.shape.keys()].reverse()) => transpose(g, x, perm),
  concat: (g: Graph, inputs: readonly Value[], axis: number) => concat(g, inputs, axis),
  /** Parts of the given sizes along an axis. */
  split: (g: Graph, x: Value, sizes: readonly number[], axis = 0) => split(g, x, sizes, axis),
  slice: (g: Graph, x: Value, ...ranges: SliceRange[]) => slice(g, x, ranges),
  /** Zeros (or `value`) around x: `begin[i]` before and `end[i]` after axis i. */
  pad: (
    g: Graph,
    x: Value,
    { begin, end, value = 0 }: { begin: readonly number[]; end: readonly number[]; value?: number },
  ) => pad(g, x, [begin, end], value),
  /** Broadcast to a static shape. */
  expand: (g: Graph, x: Value, target: readonly number[]) => expand(g, x, target),
  tile: (g: Graph, x: Value, repeats: readonly number[]) =>
    g.emit('Tile', [x, g.ints(repeats)], {
      dtype: x.dtype,
      shape: x.shape.map((dim, i) => (typeof dim === 'number' ? dim * repeats[i]! : repeats[i] === 1 ? dim : UNKNOWN)),
    }),
  /** Slices of x at `indices` (int32 or int64) along an axis. */
  gather: (g: Graph, x: Value, indices: Value, axis = 0) => {
    const at = axisOf(g, 'Gather', x, axis);
    const shape = [...x.shape.slice(0, at), ...indices.shape, ...x.shape.slice(at + 1)];
    return g.emit('Gather', [x, indices], { dtype: x.dtype, shape }, { axis: at });
  },
  /** x at `indices` along an axis, one element for each index; otherwise of one shape. */
  gatherElements: (g: Graph, x: Value, indices: Value, axis: number) =>
    g.emit(
      'GatherElements',
      [x, indices],
      { dtype: x.dtype, shape: indices.shape },
      { axis: axisOf(g, 'GatherElements', x, axis) },
    ),
  /** x with `updates` written or added at `indices` along an axis. */
  scatterElements: (
    g: Graph,
    x: Value,
    { indices, updates, axis, add = false }: { indices: Value; updates: Value; axis: number; add?: boolean },
  ) =>
    g.emit('ScatterElements', [x, indices, updates], x, {
      axis: axisOf(g, 'ScatterElements', x, axis),
      reduction: add ? 'add' : 'none',
    }),
  /** Ones at the indices along a new last axis, else zeros. */
  oneHot: (g: Graph, indices: Value, depth: number, dtype: NumericDType = 'float32') =>
    oneHot(g, indices, depth, dtype),
  /** Keeps the lower (or upper) triangle of the last two axes from diagonal k on, and zeros the rest. */
  trilu: (g: Graph, x: Value, { upper = false, k = 0 } = {}) =>
    g.emit('Trilu', [x, g.scalar(k, 'int64')], x, { upper: Number(upper) }),
  /** The shape of x as int64. */
  shapeOf: (g: Graph, x: Value) => g.emit('Shape', [x], { dtype: 'int64', shape: [x.shape.length] }),
};

function reshape(g: Graph, x: Value, target: Shape): Value {
  const open = target.findIndex((dim) => typeof dim === 'string' || dim === -1);
  const known = target.filter((_, i) => i !== open);
  if (!isStatic(known))
    throw g.mismatch('Reshape', 'at most one dimension that is -1 or a name', `[${target.join(', ')}]`);
  let shape = target;
  if (isStatic(x.shape)) {
    const rest = sizeOf(x.shape) / sizeOf(known);
    const fits = open < 0 ? rest === 1 || sizeOf(x.shape) === sizeOf(known) : Number.isInteger(rest);
    if (!fits)
      throw g.mismatch('Reshape', `${sizeOf(x.shape)} elements`, `[${target.join(', ')}] for [${x.shape.join(', ')}]`);
    if (open >= 0) shape = target.with(open, rest);
  } else if (target[open] === -1) shape = target.with(open, openDim(x.shape, known));
  return g.emit('Reshape', [x, g.ints(target.map((dim) => (typeof dim === 'string' ? -1 : dim)))], {
    dtype: x.dtype,
    shape,
  });
}

/** The -1 of a reshape that keeps everything but one named dimension is that name. */
function openDim(from: Shape, known: readonly number[]): Dim {
  const names = from.filter((dim) => typeof dim === 'string');
  const rest = from.filter((dim) => typeof dim === 'number');
  return names.length === 1 && sizeOf(rest) === sizeOf(known) ? names[0]! : UNKNOWN;
}

function flatten(g: Graph, x: Value, axis: number): Value {
  const product = (dims: Shape): Dim => {
    const names = dims.filter((dim) => typeof dim === 'string');
    const rest = sizeOf(dims.filter((dim) => typeof dim === 'number'));
    return names.length === 0 ? rest : names.length === 1 && rest === 1 ? names[0]! : UNKNOWN;
  };
  const at = axis === x.shape.length ? axis : axisOf(g, 'Flatten', x, axis);
  return g.emit(
    'Flatten',
    [x],
    { dtype: x.dtype, shape: [product(x.shape.slice(0, at)), product(x.shape.slice(at))] },
    { axis: at },
  );
}

function squeeze(g: Graph, x: Value, axes: readonly number[]): Value {
  const removed = axes.map((axis) => axisOf(g, 'Squeeze', x, axis));
  if (removed.some((axis) => !dimsFit(x.shape[axis]!, 1)))
    throw g.mismatch('Squeeze', `size 1 at axes ${removed.join(', ')}`, [x]);
  return g.emit('Squeeze', [x, g.ints(removed)], {
    dtype: x.dtype,
    shape: x.shape.filter((_, i) => !removed.includes(i)),
  });
}

function unsqueeze(g: Graph, x: Value, axes: readonly number[]): Value {
  const rank = x.shape.length + axes.length;
  const added = axes.map((axis) => axisOf(g, 'Unsqueeze', { shape: [...x.shape, ...axes] }, axis));
  const rest = [...x.shape];
  const shape = Array.from({ length: rank }, (_, i) => (added.includes(i) ? 1 : rest.shift()!));
  return g.emit('Unsqueeze', [x, g.ints(added)], { dtype: x.dtype, shape });
}

function transpose(g: Graph, x: Value, perm: readonly number[]): Value {
  const isPermutation =
    perm.length === x.shape.length && new Set(perm).size === perm.length && perm.every((axis) => axis in x.shape);
  if (!isPermutation) throw g.mismatch('Transpose', `a permutation of ${x.shape.length} axes`, `[${perm.join(', ')}]`);
  return g.emit('Transpose', [x], { dtype: x.dtype, shape: perm.map((axis) => x.shape[axis]!) }, { perm });
}

function concat(g: Graph, inputs: readonly Value[], axis: number): Value {
  const [first] = inputs;
  if (first === undefined) throw g.mismatch('Concat', 'at least one value', 'none');
  const at = axisOf(g, 'Concat', first, axis);
  const fits = (value: Value): boolean =>
    value.dtype === first.dtype &&
    value.shape.length === first.shape.length &&
    value.shape.every((dim, i) => i === at || dimsFit(dim, first.shape[i]!));
  if (!inputs.every(fits)) throw g.mismatch('Concat', `values that differ along axis ${at} only`, inputs);
  const dims: Shape = inputs.map((value) => value.shape[at]!);
  const dim = isStatic(dims) ? dims.reduce((sum, size) => sum + size, 0) : UNKNOWN;
  return g.emit('Concat', inputs, { dtype: first.dtype, shape: first.shape.with(at, dim) }, { axis: at });
}

function split(g: Graph, x: Value, sizes: readonly number[], axis: number): Value[] {
  const at = axisOf(g, 'Split', x, axis);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (!dimsFit(x.shape[at]!, total)) throw g.mismatch('Split', `${total} elements along axis ${at}`, [x]);
  const types = sizes.map((size) => ({ dtype: x.dtype, shape: x.shape.with(at, size) }));
  return g.node('Split', [x, g.ints(sizes)], { axis: at }, types);
}

function slice(g: Graph, x: Value, ranges: readonly SliceRange[]): Value {
  const shape = [...x.shape];
  const parts = ranges.map(
    ({
      axis,
      step = 1,
      start = step > 0 ? 0 : -1,
      end = step > 0 ? Number.MAX_SAFE_INTEGER : Number.MIN_SAFE_INTEGER,
    }) => {
      const at = axisOf(g, 'Slice', x, axis);
      const dim = shape[at]!;
      shape[at] = typeof dim === 'number' ? slicedSize(dim, { start, end, step }) : UNKNOWN;
      return [at, start, end, step] as const;
    },
  );
  const column = (i: 0 | 1 | 2 | 3): Value => g.ints(parts.map((part) => part[i]));
  return g.emit('Slice', [x, column(1), column(2), column(0), column(3)], { dtype: x.dtype, shape });
}

function slicedSize(dim: number, { start, end, step }: { start: number; end: number; step: number }): number {
  const [low, high] = step > 0 ? [0, dim] : [-1, dim - 1];
  const clamp = (position: number): number => Math.min(Math.max(position < 0 ? position + dim : position, low), high);
  return Math.max(0, Math.ceil((clamp(end) - clamp(start)) / step));
}

function pad(g: Graph, x: Value, [begin, end]: readonly [readonly number[], readonly number[]], value: number): Value {
  if (begin.length !== x.shape.length || end.length !== x.shape.length) {
    throw g.mismatch(
      'Pad',
      `begin and end for ${x.shape.length} axes`,
      `[${begin.join(', ')}] and [${end.join(', ')}]`,
    );
  }
  const shape = x.shape.map((dim, i) => {
    const added = begin[i]! + end[i]!;
    return typeof dim === 'number' ? dim + added : added === 0 ? dim : UNKNOWN;
  });
  return g.emit('Pad', [x, g.ints([...begin, ...end]), g.scalar(value, x.dtype as NumericDType)], {
    dtype: x.dtype,
    shape,
  });
}

function expand(g: Graph, x: Value, target: readonly number[]): Value {
  const result = broadcastShapes([x.shape, target]);
  if (result === undefined) throw g.mismatch('Expand', `a shape that broadcasts to [${target.join(', ')}]`, [x]);
  return g.emit('Expand', [x, g.ints(target)], { dtype: x.dtype, shape: result });
}

/** ONNX Runtime has OneHot for few combinations of types: int64 to float32 is one of them. */
function oneHot(g: Graph, indices: Value, depth: number, dtype: NumericDType): Value {
  const values = g.constant(fromNumbers('float32', [0, 1]));
  const positions = comparison.cast(g, indices, 'int64');
  const floats = g.emit(
    'OneHot',
    [positions, g.ints([depth]), values],
    { dtype: 'float32', shape: [...indices.shape, depth] },
    { axis: -1 },
  );
  return comparison.cast(g, floats, dtype);
}
