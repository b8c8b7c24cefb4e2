/**
 * A problem whose rows memory does not hold: they stay where they are stored, and are read and encoded in blocks of a size that depends on the data and
 * on a setting alone. What is learned of the data before (the split, means, categories, vocabularies) is the same as of data in memory: it is
 * read column by column, texts block by block. The target's column, and a few numbers for each row, are held.
 */
import { columnOf, requireFinite } from '../data/columns.ts';
import { TextFit, fitEncoding } from '../data/encoding.ts';
import type { Encoding, FeatureOptions } from '../data/encoding.ts';
import { encodeFeatures } from '../data/feature-matrix.ts';
import { NO_TARGET, readTarget } from '../data/target.ts';
import type { Label } from '../data/target.ts';
import type { Table } from '../data/table.ts';
import { sourceOfTable } from '../data/table-source.ts';
import type { TableSource } from '../data/table-source.ts';
import { cutWindows, windowCount } from '../data/windows.ts';
import { ServiceError } from '../errors.ts';
import { FAMILIES } from '../families/registry.ts';
import type { TrainingSpec } from '../families/spec.ts';
import type { CheckedTraining } from '../families/validate.ts';
import type { Engine } from '../onnx/engine.ts';
import { sizeOf } from '../tensor/shape.ts';
import { BLOCKS_PER_WINDOW, BlockReader } from './block-reader.ts';
import type { StoredRows } from './block-reader.ts';
import { learnedRows, splitOf } from './training-rows.ts';
import type { EncodedRows } from './training-rows.ts';

export interface Blockwise {
  readonly spec: TrainingSpec;
  readonly checked: CheckedTraining;
  readonly train: TableSource;
  readonly validation: TableSource | undefined;
  readonly options: FeatureOptions;
  readonly engine: Engine;
  readonly memoryBytes: number;
}

/** Of the memory for rows, what a window takes; beside it lie the one before, blocks on their way, and what is held of all rows. */
const WINDOW_SHARE = 1 / 8;
/** Rows of a block are a multiple of this, so that of usual batch sizes none is cut at the end of a window. */
const ROUND_ROWS = 256;
/** Held of each row: its place in the split and in the order of an epoch, and what makes them. */
const ROW_BYTES = 32;
/** A family that needs all rows may have this share more than those that could read blocks. */
const WHOLE_SHARE = 2;

const READERS = FAMILIES.filter(({ readsBlocks }) => readsBlocks === true)
  .map(({ name }) => name)
  .join(', ');

/** @throws training_out_of_memory where a family that needs all rows at once has too many */
export function refuseSize(
  { family }: CheckedTraining,
  { rows, bytes, memoryBytes }: { readonly rows: number; readonly bytes: number; readonly memoryBytes: number },
): void {
  const limit = family.readsBlocks === true ? memoryBytes : WHOLE_SHARE * memoryBytes;
  if (bytes <= limit) return;
  throw tooLarge(`${family.name} needs all rows in memory at once`, { rows, bytes, limit });
}

function tooLarge(why: string, { rows, bytes, limit }: { rows: number; bytes: number; limit: number }): ServiceError {
  const mb = (value: number): string => `${Math.ceil(value / 1e6)} MB`;
  const message = `${why}, and ${rows} rows take ${mb(bytes)} of the ${mb(limit)} there are: bring fewer rows or columns, or use a family that reads blocks (${READERS})`;
  return new ServiceError('training_out_of_memory', message);
}

/** The bytes of an encoded row. */
export async function encodedRowBytes(
  engine: Engine,
  { family }: CheckedTraining,
  { table, encodings }: { readonly table: Table; readonly encodings: readonly Encoding[] },
): Promise<number> {
  const { data } = await encodeFeatures(engine, { table, rows: Int32Array.of(0), encodings }, family.emitFeatures);
  return data.byteLength;
}

