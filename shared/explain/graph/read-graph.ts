/**
 * An ONNX file back to a graph that can be transformed. The types of its values come from running it once on rows of the size wanted, so that shapes that
 * are computed within the graph are known too, and what does not depend on the rows becomes a constant.
 */
import { NON_DIFFERENTIABLE } from '../../autodiff/rules/index.ts';
import { ServiceError } from '../../errors.ts';
import type { Engine } from '../../onnx/engine.ts';
import { GraphBuilder } from '../../onnx/graph-builder.ts';
import type { Value } from '../../onnx/graph.ts';
import type { Attribute, Attributes, GraphDef, ModelDef, NodeDef } from '../../onnx/model.ts';
import { writeModel } from '../../onnx/write-model.ts';
import { isFloat } from '../../tensor/dtype.ts';
import { fromNumbers } from '../../tensor/tensor.ts';
import type { HostTensor } from '../../tensor/tensor.ts';
import type { Feeds } from '../terms.ts';
import { formOf } from './node-form.ts';
import { isRecurrent, unroll } from './unroll.ts';

export interface ReadGraph {
  readonly g: GraphBuilder;
  /** A value by its name in the file. */
  valueOf(name: string): Value;
  /** What stands for the inputs, and is an input of `g`. */
  readonly frontier: Frontier;
}

/** Reads what the named values need. @throws unsupported_operator naming a node that cannot be read */
export async function readGraph(
  model: ModelDef,
  names: readonly string[],
  feeds: Feeds,
  engine: Engine,
): Promise<ReadGraph> {
  const nodes = neededNodes(model.graph, names).map(withAllOutputs);
  const types = await typesOf(model, nodes, { feeds, engine });
  const frontier = frontierOf(model.graph, nodes, types);
  const g = new GraphBuilder(model.graph.name);
  const values = new Map<string, Value>();
  for (const name of new Set(Object.values(frontier.values).flat())) {
    const { dtype, shape } = types.get(name)!;
    values.set(name, g.input(name, dtype, shape));
  }
  for (const [name, { dtype, shape }] of Object.entries(feeds))
    if (!values.has(name)) values.set(name, g.input(name, dtype, shape));
  const read: Reading = { g, values, types, initializers: model.graph.initializers };
  for (const node of nodes) readNode(read, node);
  return { g, frontier, valueOf: (name) => requireValue(read, name) };
}

/** What stands for the inputs of a model where gradients are taken. */
export interface Frontier {
  /** Of each input the values that stand for it. */
  readonly values: Readonly<Record<string, readonly string[]>>;
  /** Those that are made of comparisons, such as the mask of a padding: they say which elements count, and are no part of a line. */
  readonly held: ReadonlySet<string>;
}

function frontierOf(graph: GraphDef, nodes: readonly NodeDef[], types: Types): Frontier {
  const reached = differentiable(nodes, types);
  const held = new Set<string>();
  const inputs = graph.inputs.filter(({ name }) => !graph.initializers.has(name) && types.has(name));
  const values = inputs.map(({ name }): [string, string[]] => {
    if (reached.has(name)) return [name, [name]];
    const discrete = new Set([name]);
    const found = nodes.flatMap((node) => {
      if (node.opType === 'Shape' || !node.inputs.some((input) => discrete.has(input))) return [];
      const floats = node.outputs.filter((output) => reached.has(output));
      for (const output of node.outputs) if (!reached.has(output)) discrete.add(output);
      if (types.get(node.inputs[0]!)?.dtype === 'bool') for (const output of floats) held.add(output);
      return floats;
    });
    return [name, found];
  });
  return { values: Object.fromEntries(values), held };
}

/** The values from which a gradient comes back: floats on a way through ops that are not constant. */
function differentiable(nodes: readonly NodeDef[], types: Types): ReadonlySet<string> {
  const reached = new Set(nodes.at(-1)?.outputs);
  for (const node of nodes.toReversed()) {
    const key = node.domain === '' ? node.opType : `${node.domain}:${node.opType}`;
    if (NON_DIFFERENTIABLE.has(key) || !node.outputs.some((output) => reached.has(output))) continue;
    if (!node.outputs.some((output) => isFloat(types.get(output)?.dtype ?? 'bool'))) continue;
    for (const input of node.inputs) if (isFloat(types.get(input)?.dtype ?? 'bool')) reached.add(input);
  }
  return reached;
}

