/** The explained number of rows as a graph that begins at the values of the frontier. */
import { partOf } from '../../autodiff/custom-gradient.ts';
import { trainingForm } from '../../autodiff/training-form.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import type { Value } from '../../onnx/graph.ts';
import type { HostTensor } from '../../tensor/tensor.ts';
import { pickRows } from '../rows.ts';
import type { Subject } from '../subject.ts';
import type { Feeds } from '../terms.ts';
import { affineFrontier } from './affine.ts';
import type { AffineFrontier, Reach } from './affine.ts';
import { frontierOf } from './frontier.ts';
import type { Frontier } from './frontier.ts';
import { numberOf } from './gradient-graph.ts';
import { readGraph } from './read-graph.ts';
import { typedNodes } from './typed-nodes.ts';

export interface RowsGraph {
  readonly frontier: Frontier;
  /** What stands for each value of the frontier, by its name. */
  readonly points: ReadonlyMap<string, Value>;
  /** [rows] */
  readonly number: Value;
  /** What is straight where the points that are not held are, and used by something that is not. */
  readonly straight: AffineFrontier;
}

export interface RowsOptions {
  /** Whose shape the rows have. */
  readonly row: Feeds;
  readonly rows: number;
  readonly reach: Reach;
  /** What is to stand for a value of the frontier. */
  readonly pointOf: (name: string, type: HostTensor) => Value;
}

/** Writes it into a graph. @throws unsupported_operator naming a node that cannot be read */
export async function rowsGraph(
  g: GraphBuilder,
  { model, engine, figures, schema }: Subject,
  { row, rows, reach, pointOf }: RowsOptions,
): Promise<RowsGraph> {
  const typed = await typedNodes(model, [figures], { feeds: pickRows(row, new Int32Array(rows)), engine });
  const dates = schema.features.filter(({ type }) => type === 'datetime');
  const frontier = frontierOf(model.graph, typed, new Set(dates.map(({ name }) => name)));
  const names = new Set(Object.values(frontier.values).flat());
  const points = new Map([...names].map((name) => [name, pointOf(name, typed.types.get(name)!)]));
  const valueOf = readGraph(g, typed, points);
  const plain = numberOf(g, valueOf(figures), rows);
  const free = [...points].flatMap(([name, point]) => (frontier.held.has(name) ? [] : [point]));
  // Parts that state their gradient as a whole stay as they are.
  const hasParts = g.nodes.some((node) => partOf(node) !== undefined);
  if (hasParts) return { frontier, points, number: plain, straight: { values: free, mayBend: false } };
  // The same number by the operators that training uses, which cost less with their gradients.
  const [number] = trainingForm(g, [plain]) as [Value];
  const straight = reach === 'none' ? { values: free, mayBend: false } : affineFrontier(g, number, free, reach);
  return { frontier, points, number, straight };
}
