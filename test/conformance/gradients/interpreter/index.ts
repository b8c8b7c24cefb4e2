/**
 * A reference interpreter of ONNX graphs in float64, for what ONNX Runtime has no float64 kernels (Conv, pooling, ...). It reads the model from the
 * bytes of the file, so that writer and reader are under test too, and computes every op by its definition with plain loops.
 */
import type { Attribute, GraphDef, NodeDef } from '../../../../shared/onnx/model.ts';
import { readModel } from '../../../../shared/onnx/read-model.ts';
import { toNumbers } from '../../../../shared/tensor/tensor.ts';
import { elementwise } from './elementwise.ts';
import { listOf, nd, size } from './nd.ts';
import type { AttributeValue, Nd, Ops } from './nd.ts';
import { reductions } from './reductions.ts';
import { shapeOps } from './shape.ts';
import { windows } from './windows.ts';

export type { Nd } from './nd.ts';

const OPS: Ops = { ...elementwise, ...reductions, ...shapeOps, ...windows };

/** A function from the model's inputs to its outputs, in float64. */
export function interpret(bytes: Uint8Array): (feeds: Readonly<Record<string, Nd>>) => Record<string, Nd> {
  const { graph } = readModel(bytes);
  return (feeds) => run(graph, feeds);
}

function run(
  graph: GraphDef,
  feeds: Readonly<Record<string, Nd>>,
  outer: ReadonlyMap<string, Nd> = new Map(),
): Record<string, Nd> {
  const values = new Map<string, Nd>([...outer, ...Object.entries(feeds)]);
  for (const [name, tensor] of graph.initializers) values.set(name, nd(tensor.shape, toNumbers(tensor)));
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name) => values.get(name)!);
    const outputs = node.opType === 'Scan' ? scan(node, inputs, values) : applied(node, inputs);
    for (const [i, name] of node.outputs.entries()) if (name !== '') values.set(name, outputs[i]!);
  }
  return Object.fromEntries(graph.outputs.map(({ name }) => [name, values.get(name)!]));
}

function applied(node: NodeDef, inputs: readonly Nd[]): Nd[] {
  const op = OPS[node.opType];
  if (op === undefined) throw new Error(`the interpreter has no op ${node.opType}`);
  return op(inputs, attributesOf(node));
}

/** ONNX's Scan along first axes, all in one direction. */
function scan({ attributes }: NodeDef, inputs: readonly Nd[], outer: ReadonlyMap<string, Nd>): Nd[] {
  const { graph } = attributes['body'] as { graph: GraphDef };
  const carriedCount = inputs.length - (attributes['num_scan_inputs'] as number);
  const sequences = inputs.slice(carriedCount);
  const turns = Array.from({ length: sequences[0]!.shape[0]! }, (_, t) => t);
  const isReverse = listOf(attributes['scan_input_directions'] as AttributeValue, [0])[0] === 1;
  let carried = inputs.slice(0, carriedCount);
  const stacked: Nd[][] = graph.outputs.slice(carriedCount).map(() => []);
  for (const t of isReverse ? turns.toReversed() : turns) {
    const slices = sequences.map(({ shape: [, ...rest], data }) =>
      nd(rest, data.slice(t * size(rest), (t + 1) * size(rest))),
    );
    const values = [...carried, ...slices];
    const results = run(graph, Object.fromEntries(graph.inputs.map(({ name }, i) => [name, values[i]!])), outer);
    const outputs = graph.outputs.map(({ name }) => results[name]!);
    carried = outputs.slice(0, carriedCount);
    for (const [i, output] of outputs.slice(carriedCount).entries()) stacked[i]![t] = output;
  }
  return [...carried, ...stacked.map((parts) => stack(parts))];
}

const stack = (parts: readonly Nd[]): Nd =>
  nd(
    [parts.length, ...parts[0]!.shape],
    parts.flatMap(({ data }) => [...data]),
  );

const attributesOf = (node: NodeDef): Record<string, AttributeValue> =>
  Object.fromEntries(Object.entries(node.attributes).map(([name, value]) => [name, plain(value)]));

function plain(value: Attribute<GraphDef>): AttributeValue {
  if (typeof value !== 'object' || Array.isArray(value)) return value as AttributeValue;
  if ('float' in value) return value.float;
  if ('floats' in value) return value.floats;
  return undefined;
}
