/**
 * Support vector machines: C-SVC for classes, one against one, and epsilon-SVR for numbers, as LIBSVM and scikit-learn's SVC and SVR.
 *   minimise 1/2 a'Qa - 1'a with y'a = 0, 0 <= a_i <= C, Q_ij = y_i y_j K(x_i, x_j); decide by the sign of sum y_i a_i K(x_i, x) + b.
 */
import { emitMatrix } from '../../data/encoding-graph.ts';
import { tensor } from '../../tensor/tensor.ts';
import type { HostTensor } from '../../tensor/tensor.ts';
import { defineFamily } from '../contract.ts';
import type { FitState, ModelShape, Tensors } from '../contract.ts';
import { fitSvm, startSvm } from './fit.ts';
import { classPairs, coefColumn, inferClasses, inferRegression } from './infer.ts';
import { checkSvm, svmParams } from './params.ts';
import type { SvmParams } from './params.ts';

export const svm = defineFamily<SvmParams>({
  name: 'svm',
  tasks: ['classification', 'regression'],
  params: svmParams,
  featureTypes: ['number', 'integer', 'boolean', 'category', 'datetime'],
  standardize: true,
  check: checkSvm,
  emitFeatures: emitMatrix,
  start: startSvm,
  fit: fitSvm,
  learned,
  infer: (g, x, values, { task, params, outputs }) =>
    task === 'classification'
      ? inferClasses(g, x, values, { kernel: params, classes: outputs })
      : inferRegression(g, x, values, params),
});

function learned({ position, tensors }: FitState, { params, task, outputs }: ModelShape<SvmParams>): Tensors {
  const data = (name: string): Float64Array => tensors[name]!.data as Float64Array;
  const row = (name: string): HostTensor => tensor('float64', [1, data(name).length], data(name));
  const probabilities: Tensors = params.probability ? { prob_a: row('probA'), prob_b: row('probB') } : {};
  const sizes = position['n_support'] as readonly number[];
  if (params.kernel === 'linear') {
    const pairs = task === 'classification' ? classPairs(outputs) : [[0, 0] as const];
    return { ...hyperplanes(tensors, sizes, pairs), ...probabilities };
  }
  const columns = tensors['dual_coef']!.shape[1]!;
  const ends = sizes.map((_, c) => sizes.slice(0, c + 1).reduce((sum, size) => sum + size, 0));
  const coefs = sizes.map((size, c): [string, HostTensor] => [
    `dual_coef/${c}`,
    tensor('float64', [size, columns], data('dual_coef').slice((ends[c]! - size) * columns, ends[c]! * columns)),
  ]);
  return {
    gamma: tensors['gamma']!,
    support_vectors: tensors['support_vectors']!,
    ...Object.fromEntries(coefs),
    intercept: row('intercept'),
    ...probabilities,
  };
}

/** The linear kernel's decision functions x'w + b, one column a pair; training left out the columns' means. */
function hyperplanes(
  tensors: FitState['tensors'],
  sizes: readonly number[],
  pairs: readonly (readonly [number, number])[],
): { coef: HostTensor; intercept: HostTensor } {
  const [support = 0, width = 0] = tensors['support_vectors']!.shape;
  const vectors = tensors['support_vectors']!.data as Float64Array;
  const dual = tensors['dual_coef']!;
  const center = tensors['center']!.data as Float64Array;
  const columns = dual.shape[1]!;
  const classes = sizes.flatMap((size, c) => new Array<number>(size).fill(c));
  const coef = new Float64Array(width * pairs.length);
  const intercept = Float64Array.from(tensors['intercept']!.data as Float64Array);
  pairs.forEach(([a, b], p) => {
    for (let s = 0; s < support; s++) {
      const own = classes[s]!;
      if (own !== a && own !== b) continue;
      const column = a === b ? 0 : coefColumn(own, own === a ? b : a);
      const factor = (dual.data as Float64Array)[s * columns + column]!;
      for (let j = 0; j < width; j++) coef[j * pairs.length + p]! += factor * (vectors[s * width + j]! - center[j]!);
    }
    for (let j = 0; j < width; j++) intercept[p]! -= coef[j * pairs.length + p]! * center[j]!;
  });
  return {
    coef: tensor('float64', [width, pairs.length], coef),
    intercept: tensor('float64', [1, pairs.length], intercept),
  };
}
