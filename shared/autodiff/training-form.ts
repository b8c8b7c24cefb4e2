/**
 * Rewrites a forward pass into a form of the same function that trains faster, before its gradients are taken: a convolution leaves out the rows and
 * columns that a following max-pool drops, bias and monotone activation come after the pool, on a fraction of the elements, and a convolution of few channels
 * is computed in the phases of its pool, so that the maximum is one over a leading axis. Measured in bench/README.md.
 */
import type { GraphNode, Value } from '../onnx/graph.ts';
import type { GraphBuilder } from '../onnx/graph-builder.ts';
import { geometryOf, isTiling } from '../onnx/window.ts';
import type { WindowGeometry } from '../onnx/window.ts';
import { isStatic, sizeOf } from '../tensor/shape.ts';
import { fromNumbers } from '../tensor/tensor.ts';

/** Sizes along the spatial axes. */
type Extent = readonly number[];

const MONOTONE: ReadonlySet<string> = new Set(['Relu', 'Tanh', 'Sigmoid']);
const POINTWISE: ReadonlySet<string> = new Set([...MONOTONE, 'Cast', 'Identity', 'Add', 'Sub', 'Mul', 'Div']);

/** Window elements times channels up to which patches are laid out; the repeated work then costs less than what it saves. */
const PATCH_ELEMENTS = 64;

/** The values in their training form; those that it does not concern are returned as they are. */
export function trainingForm(g: GraphBuilder, values: readonly Value[]): Value[] {
  const plan = planExtents(g, values);
  const replaced = new Map<Value, Value>();
  const form: Form = {
    g,
    extentOf: (value) => plan.extents.get(value) ?? spatial(value),
    read: (value, extent) => cropped(g, replaced.get(value) ?? value, extent),
  };
  for (const node of plan.nodes) {
    for (const [i, value] of rewrite(form, node).entries()) replaced.set(node.outputs[i]!, value);
  }
  return values.map((value) => replaced.get(value) ?? value);
}

interface Form {
  readonly g: GraphBuilder;
  /** What its users need of a value. */
  readonly extentOf: (value: Value) => Extent;
  /** A value in its new form, cut to an extent. */
  readonly read: (value: Value, extent: Extent) => Value;
}

const spatial = (value: Value): Extent => (isStatic(value.shape) ? value.shape.slice(2) : []);

/** From the outputs backwards: the nodes they need, in order, and how much of each value. */
function planExtents(g: GraphBuilder, values: readonly Value[]): { nodes: GraphNode[]; extents: Map<Value, Extent> } {
  const extents = new Map<Value, Extent>(values.map((value) => [value, spatial(value)]));
  const nodes = g.nodes
    .toReversed()
    .filter((node) => {
      if (!node.outputs.some((output) => extents.has(output))) return false;
      const asked = inputExtents(node, extents.get(node.outputs[0]!));
      for (const [i, input] of node.inputs.entries()) {
        if (input === undefined) continue;
        const extent = asked?.[i] ?? spatial(input);
        extents.set(
          input,
          (extents.get(input) ?? extent).map((size, axis) => Math.max(size, extent[axis]!)),
        );
      }
      return true;
    })
    .reverse();
  return { nodes, extents };
}

/** What a node needs of its inputs for an extent of its output; undefined where it needs all of them, or does not know. */
function inputExtents(node: GraphNode, extent: Extent | undefined): Extent[] | undefined {
  const [y] = node.outputs as [Value];
  const inputs = node.inputs.filter((input) => input !== undefined);
  if (extent === undefined || extent.length === 0 || inputs.length === 0) return undefined;
  if (POINTWISE.has(node.opType)) {
    const fits = inputs.every((input) => isLike(input, y) || spansNothing(input, y));
    return fits ? inputs.map((input) => (isLike(input, y) ? extent : spatial(input))) : undefined;
  }
  const [x, ...weights] = inputs as [Value, ...Value[]];
  if (node.opType === 'MaxPool') {
    const geometry = poolOf(node);
    return isTiling(geometry) ? [extent.map((size, i) => size * geometry.kernel[i]!)] : undefined;
  }
  const geometry = denseConvOf(node);
  return geometry && [reach(geometry, extent, spatial(x)), ...weights.map(spatial)];
}

/** Has the input y's spatial axes, or only ones (or nothing) along them? */
const isLike = (input: Value, y: Value): boolean =>
  input.shape.length === y.shape.length && input.shape.every((dim, axis) => axis < 2 || dim === y.shape[axis]);
const spansNothing = (input: Value, y: Value): boolean =>
  input.shape.slice(2 - y.shape.length).every((dim) => dim === 1);

const poolOf = (node: GraphNode): WindowGeometry =>
  geometryOf(node.attributes, node.attributes['kernel_shape'] as readonly number[]);

/** The geometry of a convolution that takes every position: no strides, dilations or groups. */
function denseConvOf(node: GraphNode): WindowGeometry | undefined {
  const w = node.inputs[1];
  if (node.opType !== 'Conv' || node.attributes['group'] !== 1 || w === undefined || !isStatic(w.shape))
    return undefined;
  const geometry = geometryOf(node.attributes, w.shape.slice(2));
  return geometry.strides.every((step) => step === 1) && geometry.dilations.every((step) => step === 1)
    ? geometry
    : undefined;
}

