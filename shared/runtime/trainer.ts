/**
 * Training in segments, and the export of what was trained. A segment is a pure function of its checkpoint: the caller keeps
 * the bytes, and may cut and resume as it likes.
 */
import { cellValue, columnOf } from '../data/columns.ts';
import type { FeatureDType } from '../data/feature-matrix.ts';
import { ServiceError } from '../errors.ts';
import type { FitState, Metrics, Progress, RowOutputs } from '../families/contract.ts';
import { Evaluator } from '../families/evaluation.ts';
import { takeRows } from '../tensor/tensor.ts';
import { decodeCheckpoint, encodeCheckpoint } from './checkpoint.ts';
import type { Checkpoint } from './checkpoint.ts';
import { exportGraph } from './export-graph.ts';
import type { ModelSchema } from './model-schema.ts';
import { prepare } from './preparation.ts';
import { requireFigures, withColumn } from './divergence.ts';
import type { Preparation, TrainingData } from './preparation.ts';
import { loadPredictor } from './predictor.ts';
import type { Prediction } from './predictor.ts';
import { createEngine } from './session.ts';

export interface TrainingProgress {
  readonly fraction: number;
  readonly epoch?: number;
  readonly epochs?: number;
  readonly eta_seconds?: number;
}

export type TrainingEvent =
  | { readonly type: 'progress'; readonly progress: TrainingProgress }
  /** The end of an epoch: `epoch, step, loss, validation_loss` and the task's measures. Closed forms have one epoch. */
  | {
      readonly type: 'metrics';
      readonly epoch: number;
      readonly progress: TrainingProgress;
      readonly data: Metrics;
      readonly metrics: SegmentMetrics;
    };

export interface SegmentOptions extends TrainingData {
  /** Of the segment before; absent for the first. */
  readonly checkpoint?: Uint8Array | undefined;
  /** Of the first segment; the following ones keep to its count. */
  readonly threads: number;
  /** Asked several times a second; true ends the segment with a checkpoint. */
  readonly shouldStop: () => boolean;
  /** Ends the segment, as `paused`, when this epoch is done. */
  readonly untilEpoch?: number | undefined;
  onEvent?(event: TrainingEvent): void | Promise<void>;
}

export interface SegmentMetrics {
  readonly train: Metrics;
  /** Empty without validation rows. */
  readonly validation: Metrics;
}

export interface SegmentResult {
  readonly status: 'running' | 'paused' | 'finished' | 'failed';
  readonly checkpoint: Uint8Array;
  /** Why it failed; the checkpoint is then the last before that. */
  readonly failure?: ServiceError;
  readonly progress: TrainingProgress;
  readonly metrics: SegmentMetrics;
}

export interface ExportResult {
  readonly onnx: Uint8Array;
  readonly schema: ModelSchema;
  readonly metrics: SegmentMetrics;
  /** Between the file's predictions and the trainer's, over a sample of rows; relative for values above 1. */
  readonly equality: { readonly rows: number; readonly max_difference: number };
  /** What it was trained on, encoded. */
  readonly prepared: Preparation;
}

const PROGRESS_INTERVAL_MS = 200;
const EQUALITY_ROWS = 256;
const MAX_DIFFERENCE = 1e-5;

/**
 * Trains until the fit is finished or `shouldStop` says so. @throws ServiceError invalid_request, training_diverged, as long as
 * nothing has been learned
 */
export async function runSegment(options: SegmentOptions): Promise<SegmentResult> {
  const resumed = options.checkpoint === undefined ? undefined : decodeCheckpoint(options.checkpoint);
  const engine = createEngine({ threads: resumed?.threads ?? options.threads });
  const prepared = await prepare(options, engine, resumed);
  const { family, problem, fingerprint, blockRows } = prepared;
  const state = resumed === undefined ? begin(prepared) : ownState(resumed, prepared);
  const reporter = new Reporter(options);
  const encode = (of: FitState) => encodeCheckpoint({ threads: engine.threads, blockRows, fingerprint, state: of });
  // Fits replace the fields and never the arrays' elements: these two references are the state as it was.
  let kept: FitState = { ...state };
  const broken = (status: SegmentResult['status']): SegmentResult => ({
    status,
    checkpoint: encode(kept),
    progress: reporter.progress,
    metrics: reporter.metrics,
  });
  try {
    for await (const progress of family.fit(problem, state, engine)) {
      kept = { ...state };
      await reporter.report(progress);
      const status = breakAt(progress, options);
      if (status !== undefined) return broken(status);
    }
    const metrics = await evaluate(prepared, { state, engine });
    requireFigures(metrics, prepared);
    await reporter.finish(metrics);
    return { status: 'finished', checkpoint: encode(state), progress: reporter.progress, metrics };
  } catch (error) {
    const failure = withColumn(error, prepared);
    if (!(failure instanceof ServiceError) || (resumed === undefined && !reporter.hasMetrics)) throw failure;
    return { ...broken('failed'), failure };
  }
}

