/**
 * Parts of a graph that state their gradient as a whole, where the rules of their nodes would take a slower way: a recurrence, whose way back is a recurrence
 * of its own. `gradients` takes such a part for one operation and does not look inside.
 */
import type { GraphNode, Value } from '../onnx/graph.ts';
import type { GraphBuilder } from '../onnx/graph-builder.ts';
import type { Cotangent } from './vjp.ts';

/** From the cotangents of the outputs (undefined where the loss does not depend on one) to what builds that of each input. */
export type PartGradient = (dys: readonly (Value | undefined)[]) => readonly Cotangent[];

export interface Part {
  readonly name: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly gradient: PartGradient;
  /** The node that it ends with. */
  readonly last: GraphNode;
}

const PARTS = new WeakMap<GraphNode, Part>();

/** Builds a part of the graph; all that `inputs` leaves out counts as constant. Its outputs are the only values to be used outside of it. */
export function withGradient(
  g: GraphBuilder,
  inputs: readonly Value[],
  build: () => { readonly outputs: readonly Value[]; readonly gradient: PartGradient },
): readonly Value[] {
  const first = g.nodes.length;
  const { outputs, gradient } = build();
  const nodes = g.nodes.slice(first);
  const last = nodes.at(-1);
  if (last === undefined) throw new TypeError('withGradient: expected nodes to be built, got none');
  const part: Part = { name: last.name, inputs, outputs, gradient, last };
  for (const node of nodes) PARTS.set(node, part);
  return outputs;
}

/** The part that a node belongs to. */
export const partOf = (node: GraphNode): Part | undefined => PARTS.get(node);
