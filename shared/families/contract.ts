/**
 * The contract of a model family: one file that states its parameters, its inputs, how it is fitted and its inference graph.
 * A fit is a pure function of its state: at every yield the state is a complete checkpoint, and a fit that is cut there and
 * resumed gives the same bytes. Families know no sessions but `Engine`, and nothing of AWS, tenants or HTTP.
 */
import type * as z from 'zod';
import type { EmitFeatures, Features } from '../data/feature-matrix.ts';
import type { ColumnType } from '../data/table.ts';
import type { Label, Target } from '../data/target.ts';
import type { WindowSpec } from '../data/windows.ts';
import type { Engine } from '../onnx/engine.ts';
import type { Value } from '../onnx/graph.ts';
import type { GraphBuilder } from '../onnx/graph-builder.ts';
import type { HostTensor } from '../tensor/tensor.ts';

export type Task = 'classification' | 'regression' | 'clustering' | 'forecasting' | 'language_modelling';

/** What is known of the data before a row is read. */
export interface DataShape {
  readonly task: Task;
  readonly features: readonly {
    readonly name: string;
    readonly type: ColumnType;
    readonly shape?: readonly number[];
    /** Of a tensor whose rows differ in length; the shape is the longest's. */
    readonly isRagged?: boolean;
  }[];
  /** Rows to learn from, where that is known. */
  readonly rows?: number;
  /** Whether rows are kept apart to validate with. */
  readonly isValidated?: boolean;
  /** Classes of a classification, where they are known: how many, and which. */
  readonly classes?: number;
  readonly labels?: readonly Label[];
  /** The target's shape, where it has a value for every step: [time] or [time, numbers]. */
  readonly steps?: readonly number[];
}

/** Encoded rows and what they should give. */
export interface Samples {
  readonly x: Features;
  readonly target: Target;
  /** Where there are more rows than memory holds: all of them. `x` and `target` are a sample of them then. */
  readonly blocks?: SampleBlocks;
}

/** Rows in blocks that are read when they are asked for. What lies in which block depends on the data and on a setting alone. */
export interface SampleBlocks {
  /** The first row of each block, and the end. */
  readonly starts: readonly number[];
  /** How many blocks memory holds at once. */
  readonly perWindow: number;
  /** Of all rows. */
  readonly target: Target;
  /** The rows of some blocks, in the order of the list. */
  read(blocks: readonly number[]): Promise<Samples>;
}

/** Everything a fit depends on, besides its state. */
export interface Problem<P> {
  readonly task: Task;
  readonly params: P;
  readonly seed: number;
  readonly train: Samples;
  readonly validation?: Samples;
  /** Ids of the text feature, padding and unknown included, where there is one. */
  readonly vocabulary?: number | undefined;
  /** Rows are sequences of any length, NaN after their ends. */
  readonly isRagged?: boolean | undefined;
}

/** What inference needs to know of the problem. */
export interface ModelShape<P> {
  readonly task: Task;
  readonly params: P;
  /** Shape of one encoded row. */
  readonly input: readonly number[];
  /** Number of classes, or of numbers predicted (the horizon of a forecast); of one step, where there are `steps`. */
  readonly outputs: number;
  /** A row's target, where it has a value for every step: [time] or [time, numbers]. */
  readonly steps?: readonly number[] | undefined;
  /** Ids of the text feature, where there is one. */
  readonly vocabulary?: number | undefined;
  /** Rows are sequences of any length, NaN after their ends; `input` is the shape of the longest that was learned from. */
  readonly isRagged?: boolean | undefined;
}

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** A checkpoint: where the fit stands, and every array it needs to go on. Fits replace the fields, never the arrays' elements. */
export interface FitState {
  position: Record<string, Json>;
  tensors: Record<string, HostTensor>;
}

export type Metrics = Readonly<Record<string, number>>;

export interface Progress {
  /** Of the whole fit, in [0, 1]. */
  readonly fraction: number;
  readonly epoch?: number;
  readonly epochs?: number;
  readonly step?: number;
  /** At the end of an epoch or iteration: `loss`, the task's measures, and the same with `validation_` before them. */
  readonly metrics?: Metrics;
}

export type Tensors = Readonly<Record<string, HostTensor>>;

/**
 * What an inference graph gives, under the names that the exported file uses: classification `label` (int64 [batch], index of the class)
 * with `probabilities` or, where a family has none, `scores` [batch, classes]; regression `prediction` [batch, outputs] (where
 * every step has its own, an axis for time follows the batch, NaN at steps that are masked); clustering
 * `cluster` (int64 [batch]) and `distance` [batch]; language modelling `probabilities` [batch, ids] of the next token. `assess` gives sums over the
 * tokens of a row, [batch] each: `token_loss`, `token_right`, `token_count`.
 */
