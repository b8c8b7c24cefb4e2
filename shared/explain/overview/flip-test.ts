/**
 * The flip test FT: would rows of the facet have been treated otherwise, as the rows beside it that are most like them are? Above 0 where the facet is treated better.
 * Source: E. Black, S. Yeom, M. Fredrikson, "FlipTest" (2020), by nearest neighbours, as Amazon SageMaker Clarify has it.
 */

/** The encoded features of the rows, [rows, width], and which of them are compared: all but the sensitive column's. */
export interface Neighbours {
  readonly data: ArrayLike<number>;
  readonly width: number;
  readonly compared: readonly number[];
}

interface TestedRows {
  readonly isFacet: Uint8Array;
  /** 1 where the prediction is the favorable one. */
  readonly predicted: Uint8Array;
}

const NEIGHBOURS = 5;
/** With at most this many rows beside the facet, the nearest one decides. */
const FEW_ROWS = 10;
/** Rows of the facet and rows beside it that are compared, at most: the first. */
const MAX_ROWS = 1000;

/** (favorable although its neighbours are not - not favorable although they are) / rows of the facet. NaN where nobody is beside it. */
export function flipTest(neighbours: Neighbours, { isFacet, predicted }: TestedRows): number {
  const rowsOf = (facet: number): number[] =>
    Array.from(isFacet.keys())
      .filter((row) => isFacet[row] === facet)
      .slice(0, MAX_ROWS);
  const [others, own] = [rowsOf(0), rowsOf(1)];
  if (others.length === 0) return Number.NaN;
  const count = others.length > FEW_ROWS ? NEIGHBOURS : 1;
  const flips = own.map((row) => {
    const nearest = others
      .map((other) => ({ other, distance: squaredDistance(neighbours, row, other) }))
      .sort((a, b) => a.distance - b.distance)
      .slice(0, count);
    const favorable = nearest.reduce((sum, { other }) => sum + predicted[other]!, 0);
    return predicted[row]! - Number(favorable > nearest.length / 2);
  });
  return flips.reduce((sum, flip) => sum + flip, 0) / own.length;
}

function squaredDistance({ data, width, compared }: Neighbours, a: number, b: number): number {
  return compared.reduce((sum, j) => sum + (data[a * width + j]! - data[b * width + j]!) ** 2, 0);
}
