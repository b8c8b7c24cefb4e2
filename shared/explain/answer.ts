/** Explanations as an answer shows them: numbers nested as the features are, and the tokens of a text beside theirs. */
import { tokensOf } from '../data/text.ts';
import type { FeatureSchema } from '../runtime/model-schema.ts';
import type { Explanation } from './contract.ts';
import type { Subject } from './subject.ts';
import type { Attributions, Completeness, Feeds, FigureKind, MethodName, TargetName } from './terms.ts';

/** Numbers nested as the feature is. */
export type Nested = number | readonly Nested[];

export interface ExplainedRow {
  readonly method: MethodName;
  /** Why `auto` chose it. */
  readonly reason?: string;
  readonly target: TargetName;
  /** Of a model with a prediction for every step, from 1. */
  readonly step?: number;
  readonly explains: FigureKind;
  readonly base_value?: number;
  readonly output: number;
  /** By feature; of a model with one tensor feature the nested numbers alone. */
  readonly attributions: Readonly<Record<string, Nested>> | Nested;
  /** Of a text: what each attribution belongs to. */
  readonly tokens?: string[];
  readonly completeness?: Completeness;
  readonly standard_errors?: Readonly<Record<string, Nested>> | Nested;
  readonly baseline?: string;
  readonly background?: { readonly name: string; readonly rows: number };
  readonly steps?: number;
  readonly note?: string;
}

type Shown = Omit<ExplainedRow, 'method' | 'reason' | 'target' | 'step' | 'explains' | 'background'>;

export function shownAs({ schema }: Subject, row: Feeds, explanation: Explanation, instance: unknown): Shown {
  const { attributions, standardErrors, completeness, baseValue, ...rest } = explanation;
  const show = (values: Attributions): ExplainedRow['attributions'] =>
    nestedOf(schema.features, row, { values, tokens });
  const tokens = tokensIn(schema, instance);
  return {
    ...(baseValue === undefined ? {} : { base_value: baseValue }),
    ...rest,
    attributions: show(attributions),
    ...(tokens === undefined ? {} : { tokens }),
    ...(completeness === undefined ? {} : { completeness }),
    ...(standardErrors === undefined ? {} : { standard_errors: show(standardErrors) }),
  };
}

/** A number for a column, nested numbers for a tensor or a text, and those alone where the model has one such feature. */
function nestedOf(
  features: readonly FeatureSchema[],
  row: Feeds,
  { values, tokens }: { readonly values: Attributions; readonly tokens: readonly string[] | undefined },
): ExplainedRow['attributions'] {
  const byFeature = Object.fromEntries(
    features.map(({ name, type }): [string, Nested] => {
      const own = values[name]!;
      if (type === 'text') return [name, Array.from(own.subarray(0, endOf(own, tokens)))];
      return [name, type === 'tensor' ? nest(own, row[name]!.shape.slice(1), 0) : own[0]!];
    }),
  );
  const [only, ...others] = features;
  return others.length === 0 && (only?.type === 'tensor' || only?.type === 'text') ? byFeature[only.name]! : byFeature;
}

/** One attribution a token, and one for each place after them that a longer baseline has filled. */
function endOf(values: Float64Array, tokens: readonly string[] = []): number {
  return Math.max(tokens.length, values.findLastIndex((value) => value !== 0) + 1);
}

/** The tokens of a text that were read. */
function tokensIn({ features, language }: Subject['schema'], instance: unknown): string[] | undefined {
  const [only, ...others] = features;
  if (only?.type !== 'text' || others.length > 0) return undefined;
  const value: unknown = typeof instance === 'object' && instance !== null ? Object.values(instance)[0] : instance;
  const text =
    typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
  const kind = only.tokens ?? 'word';
  return language === undefined ? tokensOf(text, kind, only.length) : tokensOf(text, kind).slice(-language.window);
}

function nest(values: Float64Array, [size, ...inner]: readonly number[], offset: number): Nested {
  if (size === undefined) return values[offset]!;
  const stride = inner.reduce((product, extent) => product * extent, 1);
  return Array.from({ length: size }, (_, i) => nest(values, inner, offset + i * stride));
}
