/** Predictions from an exported ONNX file alone: its metadata say what goes in and what comes out. */
import { stat } from 'node:fs/promises';
import type { Label } from '../data/target.ts';
import type { OutputName } from '../families/contract.ts';
import { ServiceError } from '../errors.ts';
import type { Session } from '../onnx/engine.ts';
import { readSignature } from '../onnx/read-signature.ts';
import { rowsOf } from '../tensor/tensor.ts';
import type { HostTensor } from '../tensor/tensor.ts';
import { generate } from './generation.ts';
import type { GenerationParameters, TextPrediction } from './generation.ts';
import { feedsOf, textsOf } from './instances.ts';
import { readSchema } from './model-schema.ts';
import type { ModelSchema } from './model-schema.ts';
import { Lengths } from './lengths.ts';
import { Pace } from './pace.ts';
import type { Interruption } from './pace.ts';
import { createSession } from './session.ts';
import { stepAnswersOf } from './step-answers.ts';
import type { StepClasses } from './step-answers.ts';
import { tensorSpec } from './tensor-spec.ts';
import type { TensorSpec } from './tensor-spec.ts';

export interface ClassPrediction {
  readonly label: Label;
  readonly probabilities?: Readonly<Record<string, number>>;
  /** Where the model has no probabilities: what it decides by, higher is more likely. */
  readonly scores?: Readonly<Record<string, number>>;
}

export interface ClusterPrediction {
  readonly cluster: number;
  /** To the centre of the cluster, in the space of the encoded features. */
  readonly distance: number;
}

/** A forecast of several values is a list; so are the numbers of steps. */
export type Prediction =
  | ClassPrediction
  | ClusterPrediction
  | TextPrediction
  | StepClasses
  | number
  | readonly number[]
  | readonly (readonly number[])[];

/** A model in memory, as it is served: one of our own, or a tenant's. */
export interface ServedModel {
  /** Of a model that was trained here. */
  readonly schema?: ModelSchema;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Estimated memory of the loaded model. */
  readonly sizeBytes: number;
  /** Of a model whose rows are of any size, or may take any time. */
  readonly lengths?: Lengths | undefined;
  /**
   * One answer per instance: {label, probabilities}, {cluster, distance}, {text}, a number or a list of them, {labels, probabilities} of steps. The parameters are a language model's.
   * @param interruption asked between two runs
   * @throws invalid_request, unknown_field or shape_mismatch naming instance and feature; what the interruption throws
   */
  predict(
    instances: readonly unknown[],
    parameters?: GenerationParameters,
    interruption?: Interruption,
  ): Promise<unknown[]>;
  /** Runs the graph on its own tensors. @throws invalid_request with ONNX Runtime's words where it cannot */
  run(feeds: Readonly<Record<string, HostTensor>>, fetches: readonly string[]): Promise<Record<string, HostTensor>>;
  release(): Promise<void>;
}

/** A model that was trained here. */
export interface Predictor extends ServedModel {
  readonly schema: ModelSchema;
  predict(
    instances: readonly unknown[],
    parameters?: GenerationParameters,
    interruption?: Interruption,
  ): Promise<Prediction[]>;
  /** Of a language model: the probabilities of the next token by id, one list per instance. */
  nextToken(instances: readonly unknown[]): Promise<number[][]>;
}

/** ONNX Runtime keeps the weights, packed copies of them and its own frame. */
const SIZE_FACTOR = 2;
const SESSION_BYTES = 2_000_000;

/** Of a model by its bytes or its file. */
export async function sizeInMemory(model: Uint8Array | string): Promise<number> {
  const bytes = typeof model === 'string' ? (await stat(model)).size : model.length;
  return bytes * SIZE_FACTOR + SESSION_BYTES;
}

/** What no recurrent layer here is as slow as, to begin with: 10,000 numbers of a sequence of any length within a second. */
const SEQUENCE = { size: 10_000, ms: 1_000 };

/** Loads a model from its bytes or its file, which is needed no longer then. */
export async function loadPredictor(
  model: Uint8Array | string,
  options: { readonly threads: number },
): Promise<Predictor> {
  const { metadata, graph } = readSignature(model);
  const schema = readSchema(metadata);
  const session = await createSession(model, options);
  const sizeBytes = await sizeInMemory(model);
  const runner: Runner = { session, schema, pace: new Pace() };
  return {
    schema,
    inputs: graph.inputs.flatMap(tensorSpec),
    outputs: graph.outputs.flatMap(tensorSpec),
    sizeBytes,
    lengths: schema.features.some(({ shape }) => shape?.[0] === -1)
      ? new Lengths({ first: SEQUENCE, isForeseeable: true })
      : undefined,
    async predict(instances, parameters, interruption) {
      if (schema.language !== undefined) {
        const prompts = textsOf(schema.features, instances);
        const next = (texts: readonly string[]) => nextToken(runner, texts, interruption);
        return generate(next, schema.language, prompts, parameters);
      }
      if (parameters !== undefined) throw noParameters(schema);
      return runInBlocks(runner, { instances, read: (results) => answersOf(schema, results), interruption });
    },
    nextToken: (instances) => nextToken(runner, instances),
    run: (feeds, fetches) => runRefusing(session, feeds, fetches),
    release: () => session.release(),
  };
}

