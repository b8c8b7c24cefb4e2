/** From a spec and its tables to an encoded problem: the same every time, so that a resumed fit sees the same data. */
import { createHash } from 'node:crypto';
import { allRows, columnOf, requireFinite } from '../data/columns.ts';
import { fitEncodings } from '../data/encoding.ts';
import type { Encoding, Preprocessing } from '../data/encoding.ts';
import { encodeFeatures } from '../data/feature-matrix.ts';
import { passagesOf } from '../data/passages.ts';
import { profile } from '../data/profile.ts';
import { splitRows } from '../data/split.ts';
import type { Split } from '../data/split.ts';
import { NO_TARGET, readTarget, requireEqualLengths } from '../data/target.ts';
import type { Table } from '../data/table.ts';
import type { Label, Target } from '../data/target.ts';
import { textSettings, vocabularySize } from '../data/text.ts';
import type { TextSettings } from '../data/text.ts';
import { splitWindows, windowsOf } from '../data/windows.ts';
import { modelOf } from '../families/contract.ts';
import type { ModelShape, Problem, Samples } from '../families/contract.ts';
import { DEFAULT_PREPROCESSING, DEFAULT_VALIDATION_FRACTION } from '../families/spec.ts';
import type { TrainingSpec } from '../families/spec.ts';
import { takesText, validateTraining } from '../families/validate.ts';
import type { CheckedTraining } from '../families/validate.ts';
import type { Engine } from '../onnx/engine.ts';

export interface TrainingData {
  readonly spec: TrainingSpec;
  readonly train: Table;
  /** Rows to validate with; without it they are split off `train`. */
  readonly validation?: Table | undefined;
}

/** Which rows of which table. */
interface Rows {
  readonly table: Table;
  readonly rows: Int32Array;
}

export interface Preparation extends CheckedTraining {
  readonly encodings: readonly Encoding[];
  readonly problem: Problem<unknown>;
  readonly model: ModelShape<unknown>;
  readonly trainRows: Rows;
  /** The rows kept apart, where there are any. */
  readonly heldOut?: Rows;
  /** Identifies spec and data in checkpoints. */
  readonly fingerprint: string;
}

/** Checks the spec, splits, fits the encodings on the training rows and encodes. @throws ServiceError naming the field */
export async function prepare(data: TrainingData, engine: Engine): Promise<Preparation> {
  const { spec, train, validation } = data;
  const checked = validateTraining(spec, { columns: typesOf(train, spec) });
  const { family, task, params } = checked;
  for (const table of validation === undefined ? [train] : [train, validation]) {
    for (const name of [...checked.features, ...(checked.target === undefined ? [] : [checked.target])])
      requireFinite(columnOf(table, name), table.rows);
  }
  const preprocessing = spec.preprocessing ?? DEFAULT_PREPROCESSING;
  const text = textOf(checked, preprocessing);
  const source = sourceOf(checked, train, { text });
  const { target } = source;
  const seed = spec.seed ?? 0;
  const split =
    validation === undefined
      ? splitOf(spec, checked, source)
      : { train: allRows(source.table), validation: new Int32Array(0) };
  const standardize = preprocessing.standardize === 'auto' ? family.standardize : preprocessing.standardize;
  const encodings = fitEncodings(source.table, split.train, {
    features: checked.features,
    preprocessing,
    standardize,
    text,
  });
  const textual = encodings.find((encoding) => encoding.type === 'text');
  const encode = async ({ table, target: all }: Source, rows: Int32Array): Promise<Samples> => ({
    x: await encodeFeatures(engine, { table, rows, encodings }, family.emitFeatures),
    target: pick(all, rows, table.rows),
  });
  const labels = target.kind === 'classes' ? target.labels : undefined;
  const heldOut = validation === undefined ? source : sourceOf(checked, validation, { text, labels });
  const heldOutRows = validation === undefined ? split.validation : allRows(heldOut.table);
  const problem: Problem<unknown> = {
    task,
    params,
    seed,
    ...(textual === undefined ? {} : { vocabulary: vocabularySize(textual) }),
    ...(encodings.some((encoding) => encoding.type === 'tensor' && encoding.isRagged) ? { isRagged: true } : {}),
    train: await encode(source, split.train),
    ...(heldOutRows.length === 0 ? {} : { validation: await encode(heldOut, heldOutRows) }),
  };
  const model = modelOf(problem);
  return {
    ...checked,
    encodings,
    problem,
    model,
    trainRows: { table: source.table, rows: split.train },
    ...keptApart({ table: heldOut.table, rows: heldOutRows }),
    fingerprint: fingerprintOf(checked, { encodings, problem, preprocessing }),
  };
}

