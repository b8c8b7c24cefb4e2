/**
 * The explained number along a straight line between two rows, and the mean of its gradients there. The line lies between the values that stand for the inputs
 * (frontier.ts); its points and the sums of their gradients are made within the graph, so that two rows go in and one comes out.
 */
import { ServiceError } from '../../errors.ts';
import type { Session } from '../../onnx/engine.ts';
import { GraphBuilder } from '../../onnx/graph-builder.ts';
import type { Value } from '../../onnx/graph.ts';
import { sizeOf } from '../../tensor/shape.ts';
import { fromNumbers, toNumbers, zeros } from '../../tensor/tensor.ts';
import type { HostTensor, NumericDType } from '../../tensor/tensor.ts';
import type { Subject } from '../subject.ts';
import type { Feeds } from '../terms.ts';
import { AffinePart } from './affine-part.ts';
import { replaced } from './affine.ts';
import type { Reach } from './affine.ts';
import type { Frontier } from './frontier.ts';
import { SELECTOR, gradientsOf, sessionOf } from './gradient-graph.ts';
import { rowsGraph } from './rows-graph.ts';
import type { RowsOptions } from './rows-graph.ts';

/** Points of the line in one run: few, because what a network makes of them should stay in the processor's cache. */
const BLOCK = 16;

/** Of each point: 1 - alpha and alpha. */
const SHARES = 'explain/shares';
const WEIGHTS = 'explain/weights';
const NUMBERS = 'explain/numbers';
const startOf = (value: string): string => `explain/from/${value}`;
const endOf = (value: string): string => `explain/to/${value}`;
/** What the points before have summed up to, and they with these. */
const BEFORE = 'explain/before/';
const SUM = 'explain/sum/';

/** Both ends of a line, by the values of the frontier. */
export interface Line {
  readonly from: Feeds;
  readonly to: Feeds;
  readonly selector: Float64Array;
}

export interface Walk {
  /** The mean gradient with respect to each value of the frontier that is not held. */
  readonly gradients: Feeds;
  readonly lowest: number;
  readonly highest: number;
}

export class LineSession {
  readonly frontier: Frontier;
  readonly #subject: Subject;
  readonly #begin: AffinePart;
  readonly #session: Session;
  readonly #rest: Rest;

  private constructor(subject: Subject, begin: AffinePart, session: Session, rest: Rest) {
    this.#subject = subject;
    this.frontier = begin.frontier;
    this.#begin = begin;
    this.#session = session;
    this.#rest = rest;
  }

  /** The session for rows of this row's shape. @throws unsupported_operator naming the op that has no gradient rule */
  static of(subject: Subject, row: Feeds, reach: Reach): Promise<LineSession> {
    const shapes = subject.schema.features.flatMap(({ name, type }) => (type === 'tensor' ? [row[name]!.shape] : []));
    return subject.keep(`line ${reach} ${JSON.stringify(shapes)}`, () => LineSession.#open(subject, row, reach));
  }

  static async #open(subject: Subject, row: Feeds, reach: Reach): Promise<LineSession> {
    const begin = await AffinePart.of(subject, row, reach);
    const g = new GraphBuilder('line');
    const rest = await restOf(g, subject, { row, reach, begin });
    if (rest === undefined) {
      await begin.release();
      return LineSession.#open(subject, row, 'none');
    }
    const weights = g.input(WEIGHTS, rest.number.dtype, [1, BLOCK]);
    const free = rest.spans.filter(({ isHeld }) => !isHeld);
    const wrt = free.map(({ points }) => points);
    for (const [i, gradient] of gradientsOf(g, rest.number, wrt).entries()) {
      const { name, axis, end } = free[i]!;
      const width = sizeOf(end.shape as readonly number[]);
      const rows = g.reshape(rowsFirst(g, gradient, axis), [BLOCK, width]);
      const before = g.input(BEFORE + name, end.dtype, end.shape);
      const sum = g.gemm(g.cast(weights, end.dtype), rows, { c: g.reshape(before, [1, width]) });
      g.output(g.reshape(sum, end.shape), SUM + name);
    }
    g.output(rest.number, NUMBERS);
    return new LineSession(subject, begin, await sessionOf(subject.engine, g), rest);
  }

