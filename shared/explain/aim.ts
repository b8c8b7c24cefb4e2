/** Which of a model's figures a question is about: the class, the step of a forecast, or the class at a step of a sequence. */
import { ServiceError } from '../errors.ts';
import type { ModelSchema } from '../runtime/model-schema.ts';
import { requireFiniteFigures } from './finite.ts';
import type { FigureKind, TargetName } from './terms.ts';

export interface Aim {
  /** Of the row's figures, whose weighted sum is the explained number. */
  readonly weights: Float64Array;
  readonly target: TargetName;
  /** Of a prediction for every step, from 1. */
  readonly step?: number;
}

export interface AimRequest {
  /** A class, by default the predicted one; a step of a forecast from 1; a token of a language model. */
  readonly target?: TargetName | undefined;
  /** Of a model with a prediction for every step, from 1; by default the last one. */
  readonly step?: number | undefined;
}

/** What a model decides between: its classes, or the tokens that may follow a text. */
export function labelsOf({ classes, language }: ModelSchema): readonly TargetName[] | undefined {
  return classes ?? language?.vocabulary;
}

/** The label whose figure is greatest. */
export const predictedOf = (figures: Float64Array): number => figures.indexOf(Math.max(...figures));

/** @throws invalid_request pointing to /target or /step, or to nothing where the figures are not finite */
export function aimAt(
  { schema, kind }: { readonly schema: ModelSchema; readonly kind: FigureKind },
  { target, step: asked }: AimRequest,
  figures: Float64Array,
): Aim {
  const { steps } = schema;
  if (steps === undefined) {
    if (asked === undefined) return aimWithin({ schema, kind }, target, figures);
    throw refused('step', 'expected none: the model gives one prediction for a row', asked);
  }
  const width = labelsOf(schema)?.length ?? steps[1] ?? 1;
  const count = figures.length / width;
  const step = asked ?? count;
  if (step < 1 || step > count) throw refused('step', `expected a step from 1 to ${count}`, asked);
  const begin = (step - 1) * width;
  const aim = aimWithin({ schema, kind }, target, figures.subarray(begin, begin + width));
  const weights = new Float64Array(figures.length);
  weights.set(aim.weights, begin);
  return { weights, target: aim.target, step };
}

function aimWithin(
  { schema, kind }: { readonly schema: ModelSchema; readonly kind: FigureKind },
  target: TargetName | undefined,
  figures: Float64Array,
): Aim {
  requireFiniteFigures(figures);
  const weights = new Float64Array(figures.length);
  const labels = labelsOf(schema);
  if (labels === undefined) {
    const number =
      target === undefined || target === schema.target ? 1 : typeof target === 'boolean' ? NaN : Number(target);
    if (!(Number.isInteger(number) && number >= 1 && number <= figures.length)) {
      const expected = figures.length === 1 ? 'no target' : `a number from 1 to ${figures.length}`;
      throw refused('target', `expected ${expected} for ${schema.task}`, target);
    }
    weights[number - 1] = 1;
    return { weights, target: figures.length === 1 ? (schema.target ?? kind) : number };
  }
  const at =
    target === undefined ? predictedOf(figures) : labels.findIndex((label) => String(label) === String(target));
  if (at < 0) throw refused('target', `expected ${namesOf(schema, labels)}`, target);
  weights[at] = 1;
  if (kind === 'log_odds') weights[1 - at] = -1;
  return { weights, target: labels[at]! };
}

function namesOf({ language }: ModelSchema, labels: readonly TargetName[]): string {
  return language === undefined
    ? `one of the classes ${labels.join(', ')}`
    : `one of the ${labels.length - 2} tokens that the model knows`;
}

/** The explained number of a row. */
export function select(figures: Float64Array, weights: Float64Array): number {
  return figures.reduce((sum, value, k) => sum + (weights[k] === 0 ? 0 : value * weights[k]!), 0);
}

function refused(field: string, expected: string, got: unknown): ServiceError {
  return new ServiceError('invalid_request', `${field}: ${expected}, got ${JSON.stringify(got)}`, {
    param: `/${field}`,
  });
}
