/** Explanations of a model's file: takes instances as a request has them, chooses method, target and baseline, and gives attributions by feature. */
import { ServiceError } from '../errors.ts';
import { tokensOf } from '../data/text.ts';
import { feedsOf } from '../runtime/instances.ts';
import type { ModelSchema } from '../runtime/model-schema.ts';
import { createEngine } from '../runtime/session.ts';
import { storedBackground } from './background.ts';
import type { Background, StoredBackground } from './background.ts';
import { baselineOf, fillMissing } from './baseline.ts';
import { chooseMethod } from './choose.ts';
import type { Choice } from './choose.ts';
import type { Explanation } from './contract.ts';
import { counterfactualRows } from './counterfactual-answer.ts';
import type { CounterfactualRequest, CounterfactualRow } from './counterfactual-answer.ts';
import type { Attributions, Completeness, FigureKind, MethodName, TargetName } from './terms.ts';
import { feedsAt } from './instances-at.ts';
import { METHODS } from './methods/index.ts';
import { rowCount } from './rows.ts';
import { requireExplainable, Subject } from './subject.ts';

export interface ExplainRequest {
  readonly instances: readonly unknown[];
  readonly method?: MethodName | 'auto' | undefined;
  /** A class, by default the predicted one; a step of a forecast from 1. */
  readonly target?: TargetName | undefined;
  /** `zeros`, `mean` (of the background) or an instance. */
  readonly baseline?: unknown;
  /** Instances in place of the stored sample. */
  readonly background?: readonly unknown[] | undefined;
  readonly seed?: number | undefined;
  readonly steps?: number | undefined;
  readonly samples?: number | undefined;
  readonly maxSeconds?: number | undefined;
}

/** Numbers nested as the feature is. */
export type Nested = number | readonly Nested[];

export interface ExplainedRow {
  readonly method: MethodName;
  /** Why `auto` chose it. */
  readonly reason?: string;
  readonly target: TargetName;
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

export const DEFAULT_MAX_SECONDS = 10;

export class Explainer {
  readonly subject: Subject;
  readonly #stored: StoredBackground | undefined;

  /** @param stored the sample beside the model, where there is one */
  constructor(
    bytes: Uint8Array,
    options: { readonly threads: number; readonly stored?: StoredBackground | undefined },
  ) {
    this.subject = new Subject(bytes, createEngine({ threads: options.threads }));
    requireExplainable(this.subject.schema);
    this.#stored = options.stored;
  }

  get schema(): ModelSchema {
    return this.subject.schema;
  }

