/**
 * Gradients of pooling. Windows that tile the input (kernel = stride, no padding: nearly all in use) have a form made of enlargements only;
 * any other windows are laid out one by one by a convolution with one-hot kernels.
 */
import type { Value } from '../../onnx/graph.ts';
import { elementsOf } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import { geometryOf, isTiling } from '../../onnx/window.ts';
import type { WindowGeometry } from '../../onnx/window.ts';
import { sizeOf, staticShape } from '../../tensor/shape.ts';
import { fromNumbers } from '../../tensor/tensor.ts';
import type { Rules, Vjp } from '../vjp.ts';
import { maskOf } from './mask.ts';

export const poolingRules: Rules = {
  // y = max over a window: dy goes to the elements that attain it, in equal parts
  MaxPool: (vjp) => [() => (isTiling(windows(vjp)) ? tiledMax(vjp) : overlappingMax(vjp))],
  // y = sum over a window / elements counted: each gets dy / count
  AveragePool: (vjp) => [() => (isTiling(windows(vjp)) ? tiledMean(vjp) : overlappingMean(vjp))],
  // y = mean over all positions:  dx = dy / n
  GlobalAveragePool: ({ g, inputs: [x], dy }) => [
    () => g.expand(g.mul(dy, elementsOf(dy) / elementsOf(x!)), staticShape(x!.shape, 'GlobalAveragePool')),
  ],
  GlobalMaxPool: ({ g, inputs: [x], y, dy }) => {
    const axes = x!.shape.keys().drop(2).toArray();
    const mask = maskOf(g, g.equal(x!, y), dy);
    return [() => g.mul(g.div(dy, g.reduceSum(mask, { axes, keepdims: true })), mask)];
  },
  // y repeats each element of x scale_i times along axis i: dy summed over the repeats
  Resize: ({ g, inputs: [, , scales], dy }) => {
    const kernel = [...(scales!.constant!.data as Float32Array)].slice(2);
    return [() => g.mul(g.averagePool(dy, { kernel }), sizeOf(kernel)), null, null];
  },
};

const windows = ({ node }: Vjp): WindowGeometry =>
  geometryOf(node.attributes, node.attributes['kernel_shape'] as readonly number[]);

/** Asking MaxPool for its indices would cost 17 times the pool itself; images tie everywhere, so ties are counted. */
function tiledMax(vjp: Vjp): Value {
  const { g, inputs, y, dy } = vjp;
  const { kernel } = windows(vjp);
  const x = cropTo(
    g,
    inputs[0]!,
    y.shape.map((dim, i) => (i < 2 ? dim : (dim as number) * kernel[i - 2]!)) as number[],
  );
  const mask = maskOf(g, g.equal(x, g.resizeNearest(y, kernel)), dy);
  const ties = sumOfTiles(g, mask, kernel);
  return padTo(g, g.mul(mask, g.resizeNearest(g.div(dy, ties), kernel)), inputs[0]!);
}

/** Rows of a tile times their width up to which a product with ones and zeros beats AveragePool. */
const TILE_ROW_ELEMENTS = 128;

/** Sums over tiles, which cover x exactly. */
function sumOfTiles(g: GraphBuilder, x: Value, kernel: readonly number[]): Value {
  const [rows, columns] = kernel.length === 1 ? [1, kernel[0]!] : (kernel.slice(-2) as [number, number]);
  const width = x.shape.at(-1) as number;
  if (kernel.length > 2 || rows * width > TILE_ROW_ELEMENTS) return g.mul(g.averagePool(x, { kernel }), sizeOf(kernel));
  const tiles = width / columns;
  const belongs = Float32Array.from({ length: rows * width * tiles }, (_, i) => {
    const column = Math.floor(i / tiles) % width;
    return Number(Math.floor(column / columns) === i % tiles);
  });
  const sums = g.matMul(
    g.reshape(x, [-1, rows * width]),
    g.constant(fromNumbers(x.dtype as 'float32', belongs, [rows * width, tiles])),
  );
  return g.reshape(
    sums,
    x.shape.map((dim, i) => (i < 2 ? dim : (dim as number) / kernel[i - 2]!)),
  );
}

function tiledMean(vjp: Vjp): Value {
  const { g, inputs, dy } = vjp;
  const { kernel } = windows(vjp);
  return padTo(g, g.resizeNearest(g.mul(dy, 1 / sizeOf(kernel)), kernel), inputs[0]!);
}

