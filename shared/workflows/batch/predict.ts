/**
 * What *fit* does for a batch: one time-boxed stretch of a lane, part after part. What is written stays; run again after a kill, it
 * goes on behind the last part, and the joined output is the same bytes. Where runs crash, a stretch is of some of the lane's rows.
 */
import { epochS } from '../../clock.ts';
import { ServiceError } from '../../errors.ts';
import type { BatchError, BatchPart, BatchRecord } from '../../resources/batch.ts';
import { UPLOADED_FAMILY } from '../../resources/model-ref.ts';
import { loadForeignModel } from '../../runtime/foreign-model.ts';
import { loadPredictor } from '../../runtime/predictor.ts';
import type { ServedModel } from '../../runtime/predictor.ts';
import { versionId } from '../../stores/catalog.ts';
import { paths } from '../../stores/objects.ts';
import { dayOf } from '../../stores/usage.ts';
import type { FitContext } from '../fit-context.ts';
import { stepEnd } from './lanes.ts';
import type { Lane } from './lanes.ts';
import { partsOf, settlePart, writePart } from './parts.ts';
import { openRows } from './rows.ts';
import { linesOf, refusedLines } from './step.ts';
import type { Lines } from './step.ts';

export interface PredictAction {
  readonly action: 'predict';
  readonly batch: string;
  readonly lane: Lane;
  /** Those of the lane's rows that are to be predicted, the ones before them being done: each run is a part of its own then. */
  readonly rows?: Lane;
  /** What is written of these rows instead of running the model on them. */
  readonly error?: BatchError;
}

export interface LaneOutcome {
  /** `running`: there is more to do. */
  readonly status: 'running' | 'finished' | 'cancelled' | 'failed';
  /** Of this attempt. */
  readonly seconds: number;
  readonly error?: BatchError;
}

type LinesOf = (begin: number, end: number) => Promise<Lines>;

/** A part ends with the first of them: what a kill can cost, and what one write holds. */
const PART_MS = 10_000;
const PART_CHARS = 8_000_000;
/** How often a running batch is asked whether it was cancelled, and its model whether it is still there. */
const WATCH_MS = 1_000;

export async function predictLane(event: PredictAction, context: FitContext): Promise<LaneOutcome> {
  const id = event.batch;
  const { stores, clock } = context;
  const startedMs = clock.nowMs();
  const end = (status: LaneOutcome['status'], error?: BatchError): LaneOutcome => {
    return { status, seconds: (clock.nowMs() - startedMs) / 1000, ...(error === undefined ? {} : { error }) };
  };
  const batch = await stores.catalog.batches.get(id);
  if (batch === undefined || batch.cancel_requested === true) return end('cancelled');
  const began = { status: 'running', started_at: batch.started_at ?? epochS(clock) } as const;
  await stores.catalog.batches.patch(id, began, ['queued', 'running']);
  const run = new LaneRun(batch, event, context);
  try {
    return end(await run.toEnd(startedMs));
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    return end('failed', { code: error.code, message: error.message });
  } finally {
    await run.release();
  }
}

class LaneRun {
  readonly #batch: BatchRecord;
  readonly #lane: Lane;
  readonly #end: number;
  readonly #isRunByRun: boolean;
  readonly #error: BatchError | undefined;
  readonly #context: FitContext;
  #model: ServedModel | undefined;
  #watchedMs = 0;
  #isCancelled = false;

  constructor(batch: BatchRecord, { lane, rows, error }: PredictAction, context: FitContext) {
    this.#batch = batch;
    this.#lane = lane;
    this.#end = (rows ?? lane).end;
    this.#isRunByRun = rows !== undefined;
    this.#error = error;
    this.#context = context;
  }

