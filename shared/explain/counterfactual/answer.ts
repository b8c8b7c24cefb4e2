/** Counterfactuals as a request asks for them and an answer shows them: which features may change, what changes, and the prediction of the changed row. */
import { ServiceError } from '../../errors.ts';
import type { FeatureSchema, ModelSchema } from '../../runtime/model-schema.ts';
import type { Background } from '../background.ts';
import { aimAt, predictedOf, select } from '../aim.ts';
import { counterfactualOf, searchPasses } from './search.ts';
import type { CounterfactualQuestion, Minimality } from './search.ts';
import { Space, valueAt } from './space.ts';
import { dateFormOf } from './date-form.ts';
import { pointingTo } from '../finite.ts';
import { DEFAULT_MAX_SECONDS } from '../planned.ts';
import type { Planned } from '../planned.ts';
import type { Subject } from '../subject.ts';
import type { Feeds, FigureKind, TargetName } from '../terms.ts';

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
    readonly minimality: Minimality & { readonly statement: string };
  };
  readonly note?: string;
}

/** @throws invalid_request where the model is no classification of columns, or names a feature that it has not */
export function planCounterfactuals(
  subject: Subject,
  rows: readonly Feeds[],
  {
    request,
    background,
  }: {
    request: CounterfactualRequest & { instances: readonly unknown[]; maxSeconds?: number | undefined };
    background: Background | undefined;
  },
): Planned<CounterfactualRow[]> {
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
  if (background === undefined)
    throw refused(
      'background: counterfactual takes the values of rows of data, and none are kept with this model: give "background": [rows]',
      '/background',
    );
  return {
    passes: rows.length * searchPasses(schema.features.length),
    async run() {
      const answers: CounterfactualRow[] = [];
      const deadlineMs = performance.now() + (request.maxSeconds ?? DEFAULT_MAX_SECONDS) * 1000;
      for (const [i, row] of rows.entries()) {
        const sent = fieldsOf(schema, request.instances[i]);
        const question = { row, background, wanted, immovable, sent, deadlineMs };
        answers.push(await pointingTo(`/instances/${i}`, () => answerOf(subject, question, classes)));
      }
      return answers;
    },
  };
}

async function answerOf(
  subject: Subject,
  question: CounterfactualQuestion,
  classes: readonly TargetName[],
): Promise<CounterfactualRow> {
  const { row: before } = question;
  const { features } = subject.schema;
  const { row: found, minimality } = await counterfactualOf(subject, question);
  const row = found ?? before;
  const [figures] = (await subject.run(row)) as [Float64Array];
  const label = classes[predictedOf(figures)]!;
  const output = select(figures, aimAt(subject, { target: label }, figures).weights);
  const head = { method: 'counterfactual', target: label, explains: subject.kind, output } as const;
  if (found === undefined) {
    const wanted = question.wanted === undefined ? undefined : classes[question.wanted];
    const note = wanted === label ? alreadyThere(label) : noneFound(minimality, wanted);
    return { ...head, attributions: {}, note };
  }
  const space = new Space(subject.schema, question);
  const attributions = space.stepsTo(found);
  const cells = (from: Feeds): Record<string, Cell> =>
    Object.fromEntries(features.map((feature) => [feature.name, cellOf(feature, from, question)]));
  const [from, to] = [cells(before), cells(found)];
  const changed = Object.keys(attributions).map((name) => [name, { from: from[name]!, to: to[name]! }]);
  const changes = Object.fromEntries(changed) as Record<string, { from: Cell; to: Cell }>;
  const distance = space.distanceTo(found);
  const stated = { ...minimality, statement: statementOf(minimality) };
  const counterfactual = { instance: to, changes, distance, predicted: label, minimality: stated };
  return { ...head, attributions, counterfactual };
}

const alreadyThere = (label: TargetName): string =>
  `the answer is ${JSON.stringify(label)} already: "target" is the class to reach, without it any other`;

function noneFound({ proven }: Minimality, wanted: TargetName | undefined): string {
  const aim = wanted === undefined ? 'another class' : `the class ${JSON.stringify(wanted)}`;
  return proven
    ? `there is no change of the features that may change, within the ranges of the sample, that gives ${aim}: the model is linear`
    : `no change of the features that may change was found to give ${aim}`;
}

function statementOf({ proven, by }: Minimality): string {
  if (by === 'closed_form')
    return proven
      ? 'the model is linear, and no change within the ranges of the sample is smaller, but for a thousandth'
      : 'the model is linear, and no change is smaller than "at_least"; whole numbers, or the class asked for, do not allow that one';
  if (by === 'search')
    return 'the time, or the rows that are tried, were over: there may be smaller changes, of one feature too';
  return proven
    ? 'every smaller change was tried'
    : 'no change of one feature or of two to values of the sample is smaller; changes of more features, and to values between, were searched and not exhausted';
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

/** The values of an instance, which is an object or the bare value of the only feature. */
function fieldsOf({ features: [only] }: ModelSchema, instance: unknown): Readonly<Record<string, unknown>> {
  const isObject = typeof instance === 'object' && instance !== null;
  return isObject ? (instance as Record<string, unknown>) : { [only!.name]: instance };
}

/** A value as JSON has it; a date as it was sent. */
function cellOf(
  { name, type }: FeatureSchema,
  feeds: Feeds,
  { row, sent }: Pick<CounterfactualQuestion, 'row' | 'sent'>,
): Cell {
  const value = valueAt(feeds, name);
  if (value === '' || (typeof value === 'number' && Number.isNaN(value))) return null;
  if (type === 'boolean') return value === 1;
  if (type !== 'datetime') return value;
  return value === valueAt(row, name) ? (sent[name] as Cell) : dateFormOf(sent[name]).write(value as number);
}

function refused(message: string, param: string): ServiceError {
  return new ServiceError('invalid_request', message, { param });
}
