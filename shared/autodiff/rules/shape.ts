/** Gradients of moving, cutting, joining and looking up elements: each is the move back, and sums where an element was used twice. */
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import { isFloat } from '../../tensor/dtype.ts';
import type { NumericDType } from '../../tensor/tensor.ts';
import { toNumbers } from '../../tensor/tensor.ts';
import { staticShape } from '../../tensor/shape.ts';
import { unbroadcast } from '../unbroadcast.ts';
import type { Rule, Rules, Vjp } from '../vjp.ts';

const axisOf = ({ node }: Vjp): number => node.attributes['axis'] as number;
const numbersOf = (value: Value | undefined): number[] => toNumbers(value!.constant!);

/** Zeros of the value's type. */
const zerosLike = (g: GraphBuilder, value: Value): Value =>
  g.expand(g.scalar(0, value.dtype as NumericDType), staticShape(value.shape, `'${value.name}'`));

/** y has the elements of x in their order. */
const reshaped: Rule = ({ g, inputs, dy }) => [() => g.reshape(dy, inputs[0]!.shape), null];

export const shapeRules: Rules = {
  Identity: ({ dy }) => [() => dy],
  Reshape: reshaped,
  Flatten: reshaped,
  Squeeze: reshaped,
  Unsqueeze: reshaped,
  // axis i of y is axis perm_i of x
  Transpose: ({ g, node, dy }) => {
    const perm = node.attributes['perm'] as readonly number[];
    return [
      () =>
        g.transpose(
          dy,
          [...perm.keys()].map((axis) => perm.indexOf(axis)),
        ),
    ];
  },
  // y = x_0 | x_1 | ...: each takes its part of dy
  Concat: (vjp) => {
    const ends = vjp.inputs.map(
      (
        (sum: number) =>
        ({ shape }: Value) =>
          (sum += shape[axisOf(vjp)] as number)
      )(0),
    );
    return vjp.inputs.map(
      (_, i) => () => vjp.g.slice(vjp.dy, { axis: axisOf(vjp), start: ends[i - 1] ?? 0, end: ends[i]! }),
    );
  },
  // y_0 | y_1 | ... = x; a part that the loss does not use has no cotangent
  Split: (vjp) => [
    () =>
      vjp.g.concat(
        vjp.outputs.map((part, i) => vjp.dys[i] ?? zerosLike(vjp.g, part)),
        axisOf(vjp),
      ),
    null,
  ],
  Slice: (vjp) => [() => unslice(vjp), null, null, null, null],
  // y is x with a border: the border is cut off
  Pad: ({ g, inputs: [x, pads], dy }) => {
    const widths = numbersOf(pads).map((width) => -width);
    return [
      () => g.pad(dy, { begin: widths.slice(0, x!.shape.length), end: widths.slice(x!.shape.length) }),
      null,
      null,
    ];
  },
  Expand: ({ g, inputs: [x], dy }) => [() => unbroadcast(g, dy, x!.shape), null],
  // axis i of y is axis i of x, r_i times over: [r_0, d_0, r_1, d_1, ...] summed over the r
  Tile: ({ g, inputs: [x, repeats], dy }) => {
    const times = numbersOf(repeats);
    const parts = staticShape(x!.shape, 'Tile').flatMap((dim, i) => [times[i]!, dim]);
    return [() => g.reduceSum(g.reshape(dy, parts), { axes: times.map((_, i) => 2 * i) }), null];
  },
  Gather: (vjp) => [() => ungather(vjp), null],
  // y_i = x at index_i along an axis
  GatherElements: (vjp) => {
    const { g, inputs, dy } = vjp;
    const [x, indices] = inputs as [Value, Value];
    return [() => g.scatterElements(zerosLike(g, x), { indices, updates: dy, axis: axisOf(vjp), add: true }), null];
  },
  // y = x with u written or added at an index: dx = dy, zero where u replaced it; du = dy at the index
  ScatterElements: (vjp) => {
    const { g, node, inputs, dy } = vjp;
    const [, indices, updates] = inputs as [Value, Value, Value];
    const rest = (): Value => g.scatterElements(dy, { indices, updates: zerosLike(g, updates), axis: axisOf(vjp) });
    return [
      () => (node.attributes['reduction'] === 'add' ? dy : rest()),
      null,
      () => g.gatherElements(dy, indices, axisOf(vjp)),
    ];
  },
  Trilu: ({ g, node, inputs: [, k], dy }) => [
    () => g.trilu(dy, { upper: node.attributes['upper'] === 1, k: numbersOf(k)[0]! }),
    null,
  ],
  // y = a where c, else b
  Where: ({ g, inputs: [condition, a, b], dy }) => [
    null,
    () => unbroadcast(g, g.where(condition!, dy, 0), a!.shape),
    () => unbroadcast(g, g.where(condition!, 0, dy), b!.shape),
  ],
  // between floats; an integer or a boolean is constant in what it was made from
  Cast: ({ g, inputs: [x], dy }) => [isFloat(x!.dtype) && isFloat(dy.dtype) ? () => g.cast(dy, x!.dtype) : null],
  // [values, positions] of the greatest elements
  TopK: (vjp) => {
    const { g, inputs, outputs, dy } = vjp;
    return [
      () => g.scatterElements(zerosLike(g, inputs[0]!), { indices: outputs[1]!, updates: dy, axis: axisOf(vjp) }),
      null,
    ];
  },
};

