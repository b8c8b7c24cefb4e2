/**
 * The explained number along a straight line between two rows, and the mean of its gradients there. The line lies between the values that stand for the inputs
 * (frontier.ts); its points and the sums of their gradients are made within the graph, so that two rows go in and one comes out.
 */
import { partOf } from '../../autodiff/custom-gradient.ts';
import { trainingForm } from '../../autodiff/training-form.ts';
import { ServiceError } from '../../errors.ts';
import type { Session } from '../../onnx/engine.ts';
import { GraphBuilder } from '../../onnx/graph-builder.ts';
import type { Value } from '../../onnx/graph.ts';
import { fromNumbers, tensor, toNumbers } from '../../tensor/tensor.ts';
import type { HostTensor, NumericDType } from '../../tensor/tensor.ts';
import { pickRows } from '../rows.ts';
import type { Subject } from '../subject.ts';
import type { Feeds } from '../terms.ts';
import { frontierOf } from './frontier.ts';
import type { Frontier } from './frontier.ts';
import { SELECTOR, gradientsOf, numberOf, sessionOf } from './gradient-graph.ts';
import { readGraph } from './read-graph.ts';
import { typedNodes } from './typed-nodes.ts';
import type { TypedNodes } from './typed-nodes.ts';

/** Points of the line in one run. */
const BLOCK = 32;

const ALPHAS = 'explain/alphas';
const WEIGHTS = 'explain/weights';
const NUMBERS = 'explain/numbers';
const startOf = (value: string): string => `explain/from/${value}`;
const endOf = (value: string): string => `explain/to/${value}`;
const GRADIENT = 'explain/gradient/';
const gradientOf = (value: string): string => GRADIENT + value;
const nameOf = (output: string): string => output.slice(GRADIENT.length);

/** Both ends of a line, by the values of the frontier. */
export interface Line {
  readonly from: Feeds;
  readonly to: Feeds;
  readonly selector: Float64Array;
}

export interface Walk {
  /** The mean gradient with respect to each value of the frontier that is not held. */
  readonly gradients: Readonly<Record<string, Float64Array>>;
  readonly lowest: number;
  readonly highest: number;
}

export class LineSession {
  readonly frontier: Frontier;
  readonly #subject: Subject;
  readonly #session: Session;
  /** Of the figures. */
  readonly #dtype: NumericDType;

  private constructor(subject: Subject, frontier: Frontier, session: Session, dtype: NumericDType) {
    this.#subject = subject;
    this.frontier = frontier;
    this.#session = session;
    this.#dtype = dtype;
  }

  /** The session for rows of this row's shape. @throws unsupported_operator naming the op that has no gradient rule */
  static of(subject: Subject, row: Feeds): Promise<LineSession> {
    const shapes = subject.schema.features.flatMap(({ name, type }) => (type === 'tensor' ? [row[name]!.shape] : []));
    return subject.keep(`line ${JSON.stringify(shapes)}`, () => LineSession.#open(subject, row));
  }

  static async #open(subject: Subject, row: Feeds): Promise<LineSession> {
    const { model, engine, figures } = subject;
    const typed = await typedNodes(model, [figures], { feeds: pickRows(row, new Int32Array(BLOCK)), engine });
    const frontier = frontierOf(model.graph, typed);
    const ends = await endsOf(subject, frontier, row);
    const g = new GraphBuilder('line');
    const [alphas, weights] = [ALPHAS, WEIGHTS].map((name) => g.input(name, 'float64', [BLOCK])) as [Value, Value];
    const spans = Object.entries(ends).map(([name, end]) => spanOf(g, alphas, { name, end, typed }));
    const valueOf = readGraph(g, typed, new Map(spans.map(({ name, points }) => [name, points])));
    const number = quickly(g, numberOf(g, valueOf(figures), BLOCK));
    const free = spans.filter(({ name }) => !frontier.held.has(name));
    const wrt = free.map(({ points }) => points);
    for (const [i, gradient] of gradientsOf(g, number, wrt).entries()) {
      const { name, axis } = free[i]!;
      const weighted = g.mul(gradient, alongAxis(g, weights, { axis, like: gradient }));
      g.output(g.reduceSum(weighted, { axes: [axis] }), gradientOf(name));
    }
    g.output(number, NUMBERS);
    return new LineSession(subject, frontier, await sessionOf(engine, g), number.dtype as NumericDType);
  }

