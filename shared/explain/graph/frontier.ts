/** Where gradients begin: the values of a model that stand for its inputs, which may be categories or texts. */
import { NON_DIFFERENTIABLE } from '../../autodiff/rules/index.ts';
import type { GraphDef, NodeDef } from '../../onnx/model.ts';
import { isFloat } from '../../tensor/dtype.ts';
import { namesUsedBy } from './typed-nodes.ts';
import type { TypedNodes } from './typed-nodes.ts';

export interface Frontier {
  /** Of each input the values that stand for it. */
  readonly values: Readonly<Record<string, readonly string[]>>;
  /** Those that are made of comparisons, such as the mask of a padding: they say which elements count, and are no part of a line. */
  readonly held: ReadonlySet<string>;
}

export function frontierOf(graph: GraphDef, { nodes, types }: TypedNodes): Frontier {
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
function differentiable(nodes: readonly NodeDef[], types: TypedNodes['types']): ReadonlySet<string> {
  const isFloatValue = (name: string): boolean => isFloat(types.get(name)?.dtype ?? 'bool');
  const reached = new Set(nodes.at(-1)?.outputs);
  for (const node of nodes.toReversed()) {
    const key = node.domain === '' ? node.opType : `${node.domain}:${node.opType}`;
    if (NON_DIFFERENTIABLE.has(key) || !node.outputs.some((output) => reached.has(output))) continue;
    if (!node.outputs.some(isFloatValue)) continue;
    for (const input of namesUsedBy(node)) if (isFloatValue(input)) reached.add(input);
  }
  return reached;
}