  /** @throws {ServiceError} quota_exceeded, or not_found for a model that was deleted */
  async toEnd(startedMs: number): Promise<LaneOutcome['status']> {
    const { stores, clock, deadlineMs } = this.#context;
    let next = this.#lane.begin;
    for (const part of await partsOf(stores.catalog, this.#batch.id, this.#lane)) next = await this.#settle(part);
    if (next >= this.#end) return 'finished';
    const lines = await this.#lines();
    for (let sinceMs = startedMs; next < this.#end; sinceMs = clock.nowMs()) {
      if (this.#isCancelled) return 'cancelled';
      if (clock.nowMs() >= deadlineMs) return 'running';
      if ((await stores.predictions.room(this.#batch.predictions_limit)) <= 0) throw this.#outOfQuota();
      const part = await this.#predict(next, { lines, sinceMs });
      next = await this.#settle(part);
    }
    return 'finished';
  }

  async release(): Promise<void> {
    await this.#model?.release();
  }

  /** What becomes of rows: predictions, or the error that they have already. */
  async #lines(): Promise<LinesOf> {
    const error = this.#error;
    const read = await openRows(this.#batch, this.#context.stores.objects);
    if (error !== undefined) return async (begin, end) => refusedLines(await read(begin, end), { begin, error });
    const model = await this.#load();
    const { parameters } = this.#batch;
    return async (begin, end) => linesOf(model, await read(begin, end), { begin, parameters });
  }

  /** Steps until the part is long enough, or it is time to stop; at least one. */
  async #predict(begin: number, { lines: linesOf, sinceMs }: { lines: LinesOf; sinceMs: number }): Promise<BatchPart> {
    const { stores, clock, deadlineMs } = this.#context;
    const { step_rows: step } = this.#batch;
    const texts: string[] = [];
    let [next, chars, predicted, failed] = [begin, 0, 0, 0];
    const isLong = () =>
      this.#isRunByRun || chars >= PART_CHARS || clock.nowMs() >= Math.min(sinceMs + PART_MS, deadlineMs);
    do {
      const last = Math.min(this.#end, stepEnd(next, step));
      const lines = await linesOf(next, last);
      texts.push(lines.text);
      chars += lines.text.length;
      predicted += lines.predicted;
      failed += lines.failed;
      next = last;
      await this.#watch();
    } while (next < this.#end && !isLong() && !this.#isCancelled);
    const seconds = (clock.nowMs() - sinceMs) / 1000;
    const day = dayOf(clock.nowMs());
    return writePart(stores, this.#batch, { begin, end: next, predicted, failed, seconds, day, text: texts.join('') });
  }

  /** @returns where to go on. @throws {ServiceError} quota_exceeded where the month ends within the part */
  async #settle(part: BatchPart): Promise<number> {
    const { end, status } = await settlePart(this.#context.stores, this.#batch, { lane: this.#lane, part });
    if (status === 'cut') throw this.#outOfQuota();
    return end;
  }

  async #load(): Promise<ServedModel> {
    const { stores, threads } = this.#context;
    const { family } = await this.#version();
    const bytes = await stores.objects.get(paths.model(this.#batch.model, this.#batch.model_version));
    if (bytes === undefined) throw this.#modelIsGone();
    this.#model = await (family === UPLOADED_FAMILY ? loadForeignModel : loadPredictor)(bytes, { threads });
    return this.#model;
  }

  async #watch(): Promise<void> {
    const nowMs = this.#context.clock.nowMs();
    if (nowMs - this.#watchedMs < WATCH_MS) return;
    this.#watchedMs = nowMs;
    const batch = await this.#context.stores.catalog.batches.get(this.#batch.id);
    // An erased batch is a cancelled one.
    this.#isCancelled = batch === undefined || batch.cancel_requested === true;
    if (!this.#isCancelled) await this.#version();
  }

  async #version() {
    const { model, model_version: version } = this.#batch;
    const record = await this.#context.stores.catalog.versions(model).get(versionId(version));
    if (record === undefined) throw this.#modelIsGone();
    return record;
  }

  #modelIsGone(): ServiceError {
    const { model, model_version: version } = this.#batch;
    return new ServiceError('not_found', `${model}:${version} was deleted while the batch ran`);
  }

  #outOfQuota(): ServiceError {
    const message = `this month's ${this.#batch.predictions_limit} predictions are used up: see GET /v1/limits`;
    return new ServiceError('quota_exceeded', message);
  }
}