function begin(prepared: Preparation): FitState {
  try {
    return prepared.family.start(prepared.problem);
  } catch (error) {
    throw withColumn(error, prepared);
  }
}

/** Whether the segment ends here. What is done is not stopped: the next segment would find nothing to do. */
function breakAt(
  { fraction, metrics, epoch = 0 }: Progress,
  { untilEpoch = Infinity, shouldStop }: SegmentOptions,
): 'paused' | 'running' | undefined {
  if (fraction >= 1) return undefined;
  if (metrics !== undefined && epoch >= untilEpoch) return 'paused';
  return shouldStop() ? 'running' : undefined;
}

/** The ONNX file of a checkpoint, proven equal to the trainer. @throws internal when it is not */
export async function exportModel(
  options: TrainingData & { readonly checkpoint: Uint8Array; readonly threads: number },
): Promise<ExportResult> {
  const checkpoint = decodeCheckpoint(options.checkpoint);
  const engine = createEngine({ threads: checkpoint.threads });
  const prepared = await prepare(options, engine, checkpoint);
  const state = ownState(checkpoint, prepared);
  const { onnx, schema } = exportGraph(prepared, state);
  const metrics = await evaluate(prepared, { state, engine });
  const equality = await compare(prepared, { state, engine, onnx });
  if (!(equality.max_difference <= MAX_DIFFERENCE)) {
    throw new ServiceError(
      'internal',
      `the exported file predicts otherwise than the trainer: by ${equality.max_difference}, allowed is ${MAX_DIFFERENCE}`,
    );
  }
  return { onnx, schema, metrics, equality, prepared };
}

interface Fitted {
  readonly state: Checkpoint['state'];
  readonly engine: ReturnType<typeof createEngine>;
}

function ownState({ fingerprint, state }: Checkpoint, prepared: Preparation): Checkpoint['state'] {
  if (fingerprint === prepared.fingerprint) return state;
  throw new ServiceError(
    'internal',
    'the checkpoint belongs to another training: family, parameters, seed or data differ',
  );
}

/** The measures of all rows. */
export async function evaluate(prepared: Preparation, { state, engine }: Fitted): Promise<SegmentMetrics> {
  const { family, model, problem } = prepared;
  const learned = family.learned(state, model);
  const evaluator = await Evaluator.open(engine, family, model, { x: problem.train.x, learned });
  try {
    const train = await evaluator.measure(problem.train, learned);
    return {
      train,
      validation: problem.validation === undefined ? {} : await evaluator.measure(problem.validation, learned),
    };
  } finally {
    await evaluator.release();
  }
}

/** Predicts a sample of training rows from the file, as a request would, and with the trainer's own graph. */
async function compare(
  prepared: Preparation,
  { state, engine, onnx }: Fitted & { onnx: Uint8Array },
): Promise<ExportResult['equality']> {
  const { family, model, problem, trainRows } = prepared;
  const learned = family.learned(state, model);
  const { x } = problem.train;
  const evaluator = await Evaluator.open(engine, family, model, { x, learned, isServed: true });
  const predictor = await loadPredictor(onnx, { threads: engine.threads });
  try {
    const count = Math.min(EQUALITY_ROWS, trainRows.rows.length);
    const sample = Int32Array.from({ length: count }, (_, i) => Math.floor((i * trainRows.rows.length) / count));
    const expected = await evaluator.run(takeRows<FeatureDType>(x, sample), learned);
    const columns = prepared.features.map((name) => columnOf(trainRows.table, name));
    const instances = Array.from(sample, (i) =>
      Object.fromEntries(columns.map((column) => [column.name, cellValue(column, trainRows.rows[i]!)])),
    );
    const { schema } = predictor;
    const figures =
      schema.task === 'language_modelling'
        ? await predictor.nextToken(instances)
        : (await predictor.predict(instances)).map((prediction) => outputsOf(prediction, schema.classes));
    const differences = figures.map((got, k) => {
      const row = rowOf(expected, k, count);
      // Steps without a prediction are left out of the answer.
      return difference(got, model.steps === undefined ? row : row.filter((value) => !Number.isNaN(value)));
    });
    return { rows: count, max_difference: Math.max(0, ...differences) };
  } finally {
    await evaluator.release();
    await predictor.release();
  }
}

