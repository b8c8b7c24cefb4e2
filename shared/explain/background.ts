/**
 * What explanations compare with. At the end of training a seeded sample of the training rows and the means of the encoded columns are kept beside the
 * model, in the tenant's own prefix and deleted with it; the ONNX file itself, which may be handed on, holds no row of the data.
 */
import { cellValue, columnOf } from '../data/columns.ts';
import { matrixColumns } from '../data/encoding-graph.ts';
import { widthOf } from '../data/encoding.ts';
import type { Encoding } from '../data/encoding.ts';
import type { Table } from '../data/table.ts';
import { Random } from '../tensor/random.ts';
import { rowsOfRequest } from './instances.ts';
import type { Subject } from './subject.ts';
import type { Feeds } from './terms.ts';

/** The file beside a model. */
export interface StoredBackground {
  readonly version: 1;
  readonly seed: number;
  /** A sample of the training rows, as instances of a prediction. */
  readonly rows: readonly unknown[];
  /** Of tables: each feature with what a missing value becomes, and how many encoded columns it has. */
  readonly features: readonly {
    readonly name: string;
    readonly width: number;
    readonly fill: number | string | null;
  }[];
  /** Means of the encoded columns over all training rows (a sample, where memory does not hold them), feature by feature; none of tensors. */
  readonly means: readonly number[];
}

export interface Background {
  /** `training`, `given`, or `empty` of a text, which is compared with its parts. */
  readonly name: string;
  readonly rows: readonly Feeds[];
  /** Means of the encoded columns over more rows than these, in the order of the matrix. */
  readonly means?: Float64Array | undefined;
  /** Encoded columns of each feature, where it is not one. */
  readonly widths: Readonly<Record<string, number>>;
}

const MAX_ROWS = 32;
/** Numbers of all rows together: a sample of images is smaller. */
const MAX_VALUES = 60_000;

export interface TrainedData {
  readonly encodings: readonly Encoding[];
  readonly table: Table;
  readonly rows: Int32Array;
  /** The encoded rows, first axis the rows. */
  readonly x: { readonly shape: readonly number[]; readonly data: ArrayLike<number> };
  readonly seed: number;
}

/** A sample without replacement, and the means of all rows. */
export function sampleBackground({ encodings, table, rows, x, seed }: TrainedData): StoredBackground {
  const width = encodings.reduce((sum, encoding) => sum + widthOf(encoding), 0);
  const count = Math.max(1, Math.min(MAX_ROWS, rows.length, Math.floor(MAX_VALUES / Math.max(1, width))));
  const picked = Random.fromSeed(seed).permutation(rows.length).subarray(0, count).toSorted();
  const columns = encodings.map(({ name }) => columnOf(table, name));
  return {
    version: 1,
    seed,
    rows: Array.from(picked, (i) =>
      Object.fromEntries(columns.map((column) => [column.name, cellValue(column, rows[i]!)])),
    ),
    features: encodings.map((encoding) => ({
      name: encoding.name,
      width: widthOf(encoding),
      fill: 'fill' in encoding ? encoding.fill : null,
    })),
    means: encodings.some(({ type }) => type === 'tensor') ? [] : columnMeans(x, matrixColumns(encodings).length),
  };
}

function columnMeans({ shape, data }: TrainedData['x'], width: number): number[] {
  const [rows = 0] = shape;
  const sums = new Float64Array(width);
  for (let at = 0; at < rows * width; at++) sums[at % width]! += data[at]!;
  return Array.from(sums, (sum) => sum / rows);
}

/** The stored sample as feeds. */
export function storedBackground(subject: Subject, stored: StoredBackground): Background {
  return {
    name: 'training',
    rows: rowsOfRequest(subject, stored.rows),
    widths: widthsOf(stored),
    ...(stored.means.length === 0 ? {} : { means: Float64Array.from(stored.means) }),
  };
}

export const widthsOf = ({ features }: StoredBackground): Record<string, number> =>
  Object.fromEntries(features.map(({ name, width }) => [name, width]));