  /** @throws invalid_request pointing to the field, shape_mismatch, unsupported_operator naming the op */
  async explain(request: ExplainRequest): Promise<ExplainedRow[]> {
    const deadlineMs = performance.now() + (request.maxSeconds ?? DEFAULT_MAX_SECONDS) * 1000;
    const { subject } = this;
    const raw = feedsOf(this.schema.features, request.instances);
    const background = this.#background(request);
    const { method: name, reason } = this.#choice(request, background);
    const method = METHODS[name];
    const refusal = method.refusal(subject);
    if (refusal !== undefined)
      throw new ServiceError('invalid_request', `method: ${name}: ${refusal}`, { param: '/method' });
    if (method.needs === 'background' && background === undefined) throw noBackground(name);
    const feeds = method.needs === 'baseline' ? fillMissing(raw, this.#stored) : raw;
    const figures = await subject.run(feeds);
    const chosen = figures.map((row) => subject.selector(request.target, row));
    const baseline =
      method.needs === 'baseline' ? baselineOf(this.schema, request, { background, stored: this.#stored }) : undefined;
    const explanations = await method.explain(subject, {
      feeds,
      rows: rowCount(feeds),
      selectors: chosen.map(({ weights }) => weights),
      seed: request.seed ?? 0,
      steps: request.steps,
      samples: request.samples,
      deadlineMs,
      background,
      baseline,
    });
    const compared = method.needs === 'background' ? background : undefined;
    return explanations.map((explanation, i) => ({
      method: name,
      ...(reason === undefined ? {} : { reason }),
      target: chosen[i]!.target,
      explains: subject.kind,
      ...this.#show(explanation),
      ...tokensIn(this.schema, request.instances[i]),
      ...(compared === undefined ? {} : { background: { name: compared.name, rows: compared.rows } }),
    }));
  }

  /** The smallest changes that give another class. @throws as `explain` does */
  async counterfactuals(request: ExplainRequest & CounterfactualRequest): Promise<CounterfactualRow[]> {
    const feeds = feedsOf(this.schema.features, request.instances);
    const background = this.#background(request);
    if (background === undefined) throw noBackground('counterfactual');
    return counterfactualRows(this.subject, feeds, { request, background });
  }

  /** Passes that a request will take, as far as it can be said beforehand. */
  passesOf(request: ExplainRequest): number {
    const background = request.background?.length ?? this.#stored?.rows.length ?? 1;
    const method =
      request.method === undefined || request.method === 'auto'
        ? chooseMethod(this.subject, background).method
        : request.method;
    const { steps, samples } = request;
    const own = METHODS[method].passes(this.subject, { steps, samples, backgroundRows: background });
    // One more tells which class is the predicted one.
    return request.instances.length * (1 + own);
  }

  release(): Promise<void> {
    return this.subject.release();
  }

  #background({ background: given }: ExplainRequest): Background | undefined {
    const stored = this.#stored && storedBackground(this.schema, this.#stored);
    if (given === undefined) return stored;
    const feeds = feedsAt('/background', this.schema, given);
    return { name: 'given', feeds, rows: given.length, widths: stored?.widths ?? {} };
  }

  #choice(
    { method = 'auto' }: ExplainRequest,
    background: Background | undefined,
  ): Partial<Choice> & Pick<Choice, 'method'> {
    return method === 'auto' ? chooseMethod(this.subject, background?.rows ?? 1) : { method };
  }

  #show({ attributions, standardErrors, completeness, ...rest }: Explanation) {
    return {
      ...(rest.baseValue === undefined ? {} : { base_value: rest.baseValue }),
      output: rest.output,
      attributions: nested(this.schema, attributions),
      ...(completeness === undefined ? {} : { completeness }),
      ...(standardErrors === undefined ? {} : { standard_errors: nested(this.schema, standardErrors) }),
      ...(rest.baseline === undefined ? {} : { baseline: rest.baseline }),
      ...(rest.steps === undefined ? {} : { steps: rest.steps }),
      ...(rest.note === undefined ? {} : { note: rest.note }),
    };
  }
}

function noBackground(method: MethodName | 'counterfactual'): ServiceError {
  const message = `background: ${method} compares with rows of data, and none are kept with this model: give "background": [rows]`;
  return new ServiceError('invalid_request', message, { param: '/background' });
}

/** As the answer has them: a number for a column, nested numbers for a tensor or a text, and those alone where the model has one such feature. */
function nested({ features }: ModelSchema, attributions: Attributions): Readonly<Record<string, Nested>> | Nested {
  const byFeature = Object.fromEntries(
    features.map(({ name, type, shape, length = 1 }) => {
      const values = attributions[name]!;
      if (type === 'text') return [name, Array.from(values.subarray(0, length))];
      return [name, type === 'tensor' ? nest(values, shape ?? [], 0) : values[0]!];
    }),
  );
  const [only, ...others] = features;
  return others.length === 0 && (only?.type === 'tensor' || only?.type === 'text') ? byFeature[only.name]! : byFeature;
}

/** The tokens of a text that were read, as many as there are attributions. */
function tokensIn({ features }: ModelSchema, instance: unknown): { tokens?: string[] } {
  const [only, ...others] = features;
  if (only?.type !== 'text' || others.length > 0) return {};
  const text: unknown = typeof instance === 'object' && instance !== null ? Object.values(instance)[0] : instance;
  return typeof text === 'string' ? { tokens: tokensOf(text, only.tokens ?? 'word', only.length) } : {};
}

function nest(values: Float64Array, [size, ...inner]: readonly number[], offset: number): Nested {
  if (size === undefined) return values[offset]!;
  const stride = inner.reduce((product, extent) => product * extent, 1);
  return Array.from({ length: size }, (_, i) => nest(values, inner, offset + i * stride));
}