/** Runs a graph on a caller's tensors. @throws invalid_request with ONNX Runtime's words where it cannot */
export function runRefusing(
  session: Session,
  feeds: Readonly<Record<string, HostTensor>>,
  fetches: readonly string[],
): Promise<Record<string, HostTensor>> {
  return session.run(feeds, fetches).catch(refuse);
}

/** What the graph makes of tensors of the right types and shapes is between the caller and the model. */
function refuse(cause: unknown): never {
  const reason = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : 'unknown';
  throw new ServiceError('invalid_request', `the model cannot run on these inputs: ${reason.slice(0, 300)}`, { cause });
}

/** Texts of one run: what a network keeps of each is far more than the text. */
const BLOCK_TEXTS = 64;
/** Other rows of one run, which nothing interrupts. */
const BLOCK_ROWS = 1_000;

interface Runner {
  readonly session: Session;
  readonly schema: ModelSchema;
  readonly pace: Pace;
}

/** The model's answers, for blocks of the instances. */
async function runInBlocks<T>(
  { session, schema, pace }: Runner,
  {
    instances,
    read,
    interruption,
  }: { instances: readonly unknown[]; read: (results: RowResults) => T[]; interruption?: Interruption | undefined },
): Promise<T[]> {
  if (instances.length === 0) return [];
  const feeds = Object.entries(feedsOf(schema.features, instances));
  const most = schema.features.some(({ type }) => type === 'text') ? BLOCK_TEXTS : BLOCK_ROWS;
  const answers: T[] = [];
  const run = async (begin: number, end: number): Promise<void> => {
    const isAll = end - begin === instances.length;
    const block = isAll ? feeds : feeds.map(([name, feed]) => [name, rowsOf(feed, begin, end)] as const);
    const fresh = read(await runModel(session, schema, Object.fromEntries(block)));
    for (const [i, answer] of fresh.entries()) answers[begin + i] = answer;
  };
  await pace.inBlocks(run, { count: instances.length, most, interruption });
  return answers;
}

function nextToken(runner: Runner, instances: readonly unknown[], interruption?: Interruption): Promise<number[][]> {
  const read = ({ probabilities }: RowResults): number[][] => numbersOf(probabilities!) as number[][];
  return runInBlocks(runner, { instances, read, interruption });
}

function noParameters({ family, task }: ModelSchema): ServiceError {
  const message = `"parameters" are for language modelling; the model is a ${task} by ${family}`;
  return new ServiceError('invalid_request', message, { param: '/parameters' });
}

async function runModel(
  session: Session,
  schema: ModelSchema,
  feeds: Readonly<Record<string, HostTensor>>,
): Promise<RowResults> {
  const results = await session.run(feeds, Object.values(schema.outputs));
  return Object.fromEntries(Object.entries(schema.outputs).map(([name, inFile]) => [name, results[inFile]!]));
}

type RowResults = Readonly<Partial<Record<OutputName, HostTensor>>>;

function answersOf({ classes, steps }: ModelSchema, results: RowResults): Prediction[] {
  const { prediction, label, probabilities, scores, cluster, distance } = results;
  if (steps !== undefined) return stepAnswersOf(steps, results, { classes });
  if (prediction !== undefined) return numbersOf(prediction);
  if (cluster !== undefined) {
    const distances = distance!.data as Float64Array;
    return Array.from(cluster.data as BigInt64Array, (k, row) => ({ cluster: Number(k), distance: distances[row]! }));
  }
  const keys = (classes ?? []).map(String);
  return Array.from(label!.data as ArrayLike<unknown>, (value, row) => ({
    label: labelOf(value, label!.dtype),
    ...(probabilities === undefined ? {} : { probabilities: byClass(keys, probabilities, row) }),
    ...(scores === undefined ? {} : { scores: byClass(keys, scores, row) }),
  }));
}

function numbersOf({ shape: [rows = 0, width], data }: HostTensor): (number | number[])[] {
  const numbers = Array.from(data as Float64Array);
  if (width === undefined) return numbers;
  return Array.from({ length: rows }, (_, row) => numbers.slice(row * width, (row + 1) * width));
}

function labelOf(value: unknown, dtype: HostTensor['dtype']): Label {
  if (dtype === 'string') return String(value);
  return dtype === 'bool' ? Number(value) === 1 : Number(value);
}

function byClass(keys: readonly string[], { data }: HostTensor, row: number): Record<string, number> {
  return Object.fromEntries(keys.map((key, k) => [key, Number(data[row * keys.length + k])]));
}
