/**
 * The nodes of a graph that some of its values need, with the types of all that they yield: from one run on rows of the size wanted, so that shapes that are
 * computed within the graph are known too. Bodies of Scan are run on their first slice.
 */
import { ServiceError } from '../../errors.ts';
import type { Engine } from '../../onnx/engine.ts';
import type { Attribute, GraphDef, ModelDef, NodeDef } from '../../onnx/model.ts';
import { writeModel } from '../../onnx/write-model.ts';
import { rowsOf, tensor } from '../../tensor/tensor.ts';
import type { HostTensor } from '../../tensor/tensor.ts';
import type { Feeds } from '../terms.ts';

export interface TypedNodes {
  readonly nodes: readonly NodeDef[];
  /** Every value of the run, the inputs and those of graphs around included. */
  readonly types: ReadonlyMap<string, HostTensor>;
  readonly initializers: ReadonlyMap<string, HostTensor>;
  readonly bodies: ReadonlyMap<NodeDef, TypedNodes>;
}

/** @throws unsupported_operator where values on the way are no tensors */
export async function typedNodes(
  model: ModelDef,
  names: readonly string[],
  { feeds, engine }: { readonly feeds: Feeds; readonly engine: Engine },
): Promise<TypedNodes> {
  const { initializers } = model.graph;
  const nodes = neededNodes(model.graph, names).map(withAllOutputs);
  const types = new Map([...Object.entries(feeds), ...(await valuesOf(model, nodes, { feeds, engine }))]);
  const bodies = new Map<NodeDef, TypedNodes>();
  for (const node of nodes) {
    const graph = bodyOf(node);
    if (graph === undefined) continue;
    const around = capturedNames(graph).flatMap((name) => (types.has(name) ? [[name, types.get(name)!] as const] : []));
    const inner = { ...graph, initializers: new Map([...initializers, ...graph.initializers]) };
    const inputs = Object.fromEntries([...around, ...firstSlices(node, graph, { types, initializers })]);
    const outputs = graph.outputs.map(({ name }) => name);
    bodies.set(node, await typedNodes({ ...model, graph: inner }, outputs, { feeds: inputs, engine }));
  }
  return { nodes, types, initializers, bodies };
}

/** The body of a Scan. */
export function bodyOf({ opType, domain, attributes }: NodeDef): GraphDef | undefined {
  const { body } = attributes;
  return opType === 'Scan' && domain === '' && body !== undefined && isGraph(body) ? body.graph : undefined;
}

export const isGraph = (attribute: Attribute<GraphDef>): attribute is { readonly graph: GraphDef } =>
  typeof attribute === 'object' && 'graph' in attribute;

/** Nodes from which one of the values is reached, in order. */
export function neededNodes(graph: GraphDef, names: readonly string[]): NodeDef[] {
  const used = new Set(names);
  const nodes = graph.nodes.toReversed().filter((node) => {
    if (!node.outputs.some((name) => used.has(name))) return false;
    for (const name of namesUsedBy(node)) used.add(name);
    return true;
  });
  return nodes.reverse();
}

/** A node's inputs, and what its nested graphs take from around them. */
export function namesUsedBy({ inputs, attributes }: NodeDef): string[] {
  return [
    ...inputs,
    ...Object.values(attributes).flatMap((value) => (isGraph(value) ? capturedNames(value.graph) : [])),
  ];
}

/** What a graph takes from the graphs around it. */
export function capturedNames({ inputs, nodes, outputs, initializers }: GraphDef): string[] {
  const own = new Set([
    ...inputs.map(({ name }) => name),
    ...initializers.keys(),
    ...nodes.flatMap((node) => node.outputs),
  ]);
  const used = [...nodes.flatMap(namesUsedBy), ...outputs.map(({ name }) => name)];
  return [...new Set(used)].filter((name) => name !== '' && !own.has(name));
}

/** LayerNormalization's gradient reads its statistics, which a file may leave out. */
function withAllOutputs(node: NodeDef): NodeDef {
  if (node.opType !== 'LayerNormalization') return node;
  const [y] = node.outputs as [string];
  return { ...node, outputs: [y, node.outputs[1] || `${y}:mean`, node.outputs[2] || `${y}:deviation`] };
}

/** What the body of a Scan takes at its first step. */
function firstSlices(
  node: NodeDef,
  body: GraphDef,
  { types, initializers }: Pick<TypedNodes, 'types' | 'initializers'>,
): [string, HostTensor][] {
  const carried = node.inputs.length - (node.attributes['num_scan_inputs'] as number);
  return node.inputs.map((name, i) => {
    const value = (types.get(name) ?? initializers.get(name))!;
    return [body.inputs[i]!.name, i < carried ? value : firstOf(value)];
  });
}

function firstOf(value: HostTensor): HostTensor {
  const { dtype, shape, data } = rowsOf(value, 0, 1);
  return tensor(dtype, shape.slice(1), data as Float64Array);
}

/** Every value of one run. */
async function valuesOf(
  model: ModelDef,
  nodes: readonly NodeDef[],
  { feeds, engine }: { readonly feeds: Feeds; readonly engine: Engine },
): Promise<[string, HostTensor][]> {
  const names = nodes.flatMap(({ outputs }) => outputs.filter((name) => name !== ''));
  const used = new Set(nodes.flatMap(namesUsedBy));
  const inputs = Object.entries(feeds).filter(([name]) => used.has(name));
  const graph = {
    ...model.graph,
    nodes,
    inputs: inputs.map(([name, { dtype, shape }]) => ({ name, dtype, shape })),
    outputs: names.map((name) => ({ name })),
  };
  const session = await engine.createSession(writeModel({ ...model, graph })).catch((cause: unknown) => {
    throw new ServiceError(
      'unsupported_operator',
      'the model has values that are no tensors: it has no gradient here',
      { cause },
    );
  });
  try {
    return Object.entries(await session.run(Object.fromEntries(inputs), names));
  } finally {
    await session.release();
  }
}
