/** The affine beginning of a network, of one row: forward for both ends of a line, and back once for the sum of its gradients. */
import type { Session } from '../../onnx/engine.ts';
import { GraphBuilder } from '../../onnx/graph-builder.ts';
import type { Value } from '../../onnx/graph.ts';
import { tensor } from '../../tensor/tensor.ts';
import type { NumericDType } from '../../tensor/tensor.ts';
import { mapFeeds } from '../rows.ts';
import type { Subject } from '../subject.ts';
import type { Feeds } from '../terms.ts';
import type { Reach } from './affine.ts';
import type { Frontier } from './frontier.ts';
import { gradientsOf, sessionOf } from './gradient-graph.ts';
import { rowsGraph } from './rows-graph.ts';
import type { RowsGraph, RowsOptions } from './rows-graph.ts';

/** Of single floats, a few of them added up. */
const ROUNDING = 1e-5;

const pointOf = (name: string): string => `explain/point/${name}`;
const resultOf = (name: string): string => `explain/result/${name}`;
const cotangentOf = (name: string): string => `explain/cotangent/${name}`;
const gradientOf = (name: string): string => `explain/gradient/${name}`;

interface Sessions {
  readonly there: Session;
  readonly back: Session;
}

export class AffinePart {
  readonly frontier: Frontier;
  /** The values of the frontier of one row, by their names. */
  readonly points: ReadonlyMap<string, Value>;
  /** What it yields, of one row. */
  readonly values: readonly Value[];
  readonly #subject: Subject;
  readonly #mayBend: boolean;
  /** None where nothing affine follows the frontier. */
  readonly #sessions: Sessions | undefined;

  private constructor(subject: Subject, { frontier, points, straight }: RowsGraph, sessions?: Sessions) {
    this.frontier = frontier;
    this.points = points;
    this.values = straight.values;
    this.#mayBend = straight.mayBend;
    this.#subject = subject;
    this.#sessions = sessions;
  }

  static async of(subject: Subject, row: Feeds, reach: Reach): Promise<AffinePart> {
    const g = new GraphBuilder('there');
    const there = await oneRow(g, subject, { row, reach });
    const points = new Set(there.points.values());
    if (there.straight.values.every((value) => points.has(value))) return new AffinePart(subject, there);
    for (const value of there.straight.values) g.output(g.identity(value), resultOf(value.name));
    const [forward, back] = [await sessionOf(subject.engine, g), await backSession(subject, { row, reach })];
    return new AffinePart(subject, there, { there: forward, back });
  }

  get isEmpty(): boolean {
    return this.#sessions === undefined;
  }

  /** The values of the frontier, of one row. */
  async ends(row: Feeds): Promise<Feeds> {
    const names = [...this.points.keys()];
    const computed = names.filter((name) => row[name] === undefined);
    const known = Object.fromEntries(names.flatMap((name) => (row[name] ? [[name, row[name]]] : [])));
    if (computed.length === 0) return known;
    const session = await this.#subject.sessionFor(computed);
    const feeds = Object.fromEntries(session.inputs.map((name) => [name, row[name]!]));
    return { ...known, ...(await session.run(feeds, computed)) };
  }

  /** Its values at one end of a line, beside those of the frontier. */
  async #forward(end: Feeds): Promise<Feeds> {
    if (this.#sessions === undefined) return end;
    const { there } = this.#sessions;
    return { ...end, ...renamed(await there.run(feedsOf(there, end, pointOf)), resultOf('')) };
  }

  /** Its values at both ends of a line; undefined where they are not straight between them. */
  async along(from: Feeds, to: Feeds): Promise<readonly [Feeds, Feeds] | undefined> {
    const ends = [await this.#forward(from), await this.#forward(to)] as const;
    if (!this.#mayBend) return ends;
    const middle = await this.#forward(between(from, to));
    const isStraight = this.values.every(({ name }) => {
      const [a, m, b] = [ends[0], middle, ends[1]].map((values) => values[name]!.data as Float64Array) as [
        Float64Array,
        Float64Array,
        Float64Array,
      ];
      return m.every((value, i) => a[i]! + b[i]! - 2 * value <= ROUNDING * (Math.abs(a[i]!) + Math.abs(b[i]!)));
    });
    return isStraight ? ends : undefined;
  }

  /** From gradients with respect to its values to those with respect to the free values of the frontier, on the way between two ends. */
  async back(gradients: Feeds, { from, to }: { readonly from: Feeds; readonly to: Feeds }): Promise<Feeds> {
    if (this.#sessions === undefined) return gradients;
    const { back } = this.#sessions;
    const feeds = { ...feedsOf(back, between(from, to), pointOf), ...feedsOf(back, gradients, cotangentOf) };
    return renamed(await back.run(feeds), gradientOf(''));
  }

  async release(): Promise<void> {
    await Promise.all([this.#sessions?.there.release(), this.#sessions?.back.release()]);
  }
}

async function backSession(subject: Subject, options: OneRow): Promise<Session> {
  const g = new GraphBuilder('back');
  const { frontier, points, straight } = await oneRow(g, subject, options);
  const products = straight.values.map((y) => g.reduceSum(g.mul(y, g.input(cotangentOf(y.name), y.dtype, y.shape))));
  const free = [...points].filter(([name]) => !frontier.held.has(name));
  const wrt = free.map(([, point]) => point);
  for (const [i, gradient] of gradientsOf(g, g.sum(...products), wrt).entries())
    g.output(g.identity(gradient), gradientOf(free[i]![0]));
  return sessionOf(subject.engine, g);
}

type OneRow = Pick<RowsOptions, 'row' | 'reach'>;

/** The middle of a line. */
function between(from: Feeds, to: Feeds): Feeds {
  return mapFeeds(from, (value, name) => {
    const [first, last] = [value.data as Float64Array, to[name]!.data as Float64Array];
    return tensor<NumericDType>(
      value.dtype as NumericDType,
      value.shape,
      first.map((number, i) => (number + last[i]!) / 2),
    );
  });
}

const oneRow = (g: GraphBuilder, subject: Subject, options: OneRow): Promise<RowsGraph> =>
  rowsGraph(g, subject, {
    ...options,
    rows: 1,
    pointOf: (name, { dtype, shape }) => g.input(pointOf(name), dtype, shape),
  });

/** What the session asks for, by the names that it has there. */
function feedsOf({ inputs }: Session, feeds: Feeds, rename: (name: string) => string): Feeds {
  return Object.fromEntries(
    Object.entries(feeds).flatMap(([name, value]) => (inputs.includes(rename(name)) ? [[rename(name), value]] : [])),
  );
}

const renamed = (feeds: Feeds, prefix: string): Feeds =>
  Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name.slice(prefix.length), value]));
