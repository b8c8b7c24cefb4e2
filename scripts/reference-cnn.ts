/** The network that the demo, the benchmarks and the tests train: 121,930 parameters on digits of 28 x 28. */
export const REFERENCE_LAYERS = [
  { conv2d: { filters: 32, kernel_size: [3, 3], activation: 'relu' } },
  { max_pooling2d: { pool_size: [2, 2] } },
  { conv2d: { filters: 64, kernel_size: [3, 3], activation: 'relu' } },
  { max_pooling2d: { pool_size: [2, 2] } },
  { flatten: {} },
  { dense: { units: 64, activation: 'relu' } },
  { dense: { units: 10, activation: 'softmax' } },
];