export type OutputName =
  | 'label'
  | 'probabilities'
  | 'scores'
  | 'prediction'
  | 'cluster'
  | 'distance'
  | 'token_loss'
  | 'token_right'
  | 'token_count';
export type Outputs = Readonly<Partial<Record<OutputName, Value>>>;
/** The same of many rows once they were run, [rows, ...] row-major. */
export type RowOutputs = Readonly<Partial<Record<OutputName, Float64Array>>>;

export interface Family<P> {
  readonly name: string;
  readonly tasks: readonly Task[];
  /** Wire names in snake_case; strict, so that an unknown parameter is refused by name. */
  readonly params: z.ZodType<P>;
  /** Parameters that stand in place of `layers`, the likeliest to be wrong first. */
  readonly shorthand?: readonly string[];
  readonly featureTypes: readonly ColumnType[];
  /** Takes tensors whose rows differ in length. */
  readonly takesRagged?: boolean;
  /** Predicts a class or numbers for every step of a row, where the target is a tensor. */
  readonly predictsSteps?: boolean;
  /** Learns from rows of which memory holds a part at a time (`Samples.blocks`). */
  readonly readsBlocks?: true;
  /** What `preprocessing.standardize: auto` means here. */
  readonly standardize: boolean;
  /** Refuses parameters that do not fit the data. @throws ServiceError with a pointer below /params or /features. */
  check(params: P, data: DataShape): void;
  /** Forecasting: what is forecast from what. The one feature is then the window of the target's past values, a tensor [window]. */
  windowOf?(params: P): WindowSpec;
  /** Forecasting: defaults in place of the schema's. */
  readonly forecastDefaults?: Readonly<Record<string, unknown>>;
  /** Language modelling: tokens of context. The one feature is then the text, in rows of that many tokens and the one that follows. */
  contextOf?(params: P): number;
  /** From the encodings' inputs to the array that fit and infer take. */
  readonly emitFeatures: EmitFeatures;
  start(problem: Problem<P>): FitState;
  /** Advances the state in place; ends when the fit is finished. @throws training_diverged when numbers stop being finite. */
  fit(problem: Problem<P>, state: FitState, engine: Engine): AsyncGenerator<Progress, void, undefined>;
  /** The arrays that inference needs, by name. */
  learned(state: FitState, model: ModelShape<P>): Tensors;
  /** Appends inference on encoded rows. One value stands for `probabilities` or `prediction`, the label being the most probable class. */
  infer(g: GraphBuilder, x: Value, learned: Readonly<Record<string, Value>>, model: ModelShape<P>): Value | Outputs;
  /** Language modelling: how well every token of the rows is predicted, where `infer` predicts one. */
  assess?(g: GraphBuilder, x: Value, learned: Readonly<Record<string, Value>>, model: ModelShape<P>): Outputs;
}

/** How many rows there are, in memory or not. */
export const rowCount = ({ x, blocks }: Samples): number => blocks?.starts.at(-1) ?? x.shape[0]!;

/** All rows in parts that memory holds: one, or block by block. */
export async function* partsOf(samples: Samples): AsyncGenerator<Samples, void, undefined> {
  const { blocks } = samples;
  if (blocks === undefined) yield samples;
  else for (let block = 0; block + 1 < blocks.starts.length; block++) yield await blocks.read([block]);
}

/** A family whose parameters' type is forgotten: what the registry holds. `params.parse` makes what its methods take. */
export type AnyFamily = Family<unknown>;

/** Types a family by its parameters' schema, and forgets them. */
export function defineFamily<P>(family: Family<P>): AnyFamily {
  return family;
}

/** A family's inference as named outputs. */
export function inferOutputs<P>(
  family: Family<P>,
  g: GraphBuilder,
  x: Value,
  { learned, model }: { readonly learned: Readonly<Record<string, Value>>; readonly model: ModelShape<P> },
): Outputs {
  const result = family.infer(g, x, learned, model);
  if (!('dtype' in result)) return result;
  if (model.task !== 'classification') return { prediction: result };
  return { label: g.argMax(result, 1), probabilities: result };
}

export function modelOf<P>({ task, params, train, vocabulary, isRagged }: Problem<P>): ModelShape<P> {
  const { target } = train;
  const outputs = target.kind === 'classes' ? target.labels.length : numbersPerRow(train);
  const steps = target.kind === 'none' ? undefined : target.steps;
  return { task, params, input: train.x.shape.slice(1), outputs, steps, vocabulary, isRagged };
}

function numbersPerRow({ x, target }: Samples): number {
  if (target.kind !== 'numbers') return 1;
  return target.steps === undefined ? target.values.length / x.shape[0]! : (target.steps[1] ?? 1);
}
