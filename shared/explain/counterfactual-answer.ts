/** Counterfactuals as a request asks for them and an answer shows them: which features may change, what changes, and the prediction of the changed row. */
import { ServiceError } from '../errors.ts';
import type { FeatureSchema, ModelSchema } from '../runtime/model-schema.ts';
import type { Background } from './background.ts';
import { counterfactualOf } from './counterfactual.ts';
import { rowAt, rowCount } from './rows.ts';
import { select } from './subject.ts';
import type { Subject } from './subject.ts';
import type { Feeds, FigureKind, TargetName } from './terms.ts';

export interface CounterfactualRequest {
  /** The class to reach; by default any other. */
  readonly target?: TargetName | undefined;
  /** Features that may change; by default all. */
  readonly allowed?: readonly string[] | undefined;
  readonly immovable?: readonly string[] | undefined;
}

type Cell = number | string | boolean | null;

export interface CounterfactualRow {
  readonly method: 'counterfactual';
  readonly target: TargetName;
  readonly explains: FigureKind;
  /** The explained number of the changed row for the class reached. */
  readonly output: number;
  /** How far each feature moved: its share of the sample's range, one for another category. */
  readonly attributions: Readonly<Record<string, number>>;
  readonly counterfactual?: {
    readonly instance: Record<string, Cell>;
    readonly changes: Record<string, { from: Cell; to: Cell }>;
    readonly distance: number;
    /** What the model says of the changed row. */
    readonly predicted: TargetName;
  };
  readonly note?: string;
}

/** Passes that one search takes, about. */
export const counterfactualPasses = ({ features }: ModelSchema): number => 1_000 + 60 * features.length;

/** @throws invalid_request where the model is no classification of columns, or names a feature that it has not */
export async function counterfactualRows(
  subject: Subject,
  feeds: Feeds,
  { request, background }: { request: CounterfactualRequest; background: Background },
): Promise<CounterfactualRow[]> {
  const { schema } = subject;
  const classes = requireTable(schema);
  const wanted =
    request.target === undefined ? undefined : classes.findIndex((label) => String(label) === String(request.target));
  if (wanted === -1)
    throw refused(
      `target: expected one of the classes ${classes.join(', ')}, got ${String(request.target)}`,
      '/target',
    );
  const immovable = immovableOf(schema, request);
  const rows: CounterfactualRow[] = [];
  for (let i = 0; i < rowCount(feeds); i++) {
    const row = rowAt(feeds, i);
    const before = (await subject.run(row))[0]!;
    const found = await counterfactualOf(subject, { row, background, wanted, immovable });
    const changed = found?.row ?? row;
    const after = (await subject.run(changed))[0]!;
    const reached = subject.predicted(found === undefined ? before : after);
    const label = classes[reached]!;
    const output = select(after, subject.selector(label, after).weights);
    const cells = (from: Feeds): Record<string, Cell> =>
      Object.fromEntries(schema.features.map((feature) => [feature.name, cellOf(feature, from)]));
    const head = { method: 'counterfactual', target: label, explains: subject.kind, output } as const;
    if (found === undefined) {
      rows.push({
        ...head,
        attributions: {},
        note: 'no change of the features that may change was found to give another class',
      });
      continue;
    }
    const [from, to] = [cells(row), cells(changed)];
    const changes = Object.fromEntries(found.changed.map((name) => [name, { from: from[name]!, to: to[name]! }]));
    const { steps, distance } = found;
    rows.push({ ...head, attributions: steps, counterfactual: { instance: to, changes, distance, predicted: label } });
  }
  return rows;
}

function requireTable({ classes, features }: ModelSchema): readonly TargetName[] {
  const isTable = features.every(({ type }) => type !== 'tensor' && type !== 'text');
  if (classes !== undefined && isTable) return classes;
  throw refused(
    'method: counterfactual is for classifications of columns: of images and texts see integrated_gradients',
    '/method',
  );
}

function immovableOf({ features }: ModelSchema, { allowed, immovable = [] }: CounterfactualRequest): Set<string> {
  const names = features.map(({ name }) => name);
  for (const [field, list] of Object.entries({ allowed: allowed ?? [], immovable })) {
    const unknown = list.findIndex((name) => !names.includes(name));
    if (unknown >= 0)
      throw refused(
        `${field}: the model has no feature "${list[unknown]!}", its features are ${names.join(', ')}`,
        `/${field}/${unknown}`,
      );
  }
  return new Set([...immovable, ...names.filter((name) => allowed !== undefined && !allowed.includes(name))]);
}

function cellOf({ name, type }: FeatureSchema, feeds: Feeds): Cell {
  const value = feeds[name]!.data[0] as number | string;
  if (value === '' || (typeof value === 'number' && Number.isNaN(value))) return null;
  return type === 'boolean' ? value === 1 : value;
}

function refused(message: string, param: string): ServiceError {
  return new ServiceError('invalid_request', message, { param });
}
