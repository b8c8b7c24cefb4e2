/**
 * Checks a training before it costs anything: family, task, target, features and parameters against the columns of the data.
 * Every error points to its field (/target, /features/0, /params/layers/3). Needs no ONNX Runtime.
 */
import type { ColumnProfile } from '../data/profile.ts';
import { validationRows } from '../data/split.ts';
import { TARGET_TYPES, wrongType } from '../data/target.ts';
import type { Label } from '../data/target.ts';
import { trainedWindows, windowCount } from '../data/windows.ts';
import { ServiceError } from '../errors.ts';
import { findingsOf, isUnknownField } from '../findings.ts';
import type { AnyFamily, DataShape, Task } from './contract.ts';
import { FAMILIES, findFamily } from './registry.ts';
import { featuresOf, validationFraction } from './spec.ts';
import type { TrainingSpec } from './spec.ts';

/** The sum of a hundred million squares of it is a number still. */
const LARGEST_VALUE = 1e150;

/** What the checks need of a column; a dataset's profile has more. */
type CheckedColumn = Pick<ColumnProfile, 'name' | 'type'> & {
  readonly [K in 'shape' | 'ragged' | 'missing' | 'unique' | 'min' | 'max']?: ColumnProfile[K] | undefined;
} & { readonly top?: readonly { readonly value: Label }[] | undefined };

/** The data as far as they are known: of a dataset its profile, of a table in a training its types. */
export interface CheckedData {
  readonly rows?: number;
  readonly columns: readonly CheckedColumn[];
}

export interface CheckedTraining {
  readonly family: AnyFamily;
  readonly task: Task;
  readonly params: unknown;
  /** Clustering and language modelling have none. */
  readonly target: string | undefined;
  readonly features: readonly string[];
}

/** @throws invalid_request or unknown_field with the pointer of the offending field. */
export function validateTraining(spec: TrainingSpec, data: CheckedData): CheckedTraining {
  const family = findFamily(spec.family);
  if (family === undefined) {
    const names = FAMILIES.map(({ name }) => name).join(', ');
    throw invalid('/family', `unknown family "${spec.family}": expected one of ${names}`);
  }
  const task = family.tasks.find((candidate) => candidate === spec.task);
  if (task === undefined) {
    throw invalid('/task', `the family ${family.name} is for ${family.tasks.join(' and ')}, not for ${spec.task}`);
  }
  if (task === 'language_modelling') return checkLanguage(spec, family, data.columns);
  if (task === 'clustering') refuseTarget(spec);
  const target = task === 'clustering' ? undefined : checkTarget(spec, { task, family }, data.columns);
  if (task === 'forecasting') return checkForecast(spec, { family, target: target! }, data);
  const features = featuresOf(spec, data.columns);
  const columns = features.map((name, index) => {
    // Features that were not named are all columns: there is no list to point into.
    const pointer = spec.features === undefined ? '/features' : `/features/${index}`;
    return checkFeature({ name, pointer, target: target?.name, family }, data);
  });
  if (features.length === 0)
    throw invalid('/features', 'there is no feature: the data needs a column besides the target');
  const repeated = features.findIndex((name, index) => features.indexOf(name) !== index);
  if (repeated !== -1) throw invalid(`/features/${repeated}`, `the feature "${features[repeated]!}" stands twice`);
  const params = parseParams(family, spec.params ?? {});
  checkParams(
    { family, params, sent: spec.params },
    {
      task,
      features: columns.map(featureShape),
      isValidated: isValidated(spec),
      ...targetShape(task, target),
      ...(data.rows === undefined ? {} : { rows: data.rows - validationRows(data.rows, validationFraction(spec)) }),
    },
  );
  return { family, task, params, target: target?.name, features };
}

const isValidated = (spec: TrainingSpec): boolean =>
  validationFraction(spec) > 0 || (spec.validation !== undefined && 'dataset' in spec.validation);

function featureShape({ name, type, shape, ragged = false }: CheckedColumn): DataShape['features'][number] {
  return { name, type, ...(shape === undefined ? {} : { shape }), ...(ragged ? { isRagged: true } : {}) };
}

/** Which classes there are, or how many steps have one. A profile lists the most frequent only. */
function targetShape(task: Task, target: CheckedColumn | undefined): Pick<DataShape, 'classes' | 'labels' | 'steps'> {
  if (target?.type === 'tensor') return { steps: target.shape ?? [] };
  if (task !== 'classification' || target?.unique === undefined) return {};
  const { unique: classes, top = [] } = target;
  return { classes, ...(top.length === classes && { labels: top.map(({ value }) => value) }) };
}

