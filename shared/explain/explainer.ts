/** Explanations of a model's file: plans what a request asks for, so that its cost is known before, then chooses target and baseline and gives attributions by feature. */
import { ServiceError } from '../errors.ts';
import type { ModelSchema } from '../runtime/model-schema.ts';
import { createEngine } from '../runtime/session.ts';
import { aimAt } from './aim.ts';
import type { AimRequest } from './aim.ts';
import { shownAs } from './answer.ts';
import type { ExplainedRow } from './answer.ts';
import { storedBackground, widthsOf } from './background.ts';
import type { Background, StoredBackground } from './background.ts';
import { baselineFor, fillMissing } from './baseline.ts';
import { chooseMethod } from './choose.ts';
import type { Choice } from './choose.ts';
import type { Method } from './contract.ts';
import { planCounterfactuals } from './counterfactual/answer.ts';
import type { CounterfactualRequest, CounterfactualRow } from './counterfactual/answer.ts';
import { pointingTo, requireFiniteParts } from './finite.ts';
import { rowsAt, rowsOfRequest } from './instances.ts';
import { METHODS } from './methods/index.ts';
import { DEFAULT_MAX_SECONDS } from './planned.ts';
import type { Planned } from './planned.ts';
import { playerCount } from './players.ts';
import { Subject } from './subject.ts';
import type { Feeds, MethodName } from './terms.ts';

export interface ExplainRequest extends AimRequest {
  readonly instances: readonly unknown[];
  readonly method?: MethodName | 'auto' | undefined;
  /** `zeros`, `mean` (of the background), `padding` (of texts) or an instance. */
  readonly baseline?: unknown;
  /** Instances in place of the stored sample. */
  readonly background?: readonly unknown[] | undefined;
  readonly seed?: number | undefined;
  readonly steps?: number | undefined;
  readonly samples?: number | undefined;
  readonly maxSeconds?: number | undefined;
}

export class Explainer {
  readonly subject: Subject;
  readonly #stored: StoredBackground | undefined;

  /**
   * @param options.stored the sample beside the model, where there is one
   * @param options.isForeign the file was made elsewhere
   */
  constructor(
    bytes: Uint8Array,
    options: { readonly threads: number; readonly stored?: StoredBackground | undefined; readonly isForeign?: boolean },
  ) {
    this.subject = new Subject(bytes, createEngine({ threads: options.threads }), options.isForeign);
    this.#stored = options.stored;
  }

  get schema(): ModelSchema {
    return this.subject.schema;
  }

  async explain(request: ExplainRequest): Promise<ExplainedRow[]> {
    return this.plan(request).run();
  }

  async counterfactuals(request: ExplainRequest & CounterfactualRequest): Promise<CounterfactualRow[]> {
    return this.planCounterfactuals(request).run();
  }

  /** @throws invalid_request pointing to the field, shape_mismatch; when it runs, unsupported_operator naming the op */
  plan(request: ExplainRequest): Planned<ExplainedRow[]> {
    const { subject } = this;
    const raw = rowsOfRequest(subject, request.instances);
    const background = this.#background(request);
    const players = raw.map((row) => playerCount(this.schema, row));
    const { method: name, reason } = this.#choice(request, Math.max(...players), background);
    const method = METHODS[name];
    const refusal = method.refusal(subject, Math.max(...players));
    if (refusal !== undefined)
      throw new ServiceError('invalid_request', `method: ${name}: ${refusal}`, { param: '/method' });
    if (method.needs === 'background' && background === undefined) throw noBackground(name);
    const { steps, samples } = request;
    const backgroundRows = Math.max(1, background?.rows.length ?? 1);
    const passes = players.map((count) => method.passes(subject, { steps, samples, players: count, backgroundRows }));
    return {
      // One more of each tells which class is the predicted one.
      passes: passes.reduce((sum, own) => sum + 1 + own, 0),
      run: () => this.#run({ ...request, raw, background, method, reason }),
    };
  }

  /** The smallest changes that give another class. @throws as `plan` does */
  planCounterfactuals(request: ExplainRequest & CounterfactualRequest): Planned<CounterfactualRow[]> {
    const rows = rowsOfRequest(this.subject, request.instances);
    return planCounterfactuals(this.subject, rows, { request, background: this.#background(request) });
  }

  release(): Promise<void> {
    return this.subject.release();
  }

  async #run(work: Work): Promise<ExplainedRow[]> {
    const { subject } = this;
    const { method, background, reason } = work;
    const deadlineMs = performance.now() + (work.maxSeconds ?? DEFAULT_MAX_SECONDS) * 1000;
    const isAlongLine = method.needs === 'baseline';
    const rows = isAlongLine ? work.raw.map((row) => fillMissing(row, this.#stored)) : work.raw;
    const baselineOf = isAlongLine
      ? baselineFor(subject, work.baseline, { background, stored: this.#stored })
      : undefined;
    const figures = await pointingTo('/instances', () => subject.runEach(rows));
    const answers: ExplainedRow[] = [];
    for (const [i, row] of rows.entries()) {
      const aim = await pointingTo(`/instances/${i}`, () => aimAt(subject, work, figures[i]!));
      const { seed = 0, steps, samples } = work;
      const question = { row, aim, seed, steps, samples, deadlineMs, background, baseline: baselineOf?.(row) };
      const { weights: _, ...aimed } = aim;
      const compared = method.needs === 'background' ? '/background' : '/baseline';
      const explanation = await pointingTo(compared, () => method.explain(subject, question));
      requireFiniteParts(explanation, method);
      const shown = shownAs(subject, row, explanation, work.instances[i]);
      answers.push({
        method: method.name,
        ...(reason === undefined ? {} : { reason }),
        ...aimed,
        explains: subject.kind,
        ...shown,
        ...(method.needs === 'background' ? { background: namedAs(background!) } : {}),
      });
    }
    return answers;
  }

  #background({ background: given }: ExplainRequest): Background | undefined {
    if (this.schema.features[0]?.type === 'text') {
      if (given === undefined) return { name: 'empty', rows: [], widths: {} };
      const message = 'background: expected none for a text, which is compared with itself without some of its tokens';
      throw new ServiceError('invalid_request', message, { param: '/background' });
    }
    if (given === undefined) return this.#stored && storedBackground(this.subject, this.#stored);
    const widths = this.#stored === undefined ? {} : widthsOf(this.#stored);
    return { name: 'given', rows: rowsAt('/background', this.subject, given), widths };
  }

  #choice(
    { method = 'auto' }: ExplainRequest,
    players: number,
    background: Background | undefined,
  ): Partial<Choice> & Pick<Choice, 'method'> {
    return method === 'auto' ? chooseMethod(this.subject, players, background?.rows.length ?? 1) : { method };
  }
}

interface Work extends Omit<ExplainRequest, 'method' | 'background'> {
  readonly raw: readonly Feeds[];
  readonly method: Method;
  readonly reason: string | undefined;
  readonly background: Background | undefined;
}

/** A text is compared with one row, the empty text. */
function namedAs({ name, rows }: Background): { name: string; rows: number } {
  return { name, rows: Math.max(1, rows.length) };
}

function noBackground(method: MethodName | 'counterfactual'): ServiceError {
  const message = `background: ${method} compares with rows of data, and none are kept with this model: give "background": [rows]`;
  return new ServiceError('invalid_request', message, { param: '/background' });
}