type Types = ReadonlyMap<string, HostTensor>;

interface Reading {
  readonly g: GraphBuilder;
  readonly values: Map<string, Value>;
  readonly types: Types;
  readonly initializers: ReadonlyMap<string, HostTensor>;
}

/** Nodes from which one of the values is reached, in order. */
export function neededNodes(graph: GraphDef, names: readonly string[]): NodeDef[] {
  const used = new Set(names);
  const nodes = graph.nodes.toReversed().filter(({ inputs, outputs }) => {
    if (!outputs.some((name) => used.has(name))) return false;
    for (const name of inputs) used.add(name);
    return true;
  });
  return nodes.reverse();
}

/** LayerNormalization's gradient reads its statistics, which a file may leave out. */
function withAllOutputs(node: NodeDef): NodeDef {
  if (node.opType !== 'LayerNormalization') return node;
  const [y] = node.outputs as [string];
  return { ...node, outputs: [y, node.outputs[1] || `${y}:mean`, node.outputs[2] || `${y}:deviation`] };
}

/** Every value of one run. */
async function typesOf(
  model: ModelDef,
  nodes: readonly NodeDef[],
  { feeds, engine }: { feeds: Feeds; engine: Engine },
): Promise<Types> {
  const names = nodes.flatMap(({ outputs }) => outputs.filter((name) => name !== ''));
  const inputs = model.graph.inputs.filter(({ name }) => nodes.some((node) => node.inputs.includes(name)));
  const graph = { ...model.graph, nodes, inputs, outputs: names.map((name) => ({ name })) };
  const session = await engine.createSession(writeModel({ ...model, graph })).catch((cause: unknown) => {
    throw new ServiceError(
      'unsupported_operator',
      'the model has values that are no tensors: it has no gradient here',
      { cause },
    );
  });
  try {
    const used = Object.fromEntries(session.inputs.map((name) => [name, feeds[name]!]));
    const results = await session.run(used, names);
    return new Map([...Object.entries(used), ...Object.entries(results)]);
  } finally {
    await session.release();
  }
}

function requireValue({ g, values, initializers }: Reading, name: string): Value {
  let value = values.get(name);
  if (value === undefined) {
    value = g.constant(initializers.get(name)!);
    values.set(name, value);
  }
  return value;
}

function readNode(read: Reading, node: NodeDef): void {
  const { g, values, types } = read;
  // A frontier value is an input already.
  if (node.outputs.every((name) => name === '' || values.has(name))) return;
  const inputs = node.inputs.map((name) => (name === '' ? undefined : requireValue(read, name)));
  const outputs = node.outputs.map((name) => types.get(name));
  if (node.opType === 'Shape' || inputs.every((input) => input?.constant !== undefined)) {
    for (const [i, name] of node.outputs.entries()) if (name !== '') values.set(name, g.constant(outputs[i]!));
    return;
  }
  const results = isRecurrent(node) ? unroll(g, node, inputs) : emit(g, node, { inputs, outputs });
  for (const [i, name] of node.outputs.entries()) if (name !== '' && !values.has(name)) values.set(name, results[i]!);
}

function emit(
  g: GraphBuilder,
  node: NodeDef,
  { inputs, outputs }: { inputs: readonly (Value | undefined)[]; outputs: readonly (HostTensor | undefined)[] },
): Value[] {
  const key = node.domain === '' ? node.opType : `${node.domain}:${node.opType}`;
  if (key === 'Dropout') return [g.identity(inputs[0]!)];
  const nested = Object.values(node.attributes).some(isGraph);
  if (nested) throw new ServiceError('unsupported_operator', `${node.name || key}: the op ${key} has no gradient rule`);
  const { attributes, added } = formOf(
    node,
    inputs.map((input) => input?.shape as readonly number[] | undefined),
  );
  const all = [...inputs];
  for (const [at, values] of added) all[at] = g.constant(fromNumbers('int64', values));
  const present = Array.from(all);
  return g.node(
    key,
    present,
    attributes as Attributes<never>,
    outputs.flatMap((output) => (output ? [output] : [])),
  );
}

const isGraph = (attribute: Attribute<GraphDef>): boolean => typeof attribute === 'object' && 'graph' in attribute;