/** The windows as channels: [images, window elements, ...positions], one-hot kernels copying one element each. */
function overlappingMax(vjp: Vjp): Value {
  const { g, inputs, y, dy } = vjp;
  const { kernel, strides, dilations, begin, end } = windows(vjp);
  const images = asImages(g, inputs[0]!);
  const [mostNegative, border] = [-3.4e38, [0, 0]];
  const padded = g.pad(images, { begin: [...border, ...begin], end: [...border, ...end], value: mostNegative });
  const size = sizeOf(kernel);
  const oneHot = Float32Array.from({ length: size * size }, (_, i) => Number(i % (size + 1) === 0));
  const kernels = g.constant(fromNumbers(dy.dtype as 'float32', oneHot, [size, 1, ...kernel]));
  const spread = { strides, dilations };
  const elements = g.conv(padded, kernels, spread);
  const mask = maskOf(g, g.equal(elements, asImages(g, y)), dy);
  const share = g.div(asImages(g, dy), g.reduceSum(mask, { axes: [1], keepdims: true }));
  return asShapeOf(g, unwindow(g, g.mul(mask, share), { kernels, geometry: windows(vjp), images }), inputs[0]!);
}

function overlappingMean(vjp: Vjp): Value {
  const { g, node, inputs, dy } = vjp;
  const geometry = windows(vjp);
  const images = asImages(g, inputs[0]!);
  const counts = node.attributes['count_include_pad'] === 1 ? undefined : windowCounts(geometry, images, dy);
  const share = g.div(
    asImages(g, dy),
    counts
      ? g.constant(fromNumbers(dy.dtype as 'float32', counts, [1, 1, ...(dy.shape.slice(2) as number[])]))
      : sizeOf(geometry.kernel),
  );
  const kernels = g.constant(
    fromNumbers(dy.dtype as 'float32', new Float32Array(sizeOf(geometry.kernel)).fill(1), [1, 1, ...geometry.kernel]),
  );
  return asShapeOf(g, unwindow(g, share, { kernels, geometry, images }), inputs[0]!);
}

/** How many elements of the input, padding left out, each window holds. */
function windowCounts({ kernel, strides, dilations, begin }: WindowGeometry, images: Value, dy: Value): number[] {
  return kernel.reduce<number[]>(
    (counts, size, i) => {
      const dim = images.shape[i + 2] as number;
      const inside = Array.from({ length: dy.shape[i + 2] as number }, (_, position) => {
        const first = position * strides[i]! - begin[i]!;
        return Array.from({ length: size }, (__, k) => first + k * dilations[i]!).filter((at) => at >= 0 && at < dim)
          .length;
      });
      return counts.flatMap((count) => inside.map((n) => count * n));
    },
    [1],
  );
}

interface Unwindowing {
  readonly kernels: Value;
  readonly geometry: WindowGeometry;
  readonly images: Value;
}

/** Sums window elements back to where they came from. */
function unwindow(g: GraphBuilder, parts: Value, { kernels, geometry, images }: Unwindowing): Value {
  const { kernel, strides, dilations, begin, end } = geometry;
  const outputPadding = kernel.map((size, i) => {
    const reached = ((parts.shape[i + 2] as number) - 1) * strides[i]! + (size - 1) * dilations[i]! + 1;
    return (images.shape[i + 2] as number) + begin[i]! + end[i]! - reached;
  });
  return g.convTranspose(parts, kernels, { strides, dilations, padding: { begin, end }, outputPadding });
}

/** [batch, channels, ...] -> [batch channels, 1, ...] */
function asImages(g: GraphBuilder, x: Value): Value {
  const [batch, channels, ...spatial] = staticShape(x.shape, `'${x.name}'`) as [number, number, ...number[]];
  return g.reshape(x, [batch * channels, 1, ...spatial]);
}

const asShapeOf = (g: GraphBuilder, x: Value, like: Value): Value => g.reshape(x, like.shape);

/** Cuts off what no window reaches. */
function cropTo(g: GraphBuilder, x: Value, shape: readonly number[]): Value {
  const ranges = shape.flatMap((end, axis) => (axis < 2 || x.shape[axis] === end ? [] : [{ axis, end }]));
  return ranges.length === 0 ? x : g.slice(x, ...ranges);
}

/** Zeros where no window reached. */
function padTo(g: GraphBuilder, x: Value, like: Value): Value {
  const end = like.shape.map((dim, i) => (i < 2 ? 0 : (dim as number) - (x.shape[i] as number)));
  return end.every((width) => width === 0) ? x : g.pad(x, { begin: end.map(() => 0), end });
}