  /** What stands for a row where the line begins or ends. */
  ends(row: Feeds): Promise<Feeds> {
    return endsOf(this.#subject, this.frontier, row);
  }

  /** The number where the line begins. */
  async start(line: Line): Promise<number> {
    const results = await this.#run(line, new Float64Array(BLOCK), 0);
    return toNumbers(results[NUMBERS]!)[0]!;
  }

  /** Goes through the midpoints of equal steps. */
  async walk(line: Line, steps: number): Promise<Walk> {
    const gradients: Record<string, Float64Array> = {};
    let [lowest, highest] = [Infinity, -Infinity];
    for (let begin = 0; begin < steps; begin += BLOCK) {
      const count = Math.min(BLOCK, steps - begin);
      const alphas = Float64Array.from({ length: BLOCK }, (_, k) => (begin + Math.min(k, count - 1) + 0.5) / steps);
      const { [NUMBERS]: numbers, ...sums } = await this.#run(line, alphas, count);
      this.#subject.passes += count;
      for (const number of toNumbers(numbers!).slice(0, count)) {
        lowest = Math.min(lowest, number);
        highest = Math.max(highest, number);
      }
      for (const [output, sum] of Object.entries(sums)) {
        const mean = (gradients[nameOf(output)] ??= new Float64Array(sum.data.length));
        for (const [at, value] of toNumbers(sum).entries()) mean[at]! += value / steps;
      }
    }
    return { gradients, lowest, highest };
  }

  release(): Promise<void> {
    return this.#session.release();
  }

  /** A block of points, of which the first `count` have their gradients summed up. */
  #run({ from, to, selector }: Line, alphas: Float64Array, count: number): Promise<Feeds> {
    const inputs = {
      ...renamed(from, startOf),
      ...renamed(to, endOf),
      [ALPHAS]: tensor('float64', [BLOCK], alphas),
      [WEIGHTS]: tensor(
        'float64',
        [BLOCK],
        alphas.map((_, k) => Number(k < count)),
      ),
      [SELECTOR]: fromNumbers(this.#dtype, selector, [1, selector.length]),
    };
    const used = Object.entries(inputs).filter(([name]) => this.#session.inputs.includes(name));
    return this.#session.run(Object.fromEntries(used));
  }
}

/** The same number by the operators that training uses, which cost less with their gradients. Parts that state their gradient as a whole stay as they are. */
function quickly(g: GraphBuilder, number: Value): Value {
  return g.nodes.some((node) => partOf(node) !== undefined) ? number : trainingForm(g, [number])[0]!;
}

/** The values of the frontier, of one row. */
async function endsOf(subject: Subject, { values }: Frontier, row: Feeds): Promise<Feeds> {
  const names = [...new Set(Object.values(values).flat())];
  const computed = names.filter((name) => row[name] === undefined);
  const known = Object.fromEntries(names.flatMap((name) => (row[name] ? [[name, row[name]]] : [])));
  if (computed.length === 0) return known;
  const session = await subject.sessionFor(computed);
  const feeds = Object.fromEntries(session.inputs.map((name) => [name, row[name]!]));
  return { ...known, ...(await session.run(feeds, computed)) };
}

interface Span {
  readonly name: string;
  /** [.., BLOCK, ..] */
  readonly points: Value;
  /** Where the rows are: a network may have put time first. */
  readonly axis: number;
}

/** from + alpha (to - from) for every alpha. */
function spanOf(
  g: GraphBuilder,
  alphas: Value,
  { name, end, typed }: { readonly name: string; readonly end: HostTensor; readonly typed: TypedNodes },
): Span {
  const axis = typed.types.get(name)!.shape.findIndex((size, i) => size !== end.shape[i]);
  if (axis < 0) throw new ServiceError('unsupported_operator', `${name}: the rows of this value cannot be told apart`);
  const from = g.input(startOf(name), end.dtype, end.shape);
  const to = g.input(endOf(name), end.dtype, end.shape);
  const points = g.add(from, g.mul(g.sub(to, from), alongAxis(g, alphas, { axis, like: from })));
  return { name, points, axis };
}

/** Numbers of the rows as they multiply a value whose rows are along an axis. */
function alongAxis(g: GraphBuilder, numbers: Value, { axis, like }: { axis: number; like: Value }): Value {
  const shape = like.shape.map((_, i) => (i === axis ? BLOCK : 1));
  return g.reshape(g.cast(numbers, like.dtype), shape);
}

const renamed = (feeds: Feeds, rename: (name: string) => string): Feeds =>
  Object.fromEntries(Object.entries(feeds).map(([name, value]) => [rename(name), value]));
