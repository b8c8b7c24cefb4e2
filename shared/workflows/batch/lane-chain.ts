/**
 * One lane of a batch, as the durable *train* function sees it: a chain of invocations of *fit*. Rows that crash it (more memory than there is, a
 * fault in native code) are looked for by halves, until each stands alone and gets its line; the others keep their predictions. What that
 * may take is bounded: a durable execution has 3,000 operations, and crashes cost time.
 */
import type { BatchError } from '../../resources/batch.ts';
import { FIT_ATTEMPTS } from '../attempts.ts';
import { crashCode } from '../failure.ts';
import { FitFailed, NoTurn } from '../fit-failed.ts';
import type { Orchestration } from '../train.ts';
import { stepEnd } from './lanes.ts';
import type { Lane } from './lanes.ts';
import type { LaneOutcome, PredictAction } from './predict.ts';

export type LaneEnd = Omit<LaneOutcome, 'seconds'>;

export interface ChainOptions {
  readonly to: Orchestration;
  readonly lane: Lane;
  /** Rows of one run. */
  readonly step: number;
  /** Lanes that share what an execution may have. */
  readonly lanes: number;
  /** The first row of the lane that has no line yet. */
  readonly place: () => Promise<number>;
}

/** Of all lanes together. With questions for slots, tries and pauses an invocation takes at most 13 operations where it crashes, else 3. */
const MAX_INVOCATIONS = 400;
/** Calls of *fit* that came to nothing, of all lanes together. */
const MAX_CRASHES = 160;
/** One that ran into the function's time limit took as long as many. */
const TIMEOUT_CRASHES = 10;

export class LaneChain {
  readonly #batch: string;
  readonly #options: ChainOptions;
  #invocations = 0;
  #crashes = 0;

  constructor(batch: string, options: ChainOptions) {
    this.#batch = batch;
    this.#options = options;
  }

  /** Stretch after stretch until the last row; once one has crashed, run by run. */
  async toEnd(): Promise<LaneEnd> {
    const { lane, step } = this.#options;
    try {
      const whole = await this.#predict({}, FIT_ATTEMPTS);
      if (!(whole instanceof FitFailed)) return whole;
      for (;;) {
        const rest = await this.#predict({ rows: { begin: await this.#place(), end: lane.end } });
        if (!(rest instanceof FitFailed)) return rest;
        const begin = await this.#place();
        const rows = { begin, end: Math.min(lane.end, stepEnd(begin, step)) };
        const ended = await this.#cover(rows, true);
        if (ended !== undefined) return ended;
      }
    } catch (error) {
      if (!(error instanceof FitFailed)) throw error;
      return { status: 'failed', error: crashOf(error) };
    }
  }

  /**
   * Predicts rows in halves, until those that crash stand alone.
   * @param isKnown they have crashed it together
   * @returns what ends the lane
   */
  async #cover(rows: Lane, isKnown: boolean): Promise<LaneEnd | undefined> {
    const isAlone = rows.end - rows.begin === 1;
    if (isAlone || !isKnown) {
      // Before a row is named it has to be sure: a function may be killed by chance.
      const end = await this.#predict({ rows }, isAlone ? FIT_ATTEMPTS : 1);
      if (!(end instanceof FitFailed)) return end.status === 'finished' ? undefined : end;
      if (isAlone) return this.#giveUp(rows, end);
    }
    const middle = Math.ceil((rows.begin + rows.end) / 2);
    const crashes = this.#crashes;
    const ended = await this.#cover({ begin: rows.begin, end: middle }, false);
    if (ended !== undefined) return ended;
    // Where it was not the first half, it is the second.
    return this.#cover({ begin: middle, end: rows.end }, crashes === this.#crashes);
  }

  async #giveUp(rows: Lane, crash: FitFailed): Promise<LaneEnd | undefined> {
    const { code } = crashOf(crash);
    const message = `the function crashes on this row: ${crash.message}`;
    const end = await this.#predict({ rows, error: { code, message } }, FIT_ATTEMPTS);
    if (end instanceof FitFailed) throw end;
    return end.status === 'finished' ? undefined : end;
  }

  /** Invocations until the rows are done, or one crashed. @throws {FitFailed} where there have been too many */
  async #predict(what: Pick<PredictAction, 'rows' | 'error'>, tries = 1): Promise<LaneEnd | FitFailed> {
    const { to, lane, lanes } = this.#options;
    for (; this.#invocations < MAX_INVOCATIONS / lanes; this.#invocations++) {
      const event = { action: 'predict', batch: this.#batch, lane, ...what } as const;
      try {
        const { status, error } = await to.fit<LaneOutcome>(`rows-${this.#invocations}`, event, tries);
        if (status !== 'running') {
          this.#invocations++;
          return { status, ...(error === undefined ? {} : { error }) };
        }
      } catch (error) {
        if (!(error instanceof FitFailed) || error instanceof NoTurn) throw error;
        this.#invocations++;
        this.#count(error);
        return error;
      }
    }
    const message = `the rows from ${lane.begin + 1} to ${lane.end} took more than ${this.#invocations} invocations: send fewer in a batch`;
    return { status: 'failed', error: { code: 'training_timeout', message } };
  }

  #count(error: FitFailed): void {
    this.#crashes += crashCode(error.message) === 'training_timeout' ? TIMEOUT_CRASHES : 1;
    if (this.#crashes < MAX_CRASHES / this.#options.lanes) return;
    throw new FitFailed(`the function crashed on too many of the rows: ${error.message}`);
  }

  #place(): Promise<number> {
    return this.#options.to.step(`place-${this.#invocations}`, this.#options.place);
  }
}

/** The words of a model that could not be trained are not for one that could not be run. */
export function crashOf(error: FitFailed): BatchError {
  const code = crashCode(error.message);
  return { code: code === 'training_out_of_memory' ? code : 'internal', message: error.message };
}