/** A forecast is made from the past values of its target. */
function checkForecast(
  spec: TrainingSpec,
  { family, target: { name } }: { family: AnyFamily; target: CheckedColumn },
  { rows }: CheckedData,
): CheckedTraining {
  const other = spec.features?.find((feature) => feature !== name);
  if (other !== undefined) {
    const message = `forecasting learns from the past values of the target "${name}" alone: leave "${other}" out of "features"`;
    throw invalid(`/features/${spec.features!.indexOf(other)}`, message);
  }
  const params = parseParams(family, { ...family.forecastDefaults, ...spec.params });
  const windows = family.windowOf!(params);
  if (rows !== undefined) trainedWindows(windowCount(rows, windows), validationFraction(spec), windows);
  const features = [{ name, type: 'tensor', shape: [windows.window] }] as const;
  checkParams({ family, params, sent: spec.params }, { task: 'forecasting', features, isValidated: isValidated(spec) });
  return { family, task: 'forecasting', params, target: name, features: [name] };
}

/** A language model learns one text, which may be given as the feature or as the target. */
function checkLanguage(spec: TrainingSpec, family: AnyFamily, columns: readonly CheckedColumn[]): CheckedTraining {
  const isText = ({ type }: CheckedColumn): boolean => type === 'text' || type === 'category';
  const texts = columns.filter(isText).map(({ name }) => name);
  const field = spec.target === undefined ? 'features' : 'target';
  const pointer = field === 'features' && spec.features !== undefined ? '/features/0' : `/${field}`;
  const named = spec.target === undefined ? (spec.features ?? texts) : [spec.target];
  const [name, other] = [...new Set([...named, ...(spec.target === undefined ? [] : (spec.features ?? []))])];
  if (name === undefined || other !== undefined) {
    const message = `language modelling learns one text column: name it in "features" (the data has ${texts.length === 0 ? 'none' : texts.join(', ')})`;
    throw invalid('/features', message);
  }
  const column = columns.find((candidate) => candidate.name === name);
  if (column === undefined) throw noColumn(pointer, name, columns);
  if (!isText(column))
    throw invalid(pointer, `language modelling learns a text; "${name}" is a column of type ${column.type}`);
  const params = parseParams(family, spec.params ?? {});
  const features = [{ name, type: 'text' }] as const;
  checkParams(
    { family, params, sent: spec.params },
    { task: 'language_modelling', features, isValidated: isValidated(spec) },
  );
  return { family, task: 'language_modelling', params, target: undefined, features: [name] };
}

/** The family's parameters with their defaults. @throws unknown_field or invalid_request, with every finding among the details */
export function parseParams(family: AnyFamily, params: Readonly<Record<string, unknown>>): unknown {
  const result = family.params.safeParse(params, { reportInput: true });
  if (result.success) return result.data;
  const details = findingsOf(result.error.issues, '/params');
  const isUnknown = isUnknownField(result.error.issues);
  const message = details.map((detail) => `${detail.pointer ?? ''}: ${detail.message}`).join('; ');
  throw new ServiceError(isUnknown ? 'unknown_field' : 'invalid_request', `${family.name}: ${message}`, { details });
}

/** What is wrong with layers that were not sent is wrong with the shorthand that stands for them. */
function checkParams(
  { family, params, sent = {} }: { family: AnyFamily; params: unknown; sent: TrainingSpec['params'] },
  shape: DataShape,
): void {
  try {
    family.check(params, shape);
  } catch (error) {
    if (!(error instanceof ServiceError) || error.param?.startsWith('/params/layers') !== true) throw error;
    if (sent['layers'] !== undefined || family.shorthand === undefined) throw error;
    const name = family.shorthand.find((each) => sent[each] !== undefined);
    throw new ServiceError(error.code, error.message, { param: `/params${name === undefined ? '' : `/${name}`}` });
  }
}

function refuseTarget({ target }: TrainingSpec): void {
  if (target === undefined) return;
  const message = `clustering has no target: leave it out, and name the columns to cluster by in "features" if "${target}" is not one of them`;
  throw invalid('/target', message);
}

