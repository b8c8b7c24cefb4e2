/**
 * Gradients of convolutions: Y = X * W with X [B, C, ...], W [M, C/group, ...]. dX is the transposed convolution of dY with W; dW convolves X
 * with dY as the kernel, batch as its channels, where strides and dilations change places.
 */
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import { geometryOf } from '../../onnx/window.ts';
import type { WindowGeometry } from '../../onnx/window.ts';
import { sizeOf, staticShape } from '../../tensor/shape.ts';
import { fromNumbers } from '../../tensor/tensor.ts';
import type { Rules, Vjp } from '../vjp.ts';

export const convolutionRules: Rules = {
  Conv: (vjp) => {
    const { g, inputs, dy } = vjp;
    const [x, w] = inputs as [Value, Value];
    const { geometry, group, options } = settings(vjp);
    return [
      () =>
        w.constant !== undefined && group === 1 && isDense(geometry)
          ? byTurnedKernel(g, { w, dy, geometry })
          : g.convTranspose(dy, w, { ...options, outputPadding: leftOver(x, dy, geometry) }),
      () => weightCotangent(g, { x, dy, geometry, group }),
      () => sumOverPositions(g, dy),
    ];
  },
  // Y = the map of which Conv with W is the transpose, so X and dY change places
  ConvTranspose: (vjp) => {
    const { g, inputs, dy } = vjp;
    const [x, w] = inputs as [Value, Value];
    const { geometry, group, options } = settings(vjp);
    return [
      () => g.conv(dy, w, options),
      () => weightCotangent(g, { x: dy, dy: x, geometry, group }),
      () => sumOverPositions(g, dy),
    ];
  },
};

function settings({ node, inputs }: Vjp) {
  const kernel = staticShape(inputs[1]!.shape, node.name).slice(2);
  const geometry = geometryOf(node.attributes, kernel);
  const { strides, dilations, begin, end } = geometry;
  const group = node.attributes['group'] as number;
  return { geometry, group, options: { strides, dilations, padding: { begin, end }, group } };
}

/** Does it take every position, with no padding that a window would not leave? */
const isDense = ({ kernel, strides, dilations, begin, end }: WindowGeometry): boolean =>
  [...strides, ...dilations].every((step) => step === 1) &&
  kernel.every((size, i) => begin[i]! < size && end[i]! < size);

/** The transposed convolution as a convolution with the kernel turned about, which ONNX Runtime lays out for the CPU where it is constant: a fifth less time. */
function byTurnedKernel(
  g: GraphBuilder,
  { w, dy, geometry: { kernel, begin, end } }: { w: Value; dy: Value; geometry: WindowGeometry },
): Value {
  const [filters, channels] = w.shape as [number, number];
  const size = sizeOf(kernel);
  const source = w.constant!.data as Float32Array;
  const turned = Float64Array.from(source, (_, at) => {
    const [c, m, place] = [Math.floor(at / (filters * size)), Math.floor(at / size) % filters, at % size];
    return source[(m * channels + c) * size + (size - 1 - place)]!;
  });
  const constant = g.constant(fromNumbers(w.dtype as 'float32', turned, [channels, filters, ...kernel]));
  const pad = (sides: readonly number[]): number[] => sides.map((side, i) => kernel[i]! - 1 - side);
  return g.conv(dy, constant, { padding: { begin: pad(begin), end: pad(end) } });
}

const sumOverPositions = (g: GraphBuilder, dy: Value): Value =>
  g.reduceSum(dy, { axes: [...dy.shape.keys()].filter((axis) => axis !== 1) });

/** Elements at the end of each axis of x that no window reaches, because the stride does not divide. */
function leftOver(x: Value, dy: Value, { kernel, strides, dilations, begin, end }: WindowGeometry): number[] {
  return kernel.map((size, i) => {
    const padded = (x.shape[i + 2] as number) + begin[i]! + end[i]!;
    return padded - ((dy.shape[i + 2] as number) - 1) * strides[i]! - (size - 1) * dilations[i]! - 1;
  });
}

interface WeightProblem {
  readonly x: Value;
  readonly dy: Value;
  readonly geometry: WindowGeometry;
  readonly group: number;
}

/** The cotangent of W; groups are independent problems. */
function weightCotangent(g: GraphBuilder, problem: WeightProblem): Value {
  const { x, dy, geometry, group } = problem;
  const last = geometry.kernel.length - 1;
  if (group === 1) return geometry.dilations[last] === 1 ? rowsWise(g, problem) : channelWise(g, problem);
  const part = (value: Value): Value[] => {
    const size = (value.shape[1] as number) / group;
    return g.split(value, new Array<number>(group).fill(size), 1);
  };
  const [xs, dys] = [part(x), part(dy)];
  return g.concat(
    xs.map((piece, i) => weightCotangent(g, { x: piece, dy: dys[i]!, geometry, group: 1 })),
    0,
  );
}

/**
 * One convolution whose images are the whole batch: X as [1, B, ..., width C], its channels last so that they lie along the innermost axis,
 * under dY as kernel [M, B, ...]. Moving by one element of that axis is the next channel, by C the next column. Four times as fast as
 * `channelWise`, because the product behind it is larger.
 */
function rowsWise(g: GraphBuilder, { x, dy, geometry }: WeightProblem): Value {
  const { kernel, strides, dilations, begin, end } = geometry;
  const [batch, channels, ...spatial] = staticShape(x.shape, `'${x.name}'`) as [number, number, ...number[]];
  const last = kernel.length - 1;
  const channelsLast = g.transpose(x, [0, ...spatial.map((_, i) => i + 2), 1]);
  const image = g.reshape(channelsLast, [1, batch, ...spatial.with(last, spatial[last]! * channels)]);
  const widen = (sizes: readonly number[]): number[] => sizes.with(last, sizes[last]! * channels);
  const result = g.conv(image, g.transpose(dy, [1, 0, ...spatial.map((_, i) => i + 2)]), {
    strides: dilations,
    dilations: widen(strides),
    padding: { begin: widen(begin), end: widen(end) },
  });
  const filters = dy.shape[1]!;
  const cut = crop(g, result, widen(kernel));
  const perChannel = g.reshape(cut, [filters, ...kernel, channels]);
  return g.transpose(perChannel, [0, last + 2, ...kernel.map((_, i) => i + 1)]);
}

/** The plain form: batch and channels change places in X and dY. For dilated kernels. */
function channelWise(g: GraphBuilder, { x, dy, geometry }: WeightProblem): Value {
  const { kernel, strides, dilations, begin, end } = geometry;
  const swapped = [1, 0, ...kernel.map((_, i) => i + 2)];
  const options = { strides: dilations, dilations: strides, padding: { begin, end } };
  const result = g.conv(g.transpose(x, swapped), g.transpose(dy, swapped), options);
  return g.transpose(crop(g, result, kernel), swapped);
}

/** Cuts off positions past the kernel, which come from elements that no window reached. */
function crop(g: GraphBuilder, x: Value, sizes: readonly number[]): Value {
  const ranges = sizes.flatMap((end, i) => (x.shape[i + 2] === end ? [] : [{ axis: i + 2, end }]));
  return ranges.length === 0 ? x : g.slice(x, ...ranges);
}
