/**
 * Which values of a graph are affine in others: along a straight line between two rows they run along straight lines themselves, so that they are computed at both
 * ends only, and the way back through them is taken once, for the sum of all cotangents. A convex function of them that is the mean of its ends in the middle is
 * straight as well.
 */
import type { GraphNode, Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import { valuesUsedBy } from '../../onnx/serialize.ts';
import { isFloat } from '../../tensor/dtype.ts';

/** Affine in the first input, where all others are constant. */
const IN_FIRST: ReadonlySet<string> = new Set([
  'AveragePool',
  'BatchNormalization',
  'Cast',
  'Conv',
  'ConvTranspose',
  'Div',
  'Expand',
  'Flatten',
  'Gather',
  'Gemm',
  'GlobalAveragePool',
  'Identity',
  'MatMul',
  'Mul',
  'Neg',
  'Pad',
  'ReduceMean',
  'ReduceSum',
  'Reshape',
  'Slice',
  'Split',
  'Squeeze',
  'Sub',
  'Transpose',
  'Unsqueeze',
]);
/** Affine in the second input, where the first is constant. */
const IN_SECOND: ReadonlySet<string> = new Set(['MatMul', 'Mul', 'Sub']);
/** Affine in all of their inputs together. */
const IN_ALL: ReadonlySet<string> = new Set(['Add', 'Concat', 'Identity', 'Sub', 'Sum']);

/** Maxima, convex in what they are taken over. */
const MAXIMA: ReadonlySet<string> = new Set(['MaxPool', 'ReduceMax', 'Max']);
/** Convex in the first input, where that is convex and all others are constant. */
const KEEPS_CONVEX: ReadonlySet<string> = new Set([
  'Add',
  'Flatten',
  'Identity',
  'Reshape',
  'Squeeze',
  'Sub',
  'Transpose',
  'Unsqueeze',
]);

/** How far the frontier goes: `none` leaves it at the inputs, `convex` takes maxima of affine values in, which are straight along a line where the same element wins at both ends. */
export type Reach = 'none' | 'affine' | 'convex';

export interface AffineFrontier {
  /** An input itself where nothing affine follows it. */
  readonly values: readonly Value[];
  /** Are there convex ones, which may be bent? */
  readonly mayBend: boolean;
}

/** The last values on the way to `y` that are affine in `inputs`, or convex. */
export function affineFrontier(g: GraphBuilder, y: Value, inputs: readonly Value[], reach: Reach): AffineFrontier {
  const nodes = nodesTo(g, y);
  const known: Known = { fixed: new Set(g.initializers.keys()), affine: new Set(inputs), convex: new Set() };
  for (const node of nodes) {
    const kind = kindOf(node, known);
    if (kind !== undefined && (kind !== 'convex' || reach === 'convex'))
      for (const output of node.outputs) known[kind].add(output);
  }
  const isReached = (value: Value): boolean => known.affine.has(value) || known.convex.has(value);
  const used = nodes.filter((node) => !isReached(node.outputs[0]!)).flatMap(valuesUsedBy);
  const values = [...new Set([...used, y])].filter(isReached);
  return { values, mayBend: values.some((value) => known.convex.has(value)) };
}

type Known = Readonly<Record<'fixed' | 'affine' | 'convex', Set<Value>>>;

function kindOf({ opType, domain, inputs, outputs }: GraphNode, known: Known): keyof Known | undefined {
  const all = inputs.filter((input) => input !== undefined);
  const isFixed = (input: Value): boolean => known.fixed.has(input);
  if (all.every(isFixed)) return 'fixed';
  if (domain !== '' || !outputs.every(({ dtype }) => isFloat(dtype))) return undefined;
  const moving = all.filter((input) => !isFixed(input));
  if (known.convex.has(all[0]!)) return moving.length === 1 && KEEPS_CONVEX.has(opType) ? 'convex' : undefined;
  if (!moving.every((input) => known.affine.has(input))) return undefined;
  if (IN_ALL.has(opType)) return 'affine';
  if (MAXIMA.has(opType)) return 'convex';
  if (moving.length > 1) return undefined;
  return (moving[0] === all[0] ? IN_FIRST : IN_SECOND).has(opType) ? 'affine' : undefined;
}

/** The nodes that y needs, in order. */
function nodesTo(g: GraphBuilder, y: Value): GraphNode[] {
  const needed = new Set([y]);
  const nodes = g.nodes.toReversed().filter((node) => {
    if (!node.outputs.some((output) => needed.has(output))) return false;
    for (const value of valuesUsedBy(node)) needed.add(value);
    return true;
  });
  return nodes.reverse();
}

/** y with other values in place of some: what depends on them is written anew. */
export function replaced(g: GraphBuilder, y: Value, by: ReadonlyMap<Value, Value>): Value {
  const values = new Map(by);
  for (const node of nodesTo(g, y)) {
    if (node.outputs.some((output) => by.has(output)) || !node.inputs.some((input) => input && values.has(input)))
      continue;
    const name = node.domain === '' ? node.opType : `${node.domain}:${node.opType}`;
    const inputs = node.inputs.map((input) => input && (values.get(input) ?? input));
    for (const [i, output] of g.node(name, inputs, node.attributes, node.outputs).entries())
      values.set(node.outputs[i]!, output);
  }
  return values.get(y) ?? y;
}