/** How much of x the convolution's first positions see. */
const reach = ({ kernel, begin }: WindowGeometry, extent: Extent, full: Extent): Extent =>
  extent.map((size, i) => Math.min(full[i]!, size + kernel[i]! - 1 - begin[i]!));

function cropped(g: GraphBuilder, value: Value, extent: Extent): Value {
  const ranges = extent.flatMap((end, i) => (end < (value.shape[i + 2] as number) ? [{ axis: i + 2, end }] : []));
  return ranges.length === 0 ? value : g.slice(value, ...ranges);
}

/** The node's outputs in their new form; none where nothing changes. */
function rewrite(form: Form, node: GraphNode): Value[] {
  const { g, extentOf, read } = form;
  const [y] = node.outputs as [Value];
  const pooled = node.opType === 'MaxPool' ? pooledConvolution(form, node) : undefined;
  if (pooled) return [pooled];
  const extent = extentOf(y);
  const asked = inputExtents(node, extent);
  const inputs = node.inputs.map((input, i) => input && read(input, asked?.[i] ?? spatial(input)));
  if (inputs.every((input, i) => input === node.inputs[i])) return [];
  const geometry = asked && denseConvOf(node);
  if (geometry) {
    const [x, w, bias] = inputs as [Value, Value, Value?];
    return [g.conv(x, w, { padding: paddingFor(geometry, extent, x), ...(bias && { bias }) })];
  }
  const name = node.domain === '' ? node.opType : `${node.domain}:${node.opType}`;
  const types = node.outputs.map(({ dtype, shape }) => ({
    dtype,
    shape: asked ? [...shape.slice(0, 2), ...extent] : shape,
  }));
  return g.node(name, inputs, node.attributes, types);
}

/** Padding that yields exactly the extent. */
const paddingFor = ({ kernel, begin }: WindowGeometry, extent: Extent, x: Value) => ({
  begin,
  end: extent.map((size, i) => size + kernel[i]! - 1 - begin[i]! - (x.shape[i + 2] as number)),
});

/** max-pool(f(X * W + b)) = f(max-pool(X * W) + b) for a monotone f. */
function pooledConvolution({ g, extentOf, read }: Form, pool: GraphNode): Value | undefined {
  const inner = g.producerOf(pool.inputs[0]!);
  const activation = inner && MONOTONE.has(inner.opType) ? inner : undefined;
  const conv = activation ? g.producerOf(activation.inputs[0]!) : inner;
  const geometry = conv && denseConvOf(conv);
  const tiles = poolOf(pool);
  const extent = extentOf(pool.outputs[0]!);
  if (!geometry || !isTiling(tiles) || extent.length === 0) return undefined;
  const [x, w, bias] = conv.inputs as [Value, Value, Value?];
  const before = extent.map((size, i) => size * tiles.kernel[i]!);
  const input = read(x, reach(geometry, before, spatial(x)));
  const problem = { x: input, w, tile: tiles.kernel, padding: paddingFor(geometry, before, input) };
  const elements = (w.shape[1] as number) * sizeOf(fieldOf(problem));
  const maxima =
    elements <= PATCH_ELEMENTS
      ? maxOfPhases(g, problem)
      : g.maxPool(g.conv(input, w, { padding: problem.padding }), { kernel: tiles.kernel });
  const shifted = bias ? g.add(maxima, g.reshape(bias, [-1, ...extent.map(() => 1)])) : maxima;
  return activation ? g.emit(activation.opType, [shifted], shifted, activation.attributes) : shifted;
}

interface PooledConv {
  readonly x: Value;
  readonly w: Value;
  readonly tile: Extent;
  readonly padding: { readonly begin: Extent; readonly end: Extent };
}

/** Input elements that one pooled element depends on, per axis. */
const fieldOf = ({ w, tile }: PooledConv): number[] =>
  (w.shape.slice(2) as number[]).map((size, i) => size + tile[i]! - 1);

/** Patches of the whole field times the kernel at each place (phase) within it, and the maximum over the phases. */
function maxOfPhases(g: GraphBuilder, problem: PooledConv): Value {
  const { x, w, tile, padding } = problem;
  const field = fieldOf(problem);
  const [filters, channels] = w.shape as [number, number];
  const elements = channels * sizeOf(field);
  const identity = Float32Array.from({ length: elements * elements }, (_, i) => Number(i % (elements + 1) === 0));
  const copies = g.constant(fromNumbers(w.dtype as 'float32', identity, [elements, channels, ...field]));
  const patches = g.conv(x, copies, { strides: tile, padding });
  const [batch, , ...positions] = patches.shape as [number, number, ...number[]];
  const placed = offsetsOf(tile).map((offset) =>
    g.pad(w, { begin: [0, 0, ...offset], end: [0, 0, ...offset.map((at, i) => tile[i]! - 1 - at)] }),
  );
  const kernels = g.reshape(g.concat(placed, 0), [placed.length * filters, elements]);
  const phases = g.matMul(kernels, g.reshape(patches, [batch, elements, sizeOf(positions)]));
  return g.reduceMax(g.reshape(phases, [batch, placed.length, filters, ...positions]), { axes: [1] });
}

/** All places within a tile. */
const offsetsOf = (tile: Extent): number[][] =>
  tile.reduce<number[][]>(
    (places, size) => places.flatMap((place) => Array.from({ length: size }, (_, at) => [...place, at])),
    [[]],
  );
