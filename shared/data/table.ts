/**
 * A dataset in memory: typed columns of equal length. Readers (csv, jsonl, idx) make one, columnar.ts stores it, families
 * are trained on it. Missing values are part of the type of a column, never a magic number within its range.
 */

export type ColumnType = 'number' | 'integer' | 'boolean' | 'category' | 'text' | 'datetime' | 'tensor';

export type Column =
  /** NaN is missing. */
  | { readonly name: string; readonly type: 'number' | 'integer'; readonly values: Float64Array }
  /** 0, 1, or 255 for missing. */
  | { readonly name: string; readonly type: 'boolean'; readonly values: Uint8Array }
  /** Index into `categories` (sorted by code unit), -1 for missing. */
  | {
      readonly name: string;
      readonly type: 'category';
      readonly values: Int32Array;
      readonly categories: readonly string[];
    }
  /** null is missing. */
  | { readonly name: string; readonly type: 'text'; readonly values: readonly (string | null)[] }
  /** Seconds since the epoch, UTC; NaN is missing. */
  | { readonly name: string; readonly type: 'datetime'; readonly values: Float64Array }
  /** Row-major, `shape` is one row's: values.length = rows * product(shape). Pixels stay bytes, other numbers are float32. */
  | {
      readonly name: string;
      readonly type: 'tensor';
      readonly shape: readonly number[];
      readonly values: Uint8Array | Float32Array;
      /** Rows differ in their first size: `shape` is the longest's, and shorter ones are filled up with NaN. */
      readonly isRagged?: boolean;
    };

export interface Table {
  readonly rows: number;
  readonly columns: readonly Column[];
}
