/**
 * From a spec and its tables to an encoded problem: the same every time, so that a resumed fit sees the same data. What memory does not hold is
 * read in blocks (block-preparation.ts).
 */
import { createHash } from 'node:crypto';
import { allRows, columnOf, requireFinite } from '../data/columns.ts';
import { fitEncodings } from '../data/encoding.ts';
import type { Encoding, FeatureOptions } from '../data/encoding.ts';
import { encodeFeatures } from '../data/feature-matrix.ts';
import { profile } from '../data/profile.ts';
import type { Table } from '../data/table.ts';
import { isSource, sourceOfTable } from '../data/table-source.ts';
import type { TableSource } from '../data/table-source.ts';
import { vocabularySize } from '../data/text.ts';
import { modelOf, rowCount } from '../families/contract.ts';
import type { ModelShape, Problem, Samples } from '../families/contract.ts';
import { DEFAULT_PREPROCESSING } from '../families/spec.ts';
import type { TrainingSpec } from '../families/spec.ts';
import { validateTraining } from '../families/validate.ts';
import type { CheckedTraining } from '../families/validate.ts';
import type { Engine } from '../onnx/engine.ts';
import { encodedRowBytes, prepareBlocks, refuseSize } from './block-preparation.ts';
import type { Blockwise } from './block-preparation.ts';
import { learnedRows, pickTarget, splitOf, textOf } from './training-rows.ts';
import type { EncodedRows, LearnedRows, Rows } from './training-rows.ts';

export interface TrainingData {
  readonly spec: TrainingSpec;
  readonly train: Table | TableSource;
  /** Rows to validate with; without it they are split off `train`. */
  readonly validation?: Table | TableSource | undefined;
  /** What rows may take in memory, stored and encoded; more are read in blocks. Default: no limit. */
  readonly memoryBytes?: number | undefined;
}

export interface Preparation extends CheckedTraining {
  readonly encodings: readonly Encoding[];
  readonly problem: Problem<unknown>;
  readonly model: ModelShape<unknown>;
  /** Those of the problem's arrays: all, or where the problem has blocks the sample of them. */
  readonly trainRows: Rows;
  /** The rows kept apart, where there are any. */
  readonly heldOut?: Rows;
  /** Rows of a block; undefined where memory holds all. */
  readonly blockRows?: number | undefined;
  /** Identifies spec and data in checkpoints. */
  readonly fingerprint: string;
}

/**
 * Checks the spec, splits, fits the encodings on the training rows and encodes. A training that was begun keeps to the size of its blocks.
 * @throws ServiceError naming the field
 */
export async function prepare(
  data: TrainingData,
  engine: Engine,
  begun?: Pick<Preparation, 'blockRows'>,
): Promise<Preparation> {
  const { spec, memoryBytes = Infinity } = data;
  const [source, others] = [asSource(data.train), data.validation && asSource(data.validation)];
  const checked = validateTraining(spec, { columns: await columnsOf(source, spec) });
  const stored = source.bytes + (others?.bytes ?? 0);
  if (checked.family.readsBlocks !== true) refuseSize(checked, { rows: source.rows, bytes: stored, memoryBytes });
  const options = optionsOf(spec, checked);
  const inBlocks = async (): Promise<Preparation> => {
    const blockwise = { spec, checked, train: source, validation: others, options, engine, memoryBytes };
    return finish(spec, { checked, options }, await prepareBlocks(blockwise, begun?.blockRows));
  };
  const train = await heldOf(data.train, checked);
  const validation = data.validation && (await heldOf(data.validation, checked));
  if (begun?.blockRows !== undefined || isSource(train) || isSource(validation)) return inBlocks();
  const whole = wholeRows(spec, checked, { train, validation, options });
  const encodings = fitEncodings(whole.source.table, whole.split.train, options);
  // A training that was begun in memory goes on there.
  const isLarge = begun === undefined && (await overflows(whole, { checked, encodings, engine, stored, memoryBytes }));
  if (isLarge) return inBlocks();
  const encode = async ({ table, target }: LearnedRows, rows: Int32Array): Promise<EncodedRows> => {
    const x = await encodeFeatures(engine, { table, rows, encodings }, checked.family.emitFeatures);
    return { samples: { x, target: pickTarget(target, rows, table.rows) }, rows: { table, rows } };
  };
  return finish(
    spec,
    { checked, options },
    {
      encodings,
      train: await encode(whole.source, whole.split.train),
      ...(whole.heldOutRows.length > 0 && { heldOut: await encode(whole.heldOut, whole.heldOutRows) }),
    },
  );
}

const asSource = (data: Table | TableSource): TableSource => (isSource(data) ? data : sourceOfTable(data));

