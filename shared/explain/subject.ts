/**
 * The model that is explained: its file as a graph, the figures it decides by, and the sessions that all questions share. Where the probabilities come
 * out of a softmax the figures are the logits before it, because those add up.
 */
import { LRUCache } from 'lru-cache';
import { ServiceError } from '../errors.ts';
import type { OutputName } from '../families/contract.ts';
import type { Engine, Session } from '../onnx/engine.ts';
import type { GraphDef, ModelDef } from '../onnx/model.ts';
import { readModel } from '../onnx/read-model.ts';
import { writeModel } from '../onnx/write-model.ts';
import { readSchema } from '../runtime/model-schema.ts';
import type { ModelSchema } from '../runtime/model-schema.ts';
import { runRefusing } from '../runtime/predictor.ts';
import { sizeOf } from '../tensor/shape.ts';
import { rowsOf, toNumbers } from '../tensor/tensor.ts';
import { foreignSchema } from './foreign.ts';
import { producerOf } from './graph/producer.ts';
import { haveOneShape, joinRows } from './rows.ts';
import type { Feeds, FigureKind } from './terms.ts';

/** Input values of one block of rows: small, because a network's activations are many times its input. */
const BLOCK_VALUES = 1 << 17;

/** Sessions of one model: rows of every shape have one of their own. */
const MAX_KEPT = 16;

/** Where the figures come from, in order of preference. */
const SOURCES: readonly (readonly [OutputName, FigureKind])[] = [
  ['probabilities', 'probability'],
  ['scores', 'score'],
  ['prediction', 'prediction'],
  ['distance', 'distance'],
];

export class Subject {
  readonly schema: ModelSchema;
  readonly model: ModelDef;
  readonly engine: Engine;
  /** The file was made elsewhere: its tensors are all that is known. */
  readonly isForeign: boolean;
  /** The value in the file that holds the figures: [rows], [rows, figures] or [rows, steps, figures]. */
  readonly figures: string;
  /** What one explained number is. */
  readonly kind: FigureKind;
  /** Rows that went through the model so far. */
  passes = 0;
  readonly #kept = new LRUCache<string, Promise<Kept>>({
    max: MAX_KEPT,
    dispose: (kept) => void kept.then((session) => session.release()).catch(() => undefined),
  });

  constructor(bytes: Uint8Array, engine: Engine, isForeign = false) {
    this.model = readModel(bytes);
    this.isForeign = isForeign;
    this.schema = isForeign ? foreignSchema(this.graph) : readSchema(this.model.metadata);
    this.engine = isForeign ? refusing(engine) : engine;
    const [figures, kind] = figuresOf(this.graph, this.schema);
    this.figures = figures;
    this.kind = kind === 'logit' && this.schema.classes?.length === 2 ? 'log_odds' : kind;
  }

  get graph(): GraphDef {
    return this.model.graph;
  }

  /** What is made once under its key, for all questions. */
  keep<T extends Kept>(key: string, make: () => Promise<T>): Promise<T> {
    let kept = this.#kept.get(key);
    if (kept === undefined) {
      kept = make();
      this.#kept.set(key, kept);
      kept.catch(() => this.#kept.delete(key));
    }
    return kept as Promise<T>;
  }

  /** The figures of rows, [row][figure]. */
  async run(feeds: Feeds): Promise<Float64Array[]> {
    return this.values(feeds, this.figures);
  }

  /** The figures of rows that may be sequences of several lengths. */
  async runEach(rows: readonly Feeds[]): Promise<Float64Array[]> {
    if (haveOneShape(rows)) return this.run(joinRows(rows));
    const figures: Float64Array[] = [];
    for (const row of rows) figures.push(...(await this.run(row)));
    return figures;
  }

  /** Any numeric value of the graph whose first axis is the rows, row by row. */
  async values(feeds: Feeds, name: string): Promise<Float64Array[]> {
    const session = await this.sessionFor([name]);
    const inputs = session.inputs.map((input) => [input, feeds[input]!] as const);
    const rows = inputs[0]![1].shape[0]!;
    const width = inputs.reduce((sum, [, { shape }]) => sum + sizeOf(shape.slice(1)), 0);
    const block = Math.max(1, Math.floor(BLOCK_VALUES / Math.max(1, width)));
    const results: Float64Array[] = [];
    for (let begin = 0; begin < rows; begin += block) {
      const end = Math.min(begin + block, rows);
      const part = Object.fromEntries(inputs.map(([input, value]) => [input, rowsOf(value, begin, end)]));
      const output = (await session.run(part, [name]))[name]!;
      const data = Float64Array.from(toNumbers(output));
      const size = data.length / (end - begin);
      for (let row = 0; row < end - begin; row++) results.push(data.subarray(row * size, (row + 1) * size));
    }
    this.passes += rows;
    return results;
  }

  /** The model's session with other outputs: any of its values. */
  sessionFor(names: readonly string[]): Promise<Session> {
    return this.keep(`values ${names.join(' ')}`, () => this.engine.createSession(withOutputs(this.model, names)));
  }

  async release(): Promise<void> {
    const kept = [...this.#kept.values()];
    this.#kept.clear();
    await Promise.allSettled(kept);
  }
}

interface Kept {
  release(): Promise<void>;
}

/** What a model made elsewhere cannot run on, such as a number that it looks nothing up for, is between it and the caller. */
function refusing(engine: Engine): Engine {
  return {
    threads: engine.threads,
    async createSession(model, options) {
      const session = await engine.createSession(model, options);
      return { ...session, run: (feeds, fetches = session.outputs) => runRefusing(session, feeds, fetches) };
    },
  };
}

function withOutputs(model: ModelDef, names: readonly string[]): Uint8Array {
  const known = new Map(model.graph.outputs.map((output) => [output.name, output]));
  const outputs = names.map((name) => known.get(name) ?? { name });
  return writeModel({ ...model, graph: { ...model.graph, outputs } });
}

function figuresOf(graph: GraphDef, { outputs, steps }: ModelSchema): [string, FigureKind] {
  for (const [name, kind] of SOURCES) {
    const inFile = outputs[name];
    if (inFile === undefined) continue;
    const shown = producerOf(graph, inFile);
    // A prediction for every step is NaN where a step is masked, which the numbers before that are not.
    const value = steps !== undefined && shown?.opType === 'Where' ? shown.inputs[1]! : inFile;
    const producer = producerOf(graph, value);
    if (name === 'probabilities' && producer?.opType === 'Softmax') return [producer.inputs[0]!, 'logit'];
    return [value, kind];
  }
  throw new ServiceError('invalid_request', 'the model gives no probabilities, scores or numbers to explain');
}