/** y_i = x_(start + i step): each element of dy is followed by step - 1 zeros, and the border filled with zeros. */
function unslice({ g, inputs: [x, starts, , axes, steps], dy }: Vjp): Value {
  return numbersOf(axes).reduce((part, axis, i) => {
    const step = numbersOf(steps)[i]!;
    const [count, dim] = [part.shape[axis] as number, x!.shape[axis] as number];
    const from = numbersOf(starts)[i]!;
    const first = Math.min(Math.max(from < 0 ? from + dim : from, 0), step > 0 ? dim : dim - 1);
    const ordered = step > 0 ? part : g.slice(part, { axis, step: -1 });
    const start = step > 0 ? first : first + (count - 1) * step;
    const spaced = interleaveZeros(g, ordered, { axis, step: Math.abs(step) });
    const width = spaced.shape[axis] as number;
    const at = (size: number): number[] => part.shape.map((_, j) => (j === axis ? size : 0));
    return g.pad(spaced, { begin: at(start), end: at(dim - start - width) });
  }, dy);
}

/** step - 1 zeros after each element along an axis. */
function interleaveZeros(g: GraphBuilder, x: Value, { axis, step }: { axis: number; step: number }): Value {
  if (step === 1) return x;
  const column = g.unsqueeze(x, [axis + 1]);
  const none = column.shape.map(() => 0);
  const padded = g.pad(column, { begin: none, end: none.with(axis + 1, step - 1) });
  return g.reshape(padded, x.shape.with(axis, (x.shape[axis] as number) * step));
}

/** Tables of at most this many rows sum their rows' cotangents by a product with ones and zeros, which beats scattering. */
const ONE_HOT_ROWS = 1024;

/** y = x at indices along an axis: cotangents of equal indices add up. */
function ungather(vjp: Vjp): Value {
  const { g, inputs, dy } = vjp;
  const [x, indices] = inputs as [Value, Value];
  const axis = axisOf(vjp);
  const [before, after] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
  const flat = g.reshape(indices, [-1]);
  const count = flat.shape[0]!;
  const rows = x.shape[axis] as number;
  if (axis === 0 && rows <= ONE_HOT_ROWS && dy.dtype === 'float32') {
    const chosen = g.oneHot(flat, rows);
    return g.reshape(g.gemm(chosen, g.reshape(dy, [count, -1]), { transA: true }), x.shape);
  }
  const updates = g.reshape(dy, [...before, count, ...after]);
  const shape = staticShape(updates.shape, `'${x.name}'`);
  const column = g.reshape(flat, [...before.map(() => 1), count, ...after.map(() => 1)]);
  return g.scatterElements(zerosLike(g, x), { indices: g.expand(column, shape), updates, axis, add: true });
}
