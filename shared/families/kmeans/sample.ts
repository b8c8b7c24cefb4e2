/**
 * Of rows that memory does not hold, a sample that the seed draws from all of them, which first centres come from and starts are tried on (Bradley and
 * Fayyad, "Refining initial points for k-means clustering", 1998). The pass that draws it learns the scale of all rows too.
 */
import type { FeatureDType, Features } from '../../data/feature-matrix.ts';
import { Random } from '../../tensor/random.ts';
import { takeRows, tensor } from '../../tensor/tensor.ts';
import type { HostTensor } from '../../tensor/tensor.ts';
import type { FitState, Problem, Samples } from '../contract.ts';
import { RowReader } from '../row-reader.ts';
import type { KmeansParams } from './params.ts';
import { centre } from './points.ts';
import type { Scale } from './points.ts';

/** Encoded values of the sample, which the checkpoint holds, where that gives every cluster enough rows. */
const SAMPLE_VALUES = 1 << 21;
const ROWS_PER_CLUSTER = 20;
/** Values that are read at once. */
const RUN_VALUES = 1 << 20;

/** How many rows the sample has: no more than memory holds at once. */
export function sampleSize({ blocks, x }: Samples, { n_clusters: clusters }: KmeansParams): number {
  if (blocks === undefined) return x.shape[0]!;
  const width = Math.max(1, x.shape[1]!);
  const wanted = Math.max(Math.floor(SAMPLE_VALUES / width), ROWS_PER_CLUSTER * clusters);
  return Math.min(blocks.starts.at(-1)!, blocks.perWindow * blocks.starts[1]!, wanted);
}

/** The pass over all rows, from where the state is; yields the share that is done. */
export async function* drawSample(
  { train, params, seed }: Problem<KmeansParams>,
  state: FitState,
): AsyncGenerator<number, void, undefined> {
  const reader = new RowReader(train);
  const { rows } = reader;
  const mean = state.tensors['mean']!.data as Float64Array;
  const drawn = Random.fromSeed(seed + 2 ** 33)
    .permutation(rows)
    .subarray(0, sampleSize(train, params))
    .sort();
  const most = Math.max(1, Math.floor(RUN_VALUES / mean.length));
  for (let row = Number(state.position['row']); row < rows; row = Number(state.position['row'])) {
    const { x, end } = await reader.read(row, most);
    const { values, total } = centre(x, mean);
    const moments = Float64Array.from(state.tensors['moments']!.data as Float64Array);
    for (let at = 0; at < values.length; at++) {
      const j = at % moments.length;
      if (j < mean.length) moments[j]! += values[at]!;
    }
    moments[mean.length]! += total;
    const wanted = drawn.filter((number) => number >= row && number < end).map((number) => number - row);
    state.position = { ...state.position, row: end };
    state.tensors = {
      ...state.tensors,
      moments: tensor('float64', [moments.length], moments),
      sample: joined(state.tensors['sample'] as HostTensor<'float64'>, takeRows<FeatureDType>(x, wanted)),
    };
    yield end / rows;
  }
}

function joined(sample: HostTensor<'float64'>, { data, shape }: Features): HostTensor<'float64'> {
  const values = new Float64Array(sample.data.length + data.length);
  values.set(sample.data);
  values.set(data, sample.data.length);
  return tensor('float64', [sample.shape[0]! + shape[0]!, shape[1]!], values);
}

/** Of all rows, once the pass is done. */
export function scaleOf({ tensors }: FitState, rows: number): Scale {
  const moments = tensors['moments']!.data as Float64Array;
  const width = moments.length - 1;
  const total = moments[width]!;
  const squares = moments.subarray(0, width).reduce((sum, value) => sum + value ** 2 / rows, 0);
  return { total, variance: (total - squares) / (rows * width) };
}
