/** Who yields a value of a graph. */
import type { GraphDef, NodeDef } from '../../onnx/model.ts';

/** The node that yields a value, looked for behind identities. */
export function producerOf(graph: GraphDef, name: string): NodeDef | undefined {
  const node = graph.nodes.find(({ outputs }) => outputs.includes(name));
  return node?.opType === 'Identity' ? producerOf(graph, node.inputs[0]!) : node;
}
