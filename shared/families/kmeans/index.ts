/**
 * k-means: minimise the inertia, sum_i min_k |x_i - c_k|^2, by Lloyd's algorithm from several starts.
 * Sources: S. Lloyd, "Least squares quantization in PCM" (1982); scikit-learn's KMeans, whose parameters and stopping rules these are.
 */
import { emitMatrix } from '../../data/encoding-graph.ts';
import { tensor } from '../../tensor/tensor.ts';
import { defineFamily } from '../contract.ts';
import type { FitState, Tensors } from '../contract.ts';
import { fitKmeans, startKmeans } from './fit.ts';
import { checkRows, kmeansParams } from './params.ts';
import type { KmeansParams } from './params.ts';

export const kmeans = defineFamily<KmeansParams>({
  name: 'kmeans',
  tasks: ['clustering'],
  params: kmeansParams,
  featureTypes: ['number', 'integer', 'boolean', 'category', 'datetime'],
  standardize: true,
  readsBlocks: true,
  check: checkRows,
  emitFeatures: emitMatrix,
  start: startKmeans,
  fit: fitKmeans,
  learned,
  infer(g, x, { centers }) {
    const squares = g.reduceSum(g.mul(centers!, centers!), { axes: [1], keepdims: true });
    const cluster = g.argMin(g.gemm(x, centers!, { transB: true, alpha: -2, c: g.transpose(squares) }), 1);
    const difference = g.sub(x, g.gather(centers!, cluster));
    return { cluster, distance: g.sqrt(g.reduceSum(g.mul(difference, difference), { axes: [1] })) };
  },
});

/** The centres of the best start, or of the first while it runs, among the encoded features. */
function learned({ position, tensors }: FitState): Tensors {
  const centers = tensors[position['best'] === null ? 'centers' : 'best_centers']!;
  const mean = tensors['mean']!.data as Float64Array;
  const data = (centers.data as Float64Array).map((value, at) => value + mean[at % mean.length]!);
  return { centers: tensor('float64', centers.shape, data) };
}
