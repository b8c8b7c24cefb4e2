/**
 * The model that is explained: its file as a graph, the figures it decides by, and the sessions that all questions share. Where the probabilities come
 * out of a softmax the figures are the logits before it, because those add up.
 */
import { ServiceError } from '../errors.ts';
import type { OutputName } from '../families/contract.ts';
import type { Engine, Session } from '../onnx/engine.ts';
import type { GraphDef, ModelDef, NodeDef } from '../onnx/model.ts';
import { readModel } from '../onnx/read-model.ts';
import { writeModel } from '../onnx/write-model.ts';
import { readSchema } from '../runtime/model-schema.ts';
import type { ModelSchema } from '../runtime/model-schema.ts';
import { sizeOf } from '../tensor/shape.ts';
import { rowsOf, toNumbers } from '../tensor/tensor.ts';
import type { Feeds, FigureKind, TargetName } from './terms.ts';

/** Input values of one block of rows: small, because a network's activations are many times its input. */
const BLOCK_VALUES = 1 << 17;

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
  /** The value in the file that holds the figures, [rows] or [rows, figures]. */
  readonly figures: string;
  readonly #kind: FigureKind;
  /** Rows that went through the model so far. */
  passes = 0;
  readonly #sessions = new Map<string, Promise<Session>>();

  constructor(bytes: Uint8Array, engine: Engine) {
    this.model = readModel(bytes);
    this.schema = readSchema(this.model.metadata);
    this.engine = engine;
    [this.figures, this.#kind] = figuresOf(this.model.graph, this.schema);
  }

  get graph(): GraphDef {
    return this.model.graph;
  }

  /** What one explained number is. */
  get kind(): FigureKind {
    return this.#kind === 'logit' && this.schema.classes?.length === 2 ? 'log_odds' : this.#kind;
  }

  /** A session made once under its key and kept. */
  session(key: string, make: () => Uint8Array | Promise<Uint8Array>): Promise<Session> {
    let session = this.#sessions.get(key);
    if (session === undefined) {
      session = Promise.resolve(make()).then((bytes) => this.engine.createSession(bytes));
      this.#sessions.set(key, session);
      session.catch(() => this.#sessions.delete(key));
    }
    return session;
  }

  /** The figures of rows, [row][figure]. */
  async run(feeds: Feeds): Promise<Float64Array[]> {
    return this.values(feeds, this.figures);
  }

  /** Any numeric value of the graph, row by row. */
  async values(feeds: Feeds, name: string): Promise<Float64Array[]> {
    const session = await this.session(`value ${name}`, () => withOutputs(this.model, [name]));
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

  /** The class whose figure is greatest. */
  predicted(figures: Float64Array): number {
    return figures.indexOf(Math.max(...figures));
  }

  /** The weights of the figures that make the explained number of a target, and the target's name. @throws invalid_request */
  selector(target: TargetName | undefined, figures: Float64Array): { weights: Float64Array; target: TargetName } {
    const weights = new Float64Array(figures.length);
    const { classes, task } = this.schema;
    if (classes === undefined) {
      const step = target === undefined || target === this.schema.target ? 1 : Number(target);
      if (!(Number.isInteger(step) && step >= 1 && step <= figures.length)) {
        const expected = figures.length === 1 ? 'no target' : `a step from 1 to ${figures.length}`;
        throw wrongTarget(`expected ${expected} for ${task}, got ${JSON.stringify(target)}`);
      }
      weights[step - 1] = 1;
      return { weights, target: figures.length === 1 ? (this.schema.target ?? this.#kind) : step };
    }
    const at =
      target === undefined ? this.predicted(figures) : classes.findIndex((label) => String(label) === String(target));
    if (at < 0) throw wrongTarget(`expected one of the classes ${classes.join(', ')}, got ${JSON.stringify(target)}`);
    weights[at] = 1;
    if (this.kind === 'log_odds') weights[1 - at] = -1;
    return { weights, target: classes[at]! };
  }

  async release(): Promise<void> {
    for (const session of this.#sessions.values()) await (await session).release();
    this.#sessions.clear();
  }
}

/** The explained number of a row. */
export function select(figures: Float64Array, weights: Float64Array): number {
  return figures.reduce((sum, value, k) => sum + (weights[k] === 0 ? 0 : value * weights[k]!), 0);
}

/** The same model with other outputs: any of its values. */
export function withOutputs(model: ModelDef, names: readonly string[]): Uint8Array {
  const known = new Map(model.graph.outputs.map((output) => [output.name, output]));
  const outputs = names.map((name) => known.get(name) ?? { name });
  return writeModel({ ...model, graph: { ...model.graph, outputs } });
}

/** @throws invalid_request for models whose rows have no one shape to attribute to */
export function requireExplainable({ steps, features }: ModelSchema): void {
  if (steps === undefined && features.every(({ shape }) => shape?.[0] !== -1)) return;
  const message = 'models over sequences of any length, or with a prediction for every step, are not explained yet';
  throw new ServiceError('invalid_request', message);
}

function figuresOf(graph: GraphDef, { outputs }: ModelSchema): [string, FigureKind] {
  for (const [name, kind] of SOURCES) {
    const inFile = outputs[name];
    if (inFile === undefined) continue;
    const producer = producerOf(graph, inFile);
    if (name === 'probabilities' && producer?.opType === 'Softmax') return [producer.inputs[0]!, 'logit'];
    return [inFile, kind];
  }
  throw new ServiceError('invalid_request', 'the model gives no probabilities, scores or numbers to explain');
}

/** The node that yields a value, looked for behind identities. */
export function producerOf(graph: GraphDef, name: string): NodeDef | undefined {
  const node = graph.nodes.find(({ outputs }) => outputs.includes(name));
  return node?.opType === 'Identity' ? producerOf(graph, node.inputs[0]!) : node;
}

function wrongTarget(message: string): ServiceError {
  return new ServiceError('invalid_request', `target: ${message}`, { param: '/target' });
}