function keptApart(heldOut: Rows): { heldOut?: Rows } {
  return heldOut.rows.length === 0 ? {} : { heldOut };
}

/** Column types and, where a check needs them, counts; the whole profile would cost a sort of every column. */
function typesOf(table: Table, { target }: TrainingSpec): Parameters<typeof validateTraining>[1]['columns'] {
  return table.columns.map((column) => {
    const { name, type } = column;
    if (name === target) return profile({ rows: table.rows, columns: [column] })[0]!;
    return type === 'tensor' ? { name, type, shape: column.shape, ragged: column.isRagged } : { name, type };
  });
}

/** Rows to learn from: those of the data, or the windows of a series. */
interface Source {
  readonly table: Table;
  readonly target: Target;
}

/** How the family reads text, if it does; a row of a language model is its context and the token that follows. */
function textOf({ family, task, params }: CheckedTraining, { text }: Preprocessing): TextSettings | undefined {
  if (!takesText(family)) return undefined;
  if (task !== 'language_modelling') return textSettings(text);
  return { ...textSettings(text, { isWritten: true }), maxLength: family.contextOf!(params) + 1 };
}

function sourceOf(
  { family, task, params, target, features }: CheckedTraining,
  table: Table,
  { text, labels }: { text: TextSettings | undefined; labels?: readonly Label[] | undefined },
): Source {
  if (task === 'language_modelling') {
    const passages = { context: text!.maxLength - 1, tokens: text!.tokens };
    return { table: passagesOf(table, features[0]!, passages), target: NO_TARGET };
  }
  if (task === 'clustering' || target === undefined) return { table, target: NO_TARGET };
  if (task === 'forecasting') return windowsOf(table, target, family.windowOf!(params));
  requireEqualLengths(columnOf(table, features[0]!), columnOf(table, target), table.rows);
  return { table, target: readTarget(table, target, task, labels) };
}

function splitOf(spec: TrainingSpec, { family, task, params }: CheckedTraining, { table, target }: Source): Split {
  const { validation = { fraction: DEFAULT_VALIDATION_FRACTION } } = spec;
  const fraction = 'fraction' in validation ? validation.fraction : 0;
  if (task === 'language_modelling') return splitWindows(table.rows, fraction, { window: 1, horizon: 1 });
  if (task === 'forecasting') return splitWindows(table.rows, fraction, family.windowOf!(params));
  return splitRows(table.rows, fraction, {
    seed: spec.seed ?? 0,
    ...(target.kind === 'classes' && target.steps === undefined ? { classes: target.values } : {}),
  });
}

function pick(target: Target, rows: Int32Array, total: number): Target {
  if (target.kind === 'none') return target;
  const width = target.values.length / total;
  const at = (i: number): number => rows[Math.floor(i / width)]! * width + (i % width);
  const picked = { length: rows.length * width };
  if (target.kind === 'numbers')
    return { ...target, values: Float64Array.from(picked, (_, i) => target.values[at(i)]!) };
  return { ...target, values: Int32Array.from(picked, (_, i) => target.values[at(i)]!) };
}

function fingerprintOf(
  { family, task, params, target, features }: CheckedTraining,
  rest: Pick<Preparation, 'encodings' | 'problem'> & { preprocessing: unknown },
): string {
  const { train, validation, seed } = rest.problem;
  const rows = [train.x.shape, validation?.x.shape];
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
