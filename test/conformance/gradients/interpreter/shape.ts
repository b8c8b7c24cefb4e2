/** Ops that move elements, in float64. */
import { at, broadcast, generate, indices, listOf, nd, numberOf, offset, size } from './nd.ts';
import type { AttributeValue, Nd, Ops } from './nd.ts';

const axisOf = (axis: AttributeValue, rank: number, otherwise = 0): number => (numberOf(axis, otherwise) + rank) % rank;
const same = (shape: readonly number[], x: Nd): Nd[] => [nd(shape, x.data)];

function reshape(x: Nd, target: readonly number[]): Nd[] {
  const known = target.map((dim, i) => (dim === 0 ? x.shape[i]! : dim));
  const open = known.indexOf(-1);
  return same(open < 0 ? known : known.with(open, x.data.length / size(known.with(open, 1))), x);
}

function slice([x, starts, ends, axes, steps]: readonly Nd[]): Nd[] {
  const from = x!.shape.map(() => 0);
  const by = x!.shape.map(() => 1);
  const shape = [...x!.shape];
  for (const [i, start] of starts!.data.entries()) {
    const axis = axisOf(axes?.data[i] ?? i, shape.length);
    const step = steps?.data[i] ?? 1;
    const dim = x!.shape[axis]!;
    const clamp = (position: number): number =>
      Math.min(Math.max(position < 0 ? position + dim : position, step > 0 ? 0 : -1), step > 0 ? dim : dim - 1);
    from[axis] = clamp(start);
    by[axis] = step;
    shape[axis] = Math.max(0, Math.ceil((clamp(ends!.data[i]!) - from[axis]) / step));
  }
  return [
    generate(shape, (index) =>
      at(
        x!,
        index.map((k, axis) => from[axis]! + k * by[axis]!),
      ),
    ),
  ];
}

function scatter([x, index, updates]: readonly Nd[], axis: number, add: boolean): Nd[] {
  const result = nd(x!.shape, x!.data.slice());
  for (const position of indices(index!.shape)) {
    const target = at(index!, position);
    const place = offset(x!.shape, position.with(axis, target < 0 ? target + x!.shape[axis]! : target));
    result.data[place] = (add ? result.data[place]! : 0) + at(updates!, position);
  }
  return [result];
}

export const shapeOps: Ops = {
  Reshape: ([x, target]) => reshape(x!, [...target!.data]),
  Flatten: ([x], { axis }) => {
    const k = numberOf(axis, 1);
    return same([size(x!.shape.slice(0, k)), size(x!.shape.slice(k))], x!);
  },
  Squeeze: ([x, axes]) =>
    same(
      x!.shape.filter((_, i) => !axes!.data.includes(i)),
      x!,
    ),
  Unsqueeze: ([x, axes]) => {
    const rank = x!.shape.length + axes!.data.length;
    const rest = [...x!.shape];
    return same(
      Array.from({ length: rank }, (_, i) =>
        axes!.data.map((axis) => (axis + rank) % rank).includes(i) ? 1 : rest.shift()!,
      ),
      x!,
    );
  },
  Transpose: ([x], { perm }) => {
    const order = listOf(perm, [...x!.shape.keys()].reverse());
    return [
      generate(
        order.map((axis) => x!.shape[axis]!),
        (index) =>
          at(
            x!,
            order.map((_, axis) => index[order.indexOf(axis)]!),
          ),
      ),
    ];
  },
  Concat: (inputs, { axis }) => {
    const k = axisOf(axis, inputs[0]!.shape.length);
    const starts = inputs.map((_, i) => inputs.slice(0, i).reduce((sum, x) => sum + x.shape[k]!, 0));
    const shape = inputs[0]!.shape.with(
      k,
      inputs.reduce((sum, x) => sum + x.shape[k]!, 0),
    );
    const pick = (position: number): number =>
      starts.findLastIndex((start, i) => position >= start && inputs[i]!.shape[k]! > 0);
    return [
      generate(shape, (index) => at(inputs[pick(index[k]!)]!, index.with(k, index[k]! - starts[pick(index[k]!)]!))),
    ];
  },
  Split: ([x, sizes], { axis }) => {
    const k = axisOf(axis, x!.shape.length);
    let start = 0;
    return [...sizes!.data].map((count) => {
      const from = start;
      start += count;
      return generate(x!.shape.with(k, count), (index) => at(x!, index.with(k, index[k]! + from)));
    });
  },
  Slice: slice,
  Pad: ([x, pads, value]) => {
    const rank = x!.shape.length;
    const shape = x!.shape.map((dim, i) => dim + pads!.data[i]! + pads!.data[i + rank]!);
    return [
      generate(shape, (index) => {
        const source = index.map((k, i) => k - pads!.data[i]!);
        return source.every((k, i) => k >= 0 && k < x!.shape[i]!) ? at(x!, source) : (value?.data[0] ?? 0);
      }),
    ];
  },
  Expand: ([x, target]) => [generate(broadcast([x!.shape, [...target!.data]]), (index) => at(x!, index))],
  Tile: ([x, repeats]) => [
    generate(
      x!.shape.map((dim, i) => dim * repeats!.data[i]!),
      (index) =>
        at(
          x!,
          index.map((k, i) => k % x!.shape[i]!),
        ),
    ),
  ],
  Gather: ([x, index], { axis }) => {
    const k = axisOf(axis, x!.shape.length);
    const shape = [...x!.shape.slice(0, k), ...index!.shape, ...x!.shape.slice(k + 1)];
    return [
      generate(shape, (position) => {
        const chosen = at(index!, position.slice(k, k + index!.shape.length));
        const row = chosen < 0 ? chosen + x!.shape[k]! : chosen;
        return at(x!, [...position.slice(0, k), row, ...position.slice(k + index!.shape.length)]);
      }),
    ];
  },
  GatherElements: ([x, index], { axis }) => {
    const k = axisOf(axis, x!.shape.length);
    return [
      generate(index!.shape, (position) =>
        at(x!, position.with(k, (at(index!, position) + x!.shape[k]!) % x!.shape[k]!)),
      ),
    ];
  },
  ScatterElements: (inputs, { axis, reduction }) =>
    scatter(inputs, axisOf(axis, inputs[0]!.shape.length), reduction === 'add'),
  OneHot: ([index, depth, values]) => {
    const count = depth!.data[0]!;
    return [
      generate(
        [...index!.shape, count],
        (position) => values!.data[Number((at(index!, position.slice(0, -1)) + count) % count === position.at(-1))]!,
      ),
    ];
  },
  Trilu: ([x, k], { upper }) => [
    generate(x!.shape, (index) => {
      const distance = index.at(-1)! - index.at(-2)! - (k?.data[0] ?? 0);
      return (upper === 0 ? distance <= 0 : distance >= 0) ? at(x!, index) : 0;
    }),
  ],
  Shape: ([x]) => [nd([x!.shape.length], x!.shape)],
  TopK: ([x, k], { axis }) => {
    const along = axisOf(axis, x!.shape.length, -1);
    const shape = x!.shape.with(along, k!.data[0]!);
    const order = (index: readonly number[]): number =>
      [...Array(x!.shape[along]).keys()].sort(
        (i, j) => at(x!, index.with(along, j)) - at(x!, index.with(along, i)) || i - j,
      )[index[along]!]!;
    return [generate(shape, (index) => at(x!, index.with(along, order(index)))), generate(shape, order)];
  },
};
