/** The explained number of a block of rows and its gradient with respect to chosen values of the model: a graph of a fixed number of rows. */
import { gradients } from '../../autodiff/gradients.ts';
import { NoGradientError, ServiceError } from '../../errors.ts';
import type { Session } from '../../onnx/engine.ts';
import { modelOf } from '../../onnx/graph-builder.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import type { Value } from '../../onnx/graph.ts';
import { writeModel } from '../../onnx/write-model.ts';
import { fromNumbers } from '../../tensor/tensor.ts';
import type { HostTensor, NumericDType } from '../../tensor/tensor.ts';
import type { Feeds } from '../terms.ts';
import { pickRows, rowCount } from '../rows.ts';
import type { Subject } from '../subject.ts';
import { readGraph } from './read-graph.ts';
import type { ReadGraph } from './read-graph.ts';

/** Names in the gradient graph. */
const SELECTOR = 'explain/selector';
export const NUMBER = 'explain/number';
export const gradientOf = (value: string): string => `explain/gradient/${value}`;
export const valueOf = (value: string): string => `explain/value/${value}`;

interface GradientOptions {
  /** Which sessions it is shared with. */
  readonly key: string;
  /** Rows that any block can be cut from, for the types. */
  readonly feeds: Feeds;
  /** Rows of a block. */
  readonly rows: number;
  /** What the gradient is taken of: by default what stands for the inputs. */
  readonly wrt?: readonly string[];
  /** Gives those values themselves too. */
  readonly keepsValues?: boolean;
}

export class GradientSession {
  /** The values of the graph that stand for each input. */
  readonly frontier: ReadGraph['frontier'];
  readonly rows: number;
  readonly #types: ReadonlyMap<string, Pick<Value, 'dtype' | 'shape'>>;
  readonly #session: Session;

  private constructor(session: Session, { g, frontier }: ReadGraph, rows: number) {
    this.#session = session;
    this.frontier = frontier;
    this.rows = rows;
    this.#types = new Map(g.inputs.map((input) => [input.name, input]));
  }

  /** @throws unsupported_operator naming the op that has no gradient rule */
  static async open(subject: Subject, options: GradientOptions): Promise<GradientSession> {
    const count = rowCount(options.feeds);
    const block = pickRows(
      options.feeds,
      Int32Array.from({ length: options.rows }, (_, i) => i % count),
    );
    const graph = await readGraph(subject.model, [subject.figures], block, subject.engine);
    const bytes = gradientModel(subject, graph, options);
    return new GradientSession(await subject.session(options.key, () => bytes), graph, options.rows);
  }

  /** A block of numbers as one of the inputs, in its type. */
  feed(name: string, data: ArrayLike<number>): HostTensor {
    const { dtype, shape } = this.#types.get(name)!;
    return fromNumbers(dtype as NumericDType, data, shape as readonly number[]);
  }

  /** Runs a block; every row has the same selector. */
  run(inputs: Feeds, selector: Float64Array): Promise<Feeds> {
    const weights = Float64Array.from(
      { length: this.rows * selector.length },
      (_, at) => selector[at % selector.length]!,
    );
    const used = Object.entries(inputs).filter(([name]) => this.#session.inputs.includes(name));
    return this.#session.run({ ...Object.fromEntries(used), [SELECTOR]: this.feed(SELECTOR, weights) });
  }
}

/** F = sum over figures of selector * figure, row by row, and the gradient of its sum. */
function gradientModel(subject: Subject, graph: ReadGraph, { rows, wrt, keepsValues }: GradientOptions): Uint8Array {
  const { g, frontier } = graph;
  const raw = graph.valueOf(subject.figures);
  const figures = raw.shape.length === 1 ? g.reshape(raw, [rows, 1]) : raw;
  const selector = g.input(SELECTOR, raw.dtype, [rows, figures.shape[1]!]);
  const number = g.reduceSum(g.mul(figures, selector), { axes: [1] });
  const names = [...new Set(wrt ?? Object.values(frontier.values).flat())];
  const values = names.map((name) => graph.valueOf(name));
  for (const [i, gradient] of differentiate(g, number, values).entries()) g.output(gradient, gradientOf(names[i]!));
  if (keepsValues === true) for (const [i, value] of values.entries()) g.output(value, valueOf(names[i]!));
  g.output(number, NUMBER);
  const model = modelOf(g);
  const used = new Set(model.graph.nodes.flatMap(({ inputs }) => inputs));
  const inputs = model.graph.inputs.filter(({ name }) => used.has(name));
  return writeModel({ ...model, graph: { ...model.graph, inputs } });
}

function differentiate(g: GraphBuilder, number: Value, wrt: readonly Value[]): Value[] {
  // What does not matter to the number has a gradient of zero, not none.
  const nothing = wrt.map((value) => g.cast(g.mul(g.reduceSum(value), 0), number.dtype));
  const total = nothing.reduce((sum, zero) => g.add(sum, zero), g.reduceSum(number));
  try {
    return gradients(g, total, wrt);
  } catch (error) {
    if (!(error instanceof NoGradientError)) throw error;
    const message = `${error.message}: choose kernel_shap or permutation, which need none`;
    throw new ServiceError('unsupported_operator', message, { cause: error, param: '/method' });
  }
}
