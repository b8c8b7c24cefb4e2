/** Convolutions and pooling over one, two and three spatial axes, with every attribute, alone and together. */
import type { Value } from '../../../../shared/onnx/graph.ts';
import { fromNumbers } from '../../../../shared/tensor/tensor.ts';
import { casesOf } from '../gradient-case.ts';
import type { Build, GradientCase } from '../gradient-case.ts';
import type { ConvOptions, ConvTransposeOptions } from '../../../../shared/onnx/ops/convolution.ts';
import type { WindowOptions } from '../../../../shared/onnx/window.ts';

const conv =
  (options: ConvOptions = {}): Build =>
  (g, x, w, bias?: Value) =>
    g.conv(x, w, { ...options, ...(bias && { bias }) });
/** Of a kernel that is known when the graph is built: its gradient takes another way. */
const storedConv =
  (options: ConvOptions = {}): Build =>
  (g, x) => {
    const values = Float64Array.from({ length: 3 * 2 * 3 * 2 }, (_, i) => Math.sin(2 * i + 1));
    return g.conv(x, g.constant(fromNumbers(x.dtype as 'float32', values, [3, 2, 3, 2])), options);
  };
const convTranspose =
  (options: ConvTransposeOptions = {}): Build =>
  (g, x, w, bias?: Value) =>
    g.convTranspose(x, w, { ...options, ...(bias && { bias }) });
const maxPool =
  (options: WindowOptions): Build =>
  (g, x) =>
    g.maxPool(x, options);
const averagePool =
  (options: WindowOptions & { countIncludePad?: boolean }): Build =>
  (g, x) =>
    g.averagePool(x, options);

const pools = (build: (options: WindowOptions) => Build): Parameters<typeof casesOf>[1] => ({
  'tiling 2x2': [[[2, 3, 4, 6]], build({ kernel: [2, 2] })],
  'tiling with a rest': [[[2, 2, 5, 7]], build({ kernel: [2, 3] })],
  'tiling 1d': [[[2, 3, 7]], build({ kernel: [3] })],
  overlapping: [[[2, 2, 6, 7]], build({ kernel: [3, 3], strides: [2, 2] })],
  'overlapping 1d, stride 1': [[[2, 3, 6]], build({ kernel: [3], strides: [1] })],
  gaps: [[[1, 2, 7, 8]], build({ kernel: [2, 2], strides: [3, 3] })],
  'same padding': [[[2, 2, 5, 5]], build({ kernel: [2, 2], padding: 'same' })],
  'same padding, overlapping': [[[1, 2, 6, 5]], build({ kernel: [3, 3], strides: [2, 1], padding: 'same' })],
  'lopsided padding': [
    [[1, 2, 5, 6]],
    build({ kernel: [3, 2], strides: [1, 2], padding: { begin: [2, 0], end: [0, 1] } }),
  ],
  dilated: [[[1, 2, 7, 7]], build({ kernel: [2, 3], strides: [1, 2], dilations: [2, 1] })],
  'dilated and padded': [
    [[1, 2, 6, 6]],
    build({ kernel: [2, 2], strides: [2, 1], dilations: [2, 2], padding: { begin: [1, 1], end: [1, 0] } }),
  ],
});

