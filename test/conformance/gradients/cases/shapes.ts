/** Moving, cutting, joining and looking up elements. */
import { fromNumbers } from '../../../../shared/tensor/tensor.ts';
import { casesOf } from '../gradient-case.ts';
import type { GradientCase } from '../gradient-case.ts';

const ints = (values: readonly number[], shape?: readonly number[]) => fromNumbers('int32', values, shape);

export const shapeCases: readonly GradientCase[] = [
  ...casesOf('Reshape', {
    'to other axes': [[[2, 6]], (g, x) => g.reshape(x, [3, 4])],
    'an open dimension': [[[2, 3, 4]], (g, x) => g.reshape(x, [2, -1])],
    'to a scalar': [[[1, 1]], (g, x) => g.reshape(x, [])],
  }),
  ...casesOf('Flatten', {
    'axis 1': [[[2, 3, 4]], (g, x) => g.flatten(x)],
    'axis 0': [[[2, 3]], (g, x) => g.flatten(x, 0)],
  }),
  ...casesOf('Squeeze', { 'two axes': [[[1, 3, 1, 2]], (g, x) => g.squeeze(x, [0, 2])] }),
  ...casesOf('Unsqueeze', { 'two axes': [[[3, 2]], (g, x) => g.unsqueeze(x, [0, -1])] }),
  ...casesOf('Transpose', {
    reversed: [[[2, 3, 4]], (g, x) => g.transpose(x)],
    'a cycle': [[[2, 3, 4, 2]], (g, x) => g.transpose(x, [1, 3, 0, 2])],
  }),
  ...casesOf('Concat', {
    'axis 0': [
      [
        [2, 3],
        [1, 3],
        [3, 3],
      ],
      (g, ...parts) => g.concat(parts, 0),
    ],
    'last axis': [
      [
        [2, 3],
        [2, 2],
      ],
      (g, ...parts) => g.concat(parts, -1),
    ],
    'a value twice': [[[2, 3]], (g, x) => g.concat([x, x], 1)],
  }),
  ...casesOf('Split', {
    'all parts used': [
      [[2, 6]],
      (g, x) => {
        const [a, b, c] = g.split(x, [1, 2, 3], 1);
        return g.concat([g.mul(c!, 2), g.mul(a!, b!)], 1);
      },
    ],
    'parts left out': [[[5, 2]], (g, x) => g.split(x, [1, 3, 1], 0)[1]!],
  }),
  ...casesOf('Slice', {
    'a part': [[[6, 5]], (g, x) => g.slice(x, { axis: 0, start: 1, end: 4 })],
    'from the end': [[[6, 5]], (g, x) => g.slice(x, { axis: 1, start: -3, end: -1 })],
    'every second': [[[7, 2]], (g, x) => g.slice(x, { axis: 0, start: 1, step: 2 })],
    'every third of two axes': [
      [[8, 7]],
      (g, x) => g.slice(x, { axis: 0, step: 3 }, { axis: 1, start: 2, end: 7, step: 2 }),
    ],
    reversed: [[[5, 2]], (g, x) => g.slice(x, { axis: 0, step: -1 })],
    'backwards by two': [[[7, 3]], (g, x) => g.slice(x, { axis: 0, start: 5, end: 0, step: -2 })],
  }),
  ...casesOf('Pad', {
    zeros: [[[2, 3]], (g, x) => g.pad(x, { begin: [1, 0], end: [0, 2] })],
    'a value': [[[2, 3]], (g, x) => g.pad(x, { begin: [1, 1], end: [1, 1], value: 3 })],
    'cuts off': [[[4, 5]], (g, x) => g.pad(x, { begin: [-1, 1], end: [0, -2] })],
  }),
  ...casesOf('Expand', {
    ones: [[[2, 1, 3]], (g, x) => g.expand(x, [2, 4, 3])],
    'new axes': [[[3]], (g, x) => g.expand(x, [2, 4, 3])],
    scalar: [[[]], (g, x) => g.expand(x, [2, 3])],
  }),
  ...casesOf('Tile', {
    'two axes': [[[2, 3]], (g, x) => g.tile(x, [3, 2])],
    'one axis': [[[2, 1, 3]], (g, x) => g.tile(x, [1, 2, 1])],
  }),
  ...casesOf('Gather', {
    'rows, some twice': [[[4, 3]], (g, x) => g.gather(x, g.constant(ints([2, 0, 2, 3])))],
    'indices of rank 2': [[[4, 3]], (g, x) => g.gather(x, g.constant(ints([2, 0, 2, 3, 1, 2], [2, 3])))],
    'a single index': [[[4, 3]], (g, x) => g.gather(x, g.constant(ints([2], [])))],
    columns: [[[2, 4, 3]], (g, x) => g.gather(x, g.constant(ints([3, 0, 3])), 1)],
    'last axis, indices of rank 2': [[[2, 4]], (g, x) => g.gather(x, g.constant(ints([3, 0, 3, 1], [2, 2])), -1)],
    'from the end': [[[4, 3]], (g, x) => g.gather(x, g.constant(ints([-1, 0])))],
    'a long table': [[[1030, 2]], (g, x) => g.gather(x, g.constant(ints([1029, 3, 3])))],
  }),
  ...casesOf('GatherElements', {
    'last axis': [
      [[2, 4]],
      (g, x) => g.gatherElements(x, g.constant(fromNumbers('int64', [3, 0, 3, 1, 1, 1], [2, 3])), 1),
    ],
    'first axis': [[[4, 2]], (g, x) => g.gatherElements(x, g.constant(fromNumbers('int64', [3, 0, 3, 1], [2, 2])), 0)],
  }),
  ...casesOf('ScatterElements', {
    written: [
      [
        [4, 3],
        [2, 3],
      ],
      (g, x, u) =>
        g.scatterElements(x, {
          indices: g.constant(fromNumbers('int64', [3, 0, 1, 2, 1, 0], [2, 3])),
          updates: u,
          axis: 0,
        }),
    ],
    added: [
      [
        [2, 4],
        [2, 3],
      ],
      (g, x, u) =>
        g.scatterElements(x, {
          indices: g.constant(fromNumbers('int64', [3, 0, 3, 2, 1, 0], [2, 3])),
          updates: u,
          axis: 1,
          add: true,
        }),
    ],
  }),
  ...casesOf('Trilu', {
    lower: [[[3, 4]], (g, x) => g.trilu(x)],
    'upper, shifted, batched': [[[2, 4, 3]], (g, x) => g.trilu(x, { upper: true, k: 1 })],
  }),
  ...casesOf('TopK', {
    'last axis': [[[3, 6]], (g, x) => g.topK(x, 2)[0]],
    'first axis': [[[5, 2]], (g, x) => g.topK(x, 3, 0)[0]],
  }),
];
