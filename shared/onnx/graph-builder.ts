/**
 * GraphBuilder: a Graph with the ops of `ops/` as methods, and the model file that it becomes. A graph is in opset 21 (ONNX 1.16, March 2024),
 * recent enough for every op used here and old enough to run on any maintained runtime.
 */
import { Graph } from './graph.ts';
import type { Attribute, GraphDef, ModelDef } from './model.ts';
import { activation } from './ops/activation.ts';
import { arithmetic } from './ops/arithmetic.ts';
import { comparison } from './ops/comparison.ts';
import { convolution } from './ops/convolution.ts';
import { linearAlgebra } from './ops/linear-algebra.ts';
import { ml } from './ops/ml.ts';
import { normalization } from './ops/normalization.ts';
import { pooling } from './ops/pooling.ts';
import { reduction } from './ops/reduction.ts';
import { shape } from './ops/shape.ts';
import { graphDefOf } from './serialize.ts';
import { writeModel } from './write-model.ts';

/** Every op method by its kind. */
export const OPS = {
  arithmetic,
  linearAlgebra,
  convolution,
  pooling,
  normalization,
  reduction,
  shape,
  activation,
  comparison,
  ml,
} as const;

const OPSETS: Readonly<Record<string, number>> = { '': 21, 'ai.onnx.ml': 3, 'com.microsoft': 1 };
const IR_VERSION = 10;

type Bound<Ops> = {
  readonly [K in keyof Ops]: Ops[K] extends (g: Graph, ...args: infer A) => infer R ? (...args: A) => R : never;
};

export type GraphBuilder = Graph &
  Bound<typeof arithmetic> &
  Bound<typeof linearAlgebra> &
  Bound<typeof convolution> &
  Bound<typeof pooling> &
  Bound<typeof normalization> &
  Bound<typeof reduction> &
  Bound<typeof shape> &
  Bound<typeof activation> &
  Bound<typeof comparison> &
  Bound<typeof ml>;

class BoundGraph extends Graph {}

for (const kind of Object.values(OPS)) {
  for (const [name, op] of Object.entries(kind) as [string, (g: Graph, ...args: unknown[]) => unknown][]) {
    const value = function (this: Graph, ...args: unknown[]): unknown {
      return op(this, ...args);
    };
    Object.defineProperty(BoundGraph.prototype, name, { value });
  }
}

export const GraphBuilder = BoundGraph as unknown as new (name?: string, parent?: Graph) => GraphBuilder;

export interface ModelOptions {
  /** Kept in the file as metadata_props. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The graph as a model, with the opsets that its nodes need. */
export function modelOf(graph: Graph, { metadata = {} }: ModelOptions = {}): ModelDef {
  const def = graphDefOf(graph);
  const domains = ['', ...new Set(domainsOf(def))];
  const opsets = domains.map((domain): [string, number] => [domain, OPSETS[domain] ?? 1]);
  return { graph: def, irVersion: IR_VERSION, opsets: Object.fromEntries(opsets), metadata };
}

/** The graph as the bytes of an ONNX file. */
export const toModel = (graph: Graph, options?: ModelOptions): Uint8Array => writeModel(modelOf(graph, options));

/** Every domain but the default one. */
function domainsOf(graph: GraphDef): string[] {
  const isGraph = (attribute: Attribute<GraphDef>): attribute is { graph: GraphDef } =>
    typeof attribute === 'object' && 'graph' in attribute;
  const nested = (node: GraphDef['nodes'][number]): string[] =>
    Object.values(node.attributes).flatMap((attribute) => (isGraph(attribute) ? domainsOf(attribute.graph) : []));
  return graph.nodes.flatMap((node) => [...(node.domain === '' ? [] : [node.domain]), ...nested(node)]);
}
