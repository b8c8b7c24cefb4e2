/**
 * Instances in the words of others -> instances as predict takes them: MLflow's dataframe_split, dataframe_records, instances
 * and inputs (of KServe V1 and TensorFlow Serving too), and CSV. One parser for the MLflow and the SageMaker routes.
 * Source: https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally ("/invocations"), mlflow/pyfunc/scoring_server
 */
import { isMissingText, parseBoolean, parseNumber, quoteCell } from '../../data/cells.ts';
import { ServiceError } from '../../errors.ts';
import { MAX_INSTANCES } from '../../resources/prediction.ts';
import type { FeatureSchema } from '../../runtime/model-schema.ts';
import { parseJson } from '../validate.ts';

type Features = readonly FeatureSchema[];
type Form = (value: unknown, features: Features) => unknown[];

/** Name of the field -> how it is read; a body has exactly one of them. */
const FORMS: Readonly<Record<string, Form>> = {
  dataframe_split(value, features) {
    const { columns, data } = (isObject(value) ? value : {}) as { columns?: unknown; data?: unknown };
    if (!isList(data)) throw invalid('/dataframe_split/data', 'a list of rows', data);
    if (columns !== undefined && !isList(columns))
      throw invalid('/dataframe_split/columns', 'a list of names', columns);
    const names = columns?.map(String) ?? features.map(({ name }) => name);
    return data.map((row, i) => byName(row, names, `/dataframe_split/data/${i}`));
  },
  dataframe_records: (value) => listOf(value, '/dataframe_records'),
  instances: (value, features) =>
    listOf(value, '/instances').map((row, i) => fromRow(row, features, `/instances/${i}`)),
  inputs(value, features) {
    if (!isObject(value)) return listOf(value, '/inputs').map((row, i) => fromRow(row, features, `/inputs/${i}`));
    const columns = Object.entries(value).map(([name, column]) => [name, listOf(column, `/inputs/${name}`)] as const);
    const lengths = new Set(columns.map(([, column]) => column.length));
    if (lengths.size > 1) throw invalid('/inputs', 'columns of one length', [...lengths]);
    const rows = columns[0]?.[1] ?? [];
    return rows.map((_, i) => Object.fromEntries(columns.map(([name, column]) => [name, column[i]])));
  },
};

/** @throws {ServiceError} invalid_json, invalid_request or unknown_field */
export async function readInstances(
  bytes: Uint8Array,
  contentType: string | undefined,
  features: Features,
): Promise<unknown[]> {
  const text = Buffer.from(bytes).toString('utf8');
  const isCsv = contentType?.toLowerCase().startsWith('text/csv') === true;
  const instances = isCsv ? await readCsv(text, features) : readBody(parseJson(text), features);
  if (instances.length === 0) throw new ServiceError('invalid_request', 'expected at least one instance, got none');
  requireFewInstances(instances.length);
  return instances;
}

function readBody(body: unknown, features: Features): unknown[] {
  if (!isObject(body)) throw invalid('', `an object with one of ${Object.keys(FORMS).join(', ')}`, body);
  const { params, ...rest } = body;
  if (isObject(params) && Object.keys(params).length > 0) {
    throw new ServiceError('invalid_request', '/params: the models take no params', { param: '/params' });
  }
  const [name = '', ...others] = Object.keys(rest);
  if (others.length > 0 || !Object.hasOwn(FORMS, name)) {
    const expected = `exactly one of ${Object.keys(FORMS).join(', ')}`;
    throw new ServiceError('invalid_request', `expected ${expected}, got ${Object.keys(rest).join(', ') || 'none'}`);
  }
  return FORMS[name]!(rest[name], features);
}

/** A row of a list: an object, the values in the order of the features, or the bare value of the one feature. */
function fromRow(row: unknown, features: Features, pointer: string): unknown {
  const [only, ...others] = features;
  const isBare = others.length === 0 && (only?.type === 'tensor' || !isList(row));
  return isBare || isObject(row) ? row : byName(row, features.map(({ name }) => name), pointer); // prettier-ignore
}

function byName(row: unknown, names: readonly string[], pointer: string): Record<string, unknown> {
  if (!isList(row) || row.length !== names.length) {
    throw invalid(pointer, `the ${names.length} values of ${names.join(', ')}`, row);
  }
  return Object.fromEntries(names.map((name, i) => [name, row[i]]));
}

/** With a header of the features' names, in any order; without one, the columns are the features. */
async function readCsv(text: string, features: Features): Promise<unknown[]> {
  const [first = [], ...rest] = await records(text);
  const names = features.map(({ name }) => name);
  const hasHeader = names.every((name) => first.includes(name));
  const columns = hasHeader ? first : names;
  const types = new Map(features.map(({ name, type }) => [name, type]));
  return (hasHeader ? rest : [first, ...rest]).map((row, i) => {
    const cells = Object.entries(byName(row, columns, `/${hasHeader ? i + 1 : i}`)) as [string, string][];
    return Object.fromEntries(cells.map(([name, cell]) => [name, cellOf(cell, types.get(name))]));
  });
}

/** The parser is loaded when it is needed: a cold start does without. */
async function records(text: string): Promise<string[][]> {
  const { CsvError, parse } = await import('csv-parse/sync');
  try {
    return parse(text, { bom: true, skip_empty_lines: true, relax_column_count: true });
  } catch (error) {
    if (error instanceof CsvError)
      throw new ServiceError('invalid_request', `the body is no valid CSV: ${error.message}`);
    throw error;
  }
}

/** A cell as the JSON value that it stands for; what is none stays text, and is refused by name where it has to be more. */
function cellOf(cell: string, type: FeatureSchema['type'] | undefined): unknown {
  const text = cell.trim();
  if (type === 'text') return cell;
  if (isMissingText(text)) return null;
  if (type === 'number' || type === 'integer') return parseNumber(text) ?? cell;
  if (type === 'boolean') return parseBoolean(text) ?? parseNumber(text) ?? cell;
  return type === 'datetime' ? (parseNumber(text) ?? cell) : cell;
}

function listOf(value: unknown, pointer: string): unknown[] {
  if (isList(value)) return [...value];
  throw invalid(pointer, 'a list', value);
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(pointer: string, expected: string, got: unknown): ServiceError {
  const message = `${pointer === '' ? 'body' : pointer}: expected ${expected}, got ${quoteCell(got)}`;
  return new ServiceError('invalid_request', message, pointer === '' ? {} : { param: pointer });
}

/** @throws {ServiceError} payload_too_large, naming what takes more */
export function requireFewInstances(count: number): void {
  if (count <= MAX_INSTANCES) return;
  const message = `/instances: expected at most ${MAX_INSTANCES} instances, got ${count}: POST /v1/batches takes them as "instances" or as a dataset, and a prediction with "Prefer: respond-async" becomes a batch`;
  throw new ServiceError('payload_too_large', message, { param: '/instances' });
}