export const windowCases: readonly GradientCase[] = [
  ...casesOf('Conv', {
    'a stored kernel': [[[2, 2, 5, 6]], storedConv()],
    'a stored kernel, padded': [[[2, 2, 5, 6]], storedConv({ padding: 'same' })],
    'a stored kernel, lopsided padding': [[[1, 2, 4, 5]], storedConv({ padding: { begin: [2, 0], end: [0, 1] } })],
    'a stored kernel, more padding than it has': [
      [[1, 2, 4, 5]],
      storedConv({ padding: { begin: [3, 0], end: [0, 2] } }),
    ],
    'a stored kernel, strides': [[[1, 2, 5, 6]], storedConv({ strides: [2, 1] })],
    plain: [
      [
        [2, 3, 5, 6],
        [4, 3, 3, 3],
      ],
      conv(),
    ],
    bias: [[[2, 3, 5, 6], [4, 3, 3, 2], [4]], conv()],
    '1x1': [[[2, 3, 4, 4], [5, 3, 1, 1], [5]], conv()],
    'one channel': [[[3, 1, 6, 6], [2, 1, 3, 3], [2]], conv()],
    'the kernel covers all': [
      [
        [2, 3, 4, 5],
        [4, 3, 4, 5],
      ],
      conv(),
    ],
    strides: [[[2, 2, 7, 9], [3, 2, 3, 3], [3]], conv({ strides: [2, 3] })],
    'strides that leave a rest': [
      [
        [2, 2, 8, 8],
        [3, 2, 3, 3],
      ],
      conv({ strides: [2, 3] }),
    ],
    'strides past the kernel': [
      [
        [2, 2, 9, 9],
        [3, 2, 2, 2],
      ],
      conv({ strides: [3, 4] }),
    ],
    padding: [[[2, 2, 4, 5], [3, 2, 3, 3], [3]], conv({ padding: { begin: [1, 1], end: [1, 1] } })],
    'lopsided padding': [
      [
        [2, 2, 4, 5],
        [3, 2, 3, 3],
      ],
      conv({ padding: { begin: [2, 0], end: [1, 2] } }),
    ],
    'same padding': [
      [
        [2, 2, 5, 6],
        [3, 2, 2, 3],
      ],
      conv({ padding: 'same' }),
    ],
    'same padding with strides': [
      [
        [2, 2, 7, 6],
        [3, 2, 3, 3],
      ],
      conv({ padding: 'same', strides: [2, 2] }),
    ],
    dilations: [[[2, 2, 8, 8], [3, 2, 3, 2], [3]], conv({ dilations: [2, 3] })],
    'dilation of rows only': [
      [
        [2, 2, 8, 6],
        [3, 2, 3, 2],
      ],
      conv({ dilations: [3, 1] }),
    ],
    'dilation of columns only': [
      [
        [2, 2, 6, 8],
        [3, 2, 2, 3],
      ],
      conv({ dilations: [1, 2] }),
    ],
    'strides, dilations and padding': [
      [[2, 2, 9, 10], [3, 2, 3, 3], [3]],
      conv({ strides: [2, 3], dilations: [2, 2], padding: { begin: [1, 2], end: [0, 1] } }),
    ],
    'strides and dilation of rows': [
      [
        [2, 2, 10, 9],
        [3, 2, 3, 3],
      ],
      conv({ strides: [3, 2], dilations: [2, 1], padding: { begin: [1, 0], end: [2, 1] } }),
    ],
    'two groups': [[[2, 4, 5, 5], [6, 2, 3, 3], [6]], conv({ group: 2 })],
    depthwise: [
      [
        [2, 3, 5, 5],
        [3, 1, 3, 3],
      ],
      conv({ group: 3, padding: 'same', strides: [2, 1] }),
    ],
    '1d': [[[2, 3, 9], [4, 3, 3], [4]], conv()],
    '1d, causal': [[[2, 3, 9], [4, 3, 3], [4]], conv({ dilations: [2], padding: { begin: [4], end: [0] } })],
    '1d, strides and padding': [
      [
        [2, 3, 10],
        [4, 3, 3],
      ],
      conv({ strides: [2], padding: { begin: [1], end: [1] } }),
    ],
    '3d': [[[1, 2, 4, 4, 5], [3, 2, 2, 2, 2], [3]], conv({ strides: [1, 2, 1] })],
  }),
  ...casesOf('ConvTranspose', {
    plain: [
      [
        [2, 3, 3, 4],
        [3, 4, 3, 3],
      ],
      convTranspose(),
    ],
    'bias and strides': [[[2, 3, 3, 4], [3, 2, 3, 2], [2]], convTranspose({ strides: [2, 3] })],
    'output padding': [
      [
        [2, 2, 3, 3],
        [2, 3, 3, 3],
      ],
      convTranspose({ strides: [2, 2], outputPadding: [1, 0], padding: { begin: [1, 1], end: [1, 1] } }),
    ],
    dilations: [
      [
        [1, 2, 3, 3],
        [2, 2, 2, 2],
      ],
      convTranspose({ dilations: [2, 1] }),
    ],
    groups: [
      [
        [2, 4, 3, 3],
        [4, 1, 2, 2],
      ],
      convTranspose({ group: 2 }),
    ],
    '1d': [
      [
        [2, 3, 5],
        [3, 2, 3],
      ],
      convTranspose({ strides: [2] }),
    ],
  }),
  ...casesOf('MaxPool', pools(maxPool)),
  ...casesOf('AveragePool', pools(averagePool)),
  ...casesOf('AveragePool', {
    'padding counts': [
      [[1, 2, 5, 5]],
      averagePool({ kernel: [3, 3], strides: [2, 2], padding: 'same', countIncludePad: true }),
    ],
  }),
  ...casesOf('GlobalAveragePool', {
    '2d': [[[2, 3, 4, 2]], (g, x) => g.globalAveragePool(x)],
    '1d': [[[2, 3, 4]], (g, x) => g.globalAveragePool(x)],
  }),
  ...casesOf('GlobalMaxPool', {
    '2d': [[[2, 3, 4, 2]], (g, x) => g.globalMaxPool(x)],
    '1d': [[[2, 3, 4]], (g, x) => g.globalMaxPool(x)],
  }),
  ...casesOf('Resize', {
    '2d': [[[2, 3, 2, 3]], (g, x) => g.resizeNearest(x, [2, 3])],
    '1d': [[[2, 3, 2]], (g, x) => g.resizeNearest(x, [3])],
  }),
];