/** Whether the rows, stored and encoded, are more than memory is to hold. @throws training_out_of_memory where they have to be held */
async function overflows(
  { source, split, heldOutRows }: ReturnType<typeof wholeRows>,
  of: Pick<Blockwise, 'checked' | 'engine' | 'memoryBytes'> & { encodings: readonly Encoding[]; stored: number },
): Promise<boolean> {
  if (!Number.isFinite(of.memoryBytes)) return false;
  const rows = split.train.length + heldOutRows.length;
  const bytes = of.stored + rows * (await encodedRowBytes(of.engine, of.checked, { ...source, ...of }));
  if (of.checked.family.readsBlocks === true) return bytes > of.memoryBytes;
  refuseSize(of.checked, { rows, bytes, memoryBytes: of.memoryBytes });
  return false;
}

/** A family that needs all rows has them in memory, and one that reads blocks what is there already. */
function heldOf(data: Table | TableSource, { family }: CheckedTraining): Promise<Table> | Table | TableSource {
  if (!isSource(data) || family.readsBlocks === true) return data;
  return data.read(
    data.columns.map(({ name }) => name),
    0,
    data.rows,
  );
}

function optionsOf(spec: TrainingSpec, checked: CheckedTraining): FeatureOptions {
  const preprocessing = spec.preprocessing ?? DEFAULT_PREPROCESSING;
  const standardize = preprocessing.standardize === 'auto' ? checked.family.standardize : preprocessing.standardize;
  return { features: checked.features, preprocessing, standardize, text: textOf(checked, preprocessing) };
}

/** What is learned from tables in memory, and validated with. */
function wholeRows(
  spec: TrainingSpec,
  checked: CheckedTraining,
  { train, validation, options: { text } }: { train: Table; validation: Table | undefined; options: FeatureOptions },
) {
  for (const table of validation === undefined ? [train] : [train, validation]) {
    for (const name of [...checked.features, ...(checked.target === undefined ? [] : [checked.target])])
      requireFinite(columnOf(table, name), table.rows);
  }
  const source = learnedRows(checked, train, { text });
  const { target, table } = source;
  const split =
    validation === undefined
      ? splitOf(spec, checked, { rows: table.rows, target })
      : { train: allRows(table), validation: new Int32Array(0) };
  const labels = target.kind === 'classes' ? target.labels : undefined;
  const heldOut = validation === undefined ? source : learnedRows(checked, validation, { text, labels });
  return {
    source,
    split,
    heldOut,
    heldOutRows: validation === undefined ? split.validation : allRows(heldOut.table),
  };
}

interface PreparedRows {
  readonly encodings: readonly Encoding[];
  readonly train: EncodedRows;
  readonly heldOut?: EncodedRows;
  readonly blockRows?: number;
}

function finish(
  { seed = 0 }: TrainingSpec,
  { checked, options: { preprocessing } }: { checked: CheckedTraining; options: FeatureOptions },
  { encodings, train, heldOut, blockRows }: PreparedRows,
): Preparation {
  const textual = encodings.find((encoding) => encoding.type === 'text');
  const problem: Problem<unknown> = {
    task: checked.task,
    params: checked.params,
    seed,
    ...(textual === undefined ? {} : { vocabulary: vocabularySize(textual) }),
    ...(encodings.some((encoding) => encoding.type === 'tensor' && encoding.isRagged) ? { isRagged: true } : {}),
    train: train.samples,
    ...(heldOut === undefined ? {} : { validation: heldOut.samples }),
  };
  return {
    ...checked,
    encodings,
    problem,
    model: modelOf(problem),
    trainRows: train.rows,
    ...(heldOut === undefined ? {} : { heldOut: heldOut.rows }),
    blockRows,
    fingerprint: fingerprintOf(checked, { encodings, problem, preprocessing }),
  };
}

/** Column types and, where a check needs them, counts; the whole profile would count the distinct values of every column. */
function columnsOf(
  source: TableSource,
  { target }: TrainingSpec,
): Promise<Parameters<typeof validateTraining>[1]['columns']> {
  return Promise.all(
    source.columns.map(async (column) =>
      column.name === target ? profile(await source.read([target], 0, source.rows))[0]! : column,
    ),
  );
}

function fingerprintOf(
  { family, task, params, target, features }: CheckedTraining,
  rest: Pick<Preparation, 'encodings' | 'problem'> & { preprocessing: unknown },
): string {
  const { train, validation, seed } = rest.problem;
  const shapeOf = (samples: Samples): number[] => [rowCount(samples), ...samples.x.shape.slice(1)];
  const rows = [shapeOf(train), validation && shapeOf(validation)];
  const text = JSON.stringify([
    family.name,
    task,
    params,
    target,
    features,
    rest.preprocessing,
    rest.encodings,
    seed,
    rows,
  ]);
  return createHash('sha256').update(text).digest('hex');
}
