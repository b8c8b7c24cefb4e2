/**
 * Where gradients begin: the values of a model that stand for its inputs. Of a date those are its encoded columns, since
 * its cycles go in steps; of other numbers the input itself; of a category or a text what it is looked up for.
 */
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

/** @param encoded names of the inputs whose encoded columns are gone between */
export function frontierOf(graph: GraphDef, { nodes, types }: TypedNodes, encoded: ReadonlySet<string>): Frontier {
  const reached = differentiable(nodes, types);
  const held = new Set<string>();
  const inputs = graph.inputs
    .map(({ name }) => name)
    .filter((name) => !graph.initializers.has(name) && types.has(name));
  const ends = encoded.size === 0 ? new Map<string, string[]>() : lastOwn(nodes, inputs);
  const values = inputs.map((name): [string, string[]] => {
    if (encoded.has(name)) return [name, ends.get(name)!.filter((value) => reached.has(value))];
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

/** Of each input the values made of it alone that are the end, or are used together with what is made of others. */
function lastOwn(nodes: readonly NodeDef[], inputs: readonly string[]): Map<string, string[]> {
  const origins = new Map(inputs.map((name) => [name, new Set([name])]));
  const last = new Set(nodes.at(-1)?.outputs);
  for (const node of nodes) {
    // How many rows there are says nothing of them.
    const used = node.opType === 'Shape' ? [] : namesUsedBy(node).filter((name) => origins.has(name));
    const all = new Set(used.flatMap((name) => [...origins.get(name)!]));
    if (all.size > 0) for (const output of node.outputs) origins.set(output, all);
    if (all.size > 1) for (const name of used) last.add(name);
  }
  const isOf = (input: string, value: string): boolean => {
    const own = origins.get(value);
    return own?.size === 1 && own.has(input);
  };
  return new Map(inputs.map((input) => [input, [...last].filter((value) => isOf(input, value))]));
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