/** @param blockRows of a training that was begun */
export async function prepareBlocks(
  { spec, checked, train, validation, options, engine, memoryBytes }: Blockwise,
  blockRows?: number,
): Promise<{ encodings: Encoding[]; train: EncodedRows; heldOut?: EncodedRows; blockRows: number }> {
  refuseHeld(train, checked, memoryBytes);
  const source = await openRows(checked, train, options);
  const { rows } = source.table;
  const split =
    validation === undefined
      ? splitOf(spec, checked, { rows, target: source.target })
      : { train: numbersTo(rows), validation: new Int32Array(0) };
  const blockBytes = Math.max(1, (memoryBytes * WINDOW_SHARE) / BLOCKS_PER_WINDOW);
  const encodings = await fitByColumn(source.table, split.train, { options, blockBytes });
  const first = await source.table.read(checked.features, 0, 1);
  const rowBytes = (await encodedRowBytes(engine, checked, { table: first, encodings })) + source.table.bytes / rows;
  const size = blockRows ?? rounded(blockBytes / rowBytes);
  const blocks = (from: StoredRows, picked: Int32Array): BlockReader =>
    new BlockReader(from, { picked, size, encodings, checked, engine });
  const labels = source.target.kind === 'classes' ? source.target.labels : undefined;
  const heldOut = validation === undefined ? source : await openRows(checked, validation, { ...options, labels });
  const heldOutRows = validation === undefined ? split.validation : numbersTo(heldOut.table.rows);
  return {
    encodings,
    train: await blocks(source, split.train).sample(),
    ...(heldOutRows.length === 0 ? {} : { heldOut: await blocks(heldOut, heldOutRows).sample() }),
    blockRows: size,
  };
}

const numbersTo = (rows: number): Int32Array => Int32Array.from({ length: rows }, (_, row) => row);

function rounded(rows: number): number {
  return rows < ROUND_ROWS ? Math.max(1, Math.floor(rows)) : Math.floor(rows / ROUND_ROWS) * ROUND_ROWS;
}

/** What is held of every row has to fit too. */
function refuseHeld({ rows, columns }: TableSource, { target }: CheckedTraining, memoryBytes: number): void {
  const steps = columns.find(({ name }) => name === target)?.shape ?? [];
  const bytes = rows * (ROW_BYTES + 8 * sizeOf(steps));
  if (bytes > memoryBytes)
    throw tooLarge('the target and the order of the rows are held in memory', { rows, bytes, limit: memoryBytes });
}

/** The rows of the data, the windows of its series, or the passages of its text (whose length is bounded). */
async function openRows(
  checked: CheckedTraining,
  table: TableSource,
  { text, labels }: Pick<FeatureOptions, 'text'> & { readonly labels?: readonly Label[] | undefined },
): Promise<StoredRows> {
  const { task, family, params, target: name, features } = checked;
  if (task === 'language_modelling') {
    const whole = learnedRows(checked, await table.read(features, 0, table.rows), { text });
    return { table: sourceOfTable(whole.table), target: whole.target };
  }
  if (task === 'clustering' || name === undefined) return { table, target: NO_TARGET };
  const column = await table.read([name], 0, table.rows);
  requireFinite(columnOf(column, name), column.rows);
  if (task !== 'forecasting') return { table, target: readTarget(column, name, task, labels) };
  const spec = { name, ...family.windowOf!(params) };
  const series = readTarget(column, name, 'regression').values as Float64Array;
  const rows = windowCount(series.length, spec);
  return {
    table: {
      rows,
      columns: [{ name, type: 'tensor', shape: [spec.window] }],
      bytes: rows * spec.window * Float32Array.BYTES_PER_ELEMENT,
      read: (_, begin, end) => Promise.resolve(cutWindows(series, { ...spec, begin, end }).table),
    },
    target: cutWindows(series, { ...spec, window: 0, begin: spec.window, end: spec.window + rows }).target,
  };
}

/** The encodings of the training rows, as of a table in memory, but of one column at a time, and of texts a block at a time. */
async function fitByColumn(
  table: TableSource,
  rows: Int32Array,
  { options, blockBytes }: { readonly options: FeatureOptions; readonly blockBytes: number },
): Promise<Encoding[]> {
  const encodings: Encoding[] = [];
  for (const name of options.features) {
    const type = table.columns.find((column) => column.name === name)?.type;
    if (type === 'text') encodings.push(await fitText(table, name, { rows, options, blockBytes }));
    else {
      const column = columnOf(await table.read([name], 0, type === 'tensor' ? 1 : table.rows), name);
      if (type !== 'tensor') requireFinite(column, table.rows);
      encodings.push(fitEncoding(column, rows, options));
    }
  }
  return encodings;
}

async function fitText(
  table: TableSource,
  name: string,
  { rows, options, blockBytes }: { rows: Int32Array; options: FeatureOptions; blockBytes: number },
): Promise<Encoding> {
  const fit = new TextFit(name, options);
  const step = Math.max(1, Math.floor((blockBytes * table.rows) / table.bytes));
  for (let begin = 0, at = 0; begin < table.rows; begin += step) {
    const end = Math.min(begin + step, table.rows);
    const column = columnOf(await table.read([name], begin, end), name);
    const from = at;
    while (at < rows.length && rows[at]! < end) at++;
    fit.add(
      column as Parameters<TextFit['add']>[0],
      rows.subarray(from, at).map((row) => row - begin),
    );
  }
  return fit.finish();
}
