/**
 * Graph -> GraphDef: drops what no output needs, gives outputs their names, and writes values as strings.
 */
import type { Graph, GraphNode, Value } from './graph.ts';
import type { Attribute, GraphDef, NodeDef } from './model.ts';

type Names = ReadonlyMap<Value, string>;

/** The graph as plain data; `outer` holds the final names of values of the graphs around it. */
export function graphDefOf(graph: Graph, outer: Names = new Map()): GraphDef {
  const { nodes, used } = neededNodes(graph);
  const { names, aliases } = outputNames(graph, outer);
  const nameOf = (value: Value | undefined): string => (value === undefined ? '' : (names.get(value) ?? value.name));
  return {
    name: graph.name,
    nodes: [...nodes.map((node) => nodeDefOf(node, nameOf, names)), ...aliases],
    inputs: graph.inputs.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    outputs: graph.outputs.map(({ name, value }) => ({ name, dtype: value.dtype, shape: value.shape })),
    initializers: new Map(
      [...graph.initializers].filter(([value]) => used.has(value)).map(([value, tensor]) => [value.name, tensor]),
    ),
  };
}

function nodeDefOf(node: GraphNode, nameOf: (value: Value | undefined) => string, names: Names): NodeDef {
  const attributes = Object.entries(node.attributes).map(([key, value]): [string, Attribute<GraphDef>] => [
    key,
    typeof value === 'object' && 'graph' in value
      ? { graph: graphDefOf(value.graph, names) }
      : (value as Attribute<GraphDef>),
  ]);
  return {
    name: node.name,
    opType: node.opType,
    domain: node.domain,
    inputs: node.inputs.map(nameOf),
    outputs: node.outputs.map(nameOf),
    attributes: Object.fromEntries(attributes),
  };
}

/** A node's value takes the output's name; an input, an initializer or a second name gets an Identity. */
function outputNames(graph: Graph, outer: Names): { names: Names; aliases: NodeDef[] } {
  const names = new Map(outer);
  const aliases: NodeDef[] = [];
  for (const { name, value } of graph.outputs) {
    if (graph.producerOf(value) && !names.has(value)) names.set(value, name);
    else if (value.name !== name) aliases.push(identity(names.get(value) ?? value.name, name));
  }
  return { names, aliases };
}

const identity = (from: string, to: string): NodeDef => ({
  name: `${to}/Identity`,
  opType: 'Identity',
  domain: '',
  inputs: [from],
  outputs: [to],
  attributes: {},
});

/** Nodes from which an output is reached, in order, and every value that they and the outputs use. */
export function neededNodes(graph: Graph): { nodes: GraphNode[]; used: Set<Value> } {
  const used = new Set(graph.outputs.map(({ value }) => value));
  const nodes: GraphNode[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((value) => used.has(value))) continue;
    nodes.push(node);
    for (const value of valuesUsedBy(node)) used.add(value);
  }
  return { nodes: nodes.reverse(), used };
}

/** The inputs of a node, and whatever its nested graphs take from the graphs around them. */
export function valuesUsedBy(node: GraphNode): Value[] {
  const nested = Object.values(node.attributes).flatMap((attribute) =>
    typeof attribute === 'object' && 'graph' in attribute ? [...neededNodes(attribute.graph).used] : [],
  );
  return [...node.inputs.filter((value) => value !== undefined), ...nested];
}