  /** What stands for a row where the line begins or ends. */
  ends(row: Feeds): Promise<Feeds> {
    return this.#begin.ends(row);
  }

  /** The line as the session walks it; undefined where what it takes for straight is not: never so of reach `affine`. */
  async along({ from, to, selector }: Line): Promise<Way | undefined> {
    const ends = await this.#begin.along(from, to);
    if (ends === undefined) return undefined;
    const [first, last] = ends;
    const { number, spans } = this.#rest;
    const free = spans.filter(({ isHeld }) => !isHeld);
    const feeds = {
      [SELECTOR]: fromNumbers(number.dtype as NumericDType, selector, [1, selector.length]),
      ...Object.fromEntries(spans.map(({ name }) => [endOf(name), last[name]!])),
      ...Object.fromEntries(free.map(({ name }) => [startOf(name), first[name]!])),
    };
    return { from, to, feeds };
  }

  /** The number where the way begins. */
  async start(way: Way): Promise<number> {
    const results = await this.#run(way, this.#nothing(), { alphas: [0], weight: 0 });
    return toNumbers(results[NUMBERS]!)[0]!;
  }

  /** Goes through the midpoints of equal steps; undefined where the time is over before the last block of them. */
  async walk(way: Way, steps: number, deadlineMs: number): Promise<Walk | undefined> {
    let sums = this.#nothing();
    let [lowest, highest] = [Infinity, -Infinity];
    for (let begin = 0; begin < steps; begin += BLOCK) {
      if (begin > 0 && performance.now() > deadlineMs) return undefined;
      const count = Math.min(BLOCK, steps - begin);
      const alphas = Array.from({ length: count }, (_, k) => (begin + k + 0.5) / steps);
      const { [NUMBERS]: numbers, ...results } = await this.#run(way, sums, { alphas, weight: 1 / steps });
      this.#subject.passes += count;
      for (const number of toNumbers(numbers!).slice(0, count)) {
        lowest = Math.min(lowest, number);
        highest = Math.max(highest, number);
      }
      sums = renamed(results, SUM, '');
    }
    return { gradients: await this.#begin.back(sums, way), lowest, highest };
  }

  async release(): Promise<void> {
    await Promise.all([this.#session.release(), this.#begin.release()]);
  }

  /** Sums of no gradients. */
  #nothing(): Feeds {
    const free = this.#rest.spans.filter(({ isHeld }) => !isHeld);
    return Object.fromEntries(
      free.map(({ name, end: { dtype, shape } }) => [name, zeros(dtype as NumericDType, shape as readonly number[])]),
    );
  }

  /** The points at `alphas`, at most a block, whose gradients are added with this weight to the sums. */
  #run({ feeds }: Way, sums: Feeds, { alphas, weight }: { alphas: readonly number[]; weight: number }): Promise<Feeds> {
    const shares = Array.from({ length: BLOCK }, (_, k) => alphas[Math.min(k, alphas.length - 1)]!);
    const weights = shares.map((_, k) => (k < alphas.length ? weight : 0));
    const inputs = {
      ...feeds,
      ...renamed(sums, '', BEFORE),
      [WEIGHTS]: fromNumbers(this.#rest.number.dtype as NumericDType, weights, [1, BLOCK]),
      [SHARES]: fromNumbers(
        'float64',
        shares.flatMap((share) => [1 - share, share]),
        [BLOCK, 2],
      ),
    };
    const used = Object.entries(inputs).filter(([name]) => this.#session.inputs.includes(name));
    return this.#session.run(Object.fromEntries(used));
  }
}

/** A line as a session walks it. */
export interface Way {
  readonly from: Feeds;
  readonly to: Feeds;
  /** What is fed for every block of points. */
  readonly feeds: Feeds;
}

/** What comes after the affine beginning. */
interface Rest {
  /** [BLOCK] */
  readonly number: Value;
  /** What it begins at. */
  readonly spans: readonly Span[];
}

/** Undefined where the rows of a value at which it would begin cannot be told apart. */
async function restOf(
  g: GraphBuilder,
  subject: Subject,
  { row, reach, begin }: Pick<RowsOptions, 'row' | 'reach'> & { readonly begin: AffinePart },
): Promise<Rest | undefined> {
  const shares = g.input(SHARES, 'float64', [BLOCK, 2]);
  const spans: Span[] = [];
  const pointOf = (name: string, { shape }: HostTensor): Value => {
    const isHeld = begin.frontier.held.has(name);
    const span = spanOf(g, shares, { name, end: begin.points.get(name)!, shape, isHeld });
    spans.push(span);
    return span.points;
  };
  const { number, straight } = await rowsGraph(g, subject, { row, rows: BLOCK, reach, pointOf });
  if (begin.isEmpty) return { number, spans };
  const later = begin.values.map((end, i) => {
    const shape = straight.values[i]!.shape as readonly number[];
    return rowAxis(end, shape) === undefined
      ? undefined
      : spanOf(g, shares, { name: end.name, end, shape, isHeld: false });
  });
  if (!later.every((span) => span !== undefined)) return undefined;
  const by = new Map(straight.values.map((value, i) => [value, later[i]!.points]));
  return { number: replaced(g, number, by), spans: [...spans.filter(({ isHeld }) => isHeld), ...later] };
}

interface Span {
  readonly name: string;
  /** [.., BLOCK, ..] */
  readonly points: Value;
  /** Of one row. */
  readonly end: Value;
  /** Where the rows are: a network may have put time first. */
  readonly axis: number;
  /** The end's all along the line. */
  readonly isHeld: boolean;
}

interface SpanOptions extends Pick<Span, 'name' | 'end' | 'isHeld'> {
  /** Of a block. */
  readonly shape: readonly number[];
}

/** (1 - alpha) from + alpha to for every alpha. */
function spanOf(g: GraphBuilder, shares: Value, { name, end, shape, isHeld }: SpanOptions): Span {
  const one = end.shape as readonly number[];
  const axis = rowAxis(end, shape);
  if (axis === undefined)
    throw new ServiceError('unsupported_operator', `${name}: the rows of this value cannot be told apart`);
  const to = g.input(endOf(name), end.dtype, one);
  if (isHeld) return { name, points: g.expand(to, shape), end, axis, isHeld };
  const from = g.input(startOf(name), end.dtype, one);
  const width = sizeOf(one);
  const ends = g.concat([g.reshape(from, [1, width]), g.reshape(to, [1, width])], 0);
  const rows = g.matMul(g.cast(shares, end.dtype), ends);
  const points = g.reshape(rows, [BLOCK, ...one.toSpliced(axis, 1)]);
  return { name, points: rowsAt(g, points, axis), end, axis, isHeld };
}

/** The axis of the rows, by the shapes of one and of a block. */
function rowAxis({ shape: one }: Value, shape: readonly number[]): number | undefined {
  const axis = shape.findIndex((size, i) => size !== one[i]);
  const isAlone =
    shape.length === one.length &&
    shape.every((size, i) => (i === axis ? size === BLOCK && one[i] === 1 : size === one[i]));
  return axis >= 0 && isAlone ? axis : undefined;
}

/** A value whose first axis is the rows, with them along another. */
function rowsAt(g: GraphBuilder, value: Value, axis: number): Value {
  const order = value.shape.map((_, i) => (i < axis ? i + 1 : i === axis ? 0 : i));
  return axis === 0 ? value : g.transpose(value, order);
}

/** The other way about. */
function rowsFirst(g: GraphBuilder, value: Value, axis: number): Value {
  const order = [axis, ...value.shape.keys().filter((i) => i !== axis)];
  return axis === 0 ? value : g.transpose(value, order);
}

const renamed = (feeds: Feeds, prefix: string, by: string): Feeds =>
  Object.fromEntries(Object.entries(feeds).map(([name, value]) => [by + name.slice(prefix.length), value]));