/** What a prediction was decided by: probabilities or scores in the order of the classes, the distance, or the number. */
function outputsOf(prediction: Prediction, classes: ModelSchema['classes']): number[] {
  if (typeof prediction === 'number') return [prediction];
  if (isList(prediction)) return prediction.flat().filter((value) => !Number.isNaN(value));
  if ('labels' in prediction) return prediction.probabilities.flatMap((step) => (step ? byClass(step, classes) : []));
  if ('distance' in prediction) return [prediction.distance];
  if ('text' in prediction) throw new TypeError('a text was decided by the probabilities of its tokens');
  return byClass(prediction.probabilities ?? prediction.scores ?? {}, classes);
}

function byClass(figures: Readonly<Record<string, number>>, classes: ModelSchema['classes']): number[] {
  return (classes ?? []).map((label) => figures[String(label)] ?? Number.NaN);
}

const isList = (prediction: Prediction): prediction is readonly number[] | readonly (readonly number[])[] =>
  Array.isArray(prediction);

/** The same of one row of the trainer's. */
function rowOf({ prediction, distance, probabilities, scores }: RowOutputs, row: number, rows: number): Float64Array {
  const figures = (prediction ?? distance ?? probabilities ?? scores)!;
  const width = figures.length / rows;
  return figures.subarray(row * width, (row + 1) * width);
}

function difference(got: readonly number[], expected: Float64Array): number {
  if (got.length !== expected.length) return Number.NaN;
  const gaps = Array.from(expected, (value, k) => Math.abs(got[k]! - value) / Math.max(1, Math.abs(value)));
  return gaps.some((gap) => Number.isNaN(gap)) ? Number.NaN : Math.max(...gaps);
}

/** Turns the fit's yields into events, a few per second, and keeps the newest figures. */
class Reporter {
  progress: TrainingProgress = { fraction: 0 };
  metrics: SegmentMetrics = { train: {}, validation: {} };
  hasMetrics = false;
  private readonly options: SegmentOptions;
  private readonly startedMs = performance.now();
  private startFraction: number | undefined;
  private reportedMs = 0;
  /** The last yield came with the metrics of its epoch. */
  private isTold = false;

  constructor(options: SegmentOptions) {
    this.options = options;
  }

  async report(progress: Progress): Promise<void> {
    const nowMs = performance.now();
    this.progress = this.withEta(progress, nowMs);
    this.isTold = progress.metrics !== undefined;
    if (progress.metrics !== undefined) await this.sendMetrics(progress.epoch ?? 1, progress.metrics, progress.step);
    else if (nowMs - this.reportedMs >= PROGRESS_INTERVAL_MS) {
      this.reportedMs = nowMs;
      await this.options.onEvent?.({ type: 'progress', progress: this.progress });
    }
  }

  /** The last word of a finished fit; families that have no epochs report their metrics here. */
  async finish(metrics: SegmentMetrics): Promise<void> {
    const { epoch, epochs } = this.progress;
    this.progress = {
      fraction: 1,
      ...(epoch === undefined ? {} : { epoch }),
      ...(epochs === undefined ? {} : { epochs }),
    };
    this.metrics = metrics;
    if (this.isTold) return;
    const validation = Object.entries(metrics.validation).map(([name, value]): [string, number] => [
      `validation_${name}`,
      value,
    ]);
    await this.sendMetrics(epoch ?? 1, { ...metrics.train, ...Object.fromEntries(validation) });
    this.metrics = metrics;
  }

  private async sendMetrics(epoch: number, metrics: Metrics, step?: number): Promise<void> {
    const entries = Object.entries(metrics);
    const isValidation = ([name]: [string, number]): boolean => name.startsWith('validation_');
    this.metrics = {
      train: Object.fromEntries(entries.filter((entry) => !isValidation(entry))),
      validation: Object.fromEntries(
        entries.filter(isValidation).map(([name, value]) => [name.slice('validation_'.length), value]),
      ),
    };
    this.hasMetrics = true;
    const data = { epoch, ...(step === undefined ? {} : { step }), ...metrics };
    await this.options.onEvent?.({ type: 'metrics', epoch, progress: this.progress, data, metrics: this.metrics });
  }

  private withEta({ fraction, epoch, epochs }: Progress, nowMs: number): TrainingProgress {
    this.startFraction ??= fraction;
    const gained = fraction - this.startFraction;
    const etaS = gained > 0 ? ((nowMs - this.startedMs) / 1000) * ((1 - fraction) / gained) : undefined;
    return {
      fraction,
      ...(epoch === undefined ? {} : { epoch }),
      ...(epochs === undefined ? {} : { epochs }),
      ...(etaS === undefined ? {} : { eta_seconds: Math.round(etaS * 10) / 10 }),
    };
  }
}