function checkTarget(
  spec: TrainingSpec,
  { task, family }: { task: Exclude<Task, 'clustering' | 'language_modelling'>; family: AnyFamily },
  columns: readonly CheckedColumn[],
): CheckedColumn {
  if (spec.target === undefined) throw invalid('/target', `${task} needs a "target": the column to predict`);
  const column = columns.find(({ name }) => name === spec.target);
  if (column === undefined) throw noColumn('/target', spec.target, columns);
  if (column.type === 'tensor' && task !== 'forecasting') return checkSteps(column, task, family);
  if (!(TARGET_TYPES[task] as readonly string[]).includes(column.type)) throw wrongType(column, task);
  if (column.missing !== undefined && column.missing > 0) {
    throw invalid(
      '/target',
      `the target "${column.name}" lacks a value in ${column.missing} rows: leave these rows out`,
    );
  }
  requireSquares('/target', column);
  if (task === 'classification' && column.unique !== undefined && column.unique < 2) {
    throw invalid(
      '/target',
      `the target "${column.name}" needs at least two classes to tell apart, the data has ${column.unique}`,
    );
  }
  return column;
}

/** A tensor target has a class, or one or more numbers, for every step of a row. */
function checkSteps(column: CheckedColumn, task: 'classification' | 'regression', family: AnyFamily): CheckedColumn {
  const { name, shape = [] } = column;
  if (family.predictsSteps !== true) {
    const others = FAMILIES.filter(({ predictsSteps }) => predictsSteps).map((candidate) => candidate.name);
    const message = `the family ${family.name} predicts one value a row; the target "${name}" is a tensor, which ${others.join(' and ')} predicts step by step`;
    throw invalid('/target', message);
  }
  if (shape.length <= (task === 'classification' ? 1 : 2)) return column;
  const wanted =
    task === 'classification' ? 'a whole number a step, [time]' : 'numbers a step, [time] or [time, numbers]';
  throw invalid('/target', `the target "${name}" of a ${task} has ${wanted}, got [${shape.join(', ')}]`);
}

function checkFeature(
  feature: { name: string; pointer: string; target: string | undefined; family: AnyFamily },
  { columns, rows }: CheckedData,
): CheckedColumn {
  const { name, pointer, family } = feature;
  const column = columns.find((candidate) => candidate.name === name);
  if (column === undefined) throw noColumn(pointer, name, columns);
  if (name === feature.target) throw invalid(pointer, `"${name}" is the target and cannot be a feature too`);
  if (rows !== undefined && column.missing === rows)
    throw invalid(pointer, `feature "${name}" has no value in any row: leave it out of "features"`);
  requireSquares(pointer, column);
  if (column.ragged === true && family.takesRagged !== true) throw noRagged(pointer, column, family);
  if (family.featureTypes.includes(column.type)) return column;
  if (takesText(family) && column.type === 'category') return { ...column, type: 'text' };
  if (column.type === 'text') throw noText(pointer, name, family);
  const types = family.featureTypes.join(', ');
  throw invalid(
    pointer,
    `the family ${family.name} takes features of type ${types}; "${name}" is of type ${column.type}: leave it out of "features"`,
  );
}

/** Means, deviations and distances are made of squares. @throws invalid_request where those of the column are no numbers */
function requireSquares(pointer: string, { name, min = 0, max = 0 }: CheckedColumn): void {
  const largest = Math.max(-min, max);
  // What is not finite is told of by its row.
  if (largest <= LARGEST_VALUE || !Number.isFinite(largest)) return;
  const message = `"${name}" has values as large as ${largest.toPrecision(3)}, expected at most ${LARGEST_VALUE}: scale it down`;
  throw invalid(pointer, message);
}

/** Categories are short texts to a family that takes text. */
export function takesText({ featureTypes }: Pick<AnyFamily, 'featureTypes'>): boolean {
  return featureTypes.includes('text');
}

function noText(pointer: string, name: string, { name: family }: AnyFamily): ServiceError {
  const others = FAMILIES.filter(takesText).map((candidate) => candidate.name);
  const message = `"${name}" is a text column, which the family ${family} does not take: leave it out of "features", or use ${others.join(' or ')}`;
  return invalid(pointer, message);
}

function noRagged(pointer: string, { name, shape = [] }: CheckedColumn, family: AnyFamily): ServiceError {
  const others = FAMILIES.filter(({ takesRagged }) => takesRagged).map((candidate) => candidate.name);
  const message = `the family ${family.name} takes tensors of one shape; the rows of "${name}" differ in length (up to ${shape[0]!}): bring them to one, or use ${others.join(' or ')}`;
  return invalid(pointer, message);
}

function noColumn(pointer: string, name: string, columns: readonly CheckedColumn[]): ServiceError {
  return invalid(pointer, `no column "${name}": the data has ${columns.map((column) => column.name).join(', ')}`);
}

function invalid(pointer: string, message: string): ServiceError {
  return new ServiceError('invalid_request', message, { param: pointer });
}
