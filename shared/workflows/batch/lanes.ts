/** How the rows of a batch are divided: steps, each one run of the model, and lanes, each a chain of invocations of its own. */
import type { ColumnType } from '../../data/table.ts';

/** Consecutive rows: from 0, the end not included. */
export interface Lane {
  readonly begin: number;
  readonly end: number;
}

/** Of one run: what the model keeps of a row is more than the row. */
const STEP_BYTES = 8_000_000;
const MAX_STEP_ROWS = 1_000;
/** Of a language model: a run is as many of them, one after another. */
const STEP_TOKENS = 2_000;
const DEFAULT_TOKENS = 100;
const TEXT_BYTES = 4_000;
const MAX_LANES = 8;
/** Fewer are not worth another environment. */
const LANE_STEPS = 20;

/** Rows of a run, by what one of them holds. It belongs to the batch: the same runs give the same bytes, however it is cut. */
export function stepRows(
  inputs: readonly { readonly type: ColumnType; readonly shape?: readonly number[] | undefined }[],
  language?: { readonly max_tokens?: number | undefined },
): number {
  if (language !== undefined) return Math.max(1, Math.floor(STEP_TOKENS / (language.max_tokens ?? DEFAULT_TOKENS)));
  const bytes = inputs.reduce((sum, { type, shape = [] }) => {
    if (type === 'text') return sum + TEXT_BYTES;
    return sum + Float64Array.BYTES_PER_ELEMENT * shape.reduce((product, size) => product * Math.abs(size), 1);
  }, 0);
  return Math.max(1, Math.min(MAX_STEP_ROWS, Math.floor(STEP_BYTES / Math.max(1, bytes))));
}

/** Lanes of whole steps, alike but for the last. */
export function lanesOf(rows: number, step: number): Lane[] {
  const steps = Math.ceil(rows / step);
  const lanes = Math.min(MAX_LANES, Math.ceil(steps / LANE_STEPS));
  const laneRows = Math.ceil(steps / Math.max(1, lanes)) * step;
  const begins = Array.from({ length: lanes }, (_, lane) => lane * laneRows).filter((begin) => begin < rows);
  return begins.map((begin) => ({ begin, end: Math.min(rows, begin + laneRows) }));
}

/** Where the step ends that a row is in: steps are counted from the first row of the batch, as lanes begin with one. */
export function stepEnd(row: number, step: number): number {
  return row - (row % step) + step;
}
