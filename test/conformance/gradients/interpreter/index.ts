/**
 * A reference interpreter of ONNX graphs in float64, for what ONNX Runtime has no float64 kernels (Conv, pooling, ...). It reads the model from the
 * bytes of the file, so that writer and reader are under test too, and computes every op by its definition with plain loops.
 */
import type { Attribute, GraphDef, NodeDef } from '../../../../shared/onnx/model.ts';
import { readModel } from '../../../../shared/onnx/read-model.ts';
import { toNumbers } from '../../../../shared/tensor/tensor.ts';
import { elementwise } from './elementwise.ts';
import { nd } from './nd.ts';
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

function run(graph: GraphDef, feeds: Readonly<Record<string, Nd>>): Record<string, Nd> {
  const values = new Map<string, Nd>(Object.entries(feeds));
  for (const [name, tensor] of graph.initializers) values.set(name, nd(tensor.shape, toNumbers(tensor)));
  for (const node of graph.nodes) {
    const op = OPS[node.opType];
    if (op === undefined) throw new Error(`the interpreter has no op ${node.opType}`);
    const outputs = op(
      node.inputs.map((name) => values.get(name)!),
      attributesOf(node),
    );
    for (const [i, name] of node.outputs.entries()) if (name !== '') values.set(name, outputs[i]!);
  }
  return Object.fromEntries(graph.outputs.map(({ name }) => [name, values.get(name)!]));
}

const attributesOf = (node: NodeDef): Record<string, AttributeValue> =>
  Object.fromEntries(Object.entries(node.attributes).map(([name, value]) => [name, plain(value)]));

function plain(value: Attribute<GraphDef>): AttributeValue {
  if (typeof value !== 'object' || Array.isArray(value)) return value as AttributeValue;
  if ('float' in value) return value.float;
  if ('floats' in value) return value.floats;
  return undefined;
}
