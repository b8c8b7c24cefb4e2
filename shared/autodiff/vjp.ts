/**
 * What a gradient rule is: for a node y = f(x_0, x_1, ...) and a cotangent dy of y, what yields the cotangent of each input
 * (a vector-Jacobian product), as nodes appended to the graph. A cotangent is built only where a gradient is wanted.
 */
import type { GraphNode, Value } from '../onnx/graph.ts';
import type { GraphBuilder } from '../onnx/graph-builder.ts';

export interface Vjp {
  readonly g: GraphBuilder;
  readonly node: GraphNode;
  /** The node's inputs; one that is left out is undefined, and its rule entry is never called. */
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** The first output, and its cotangent. */
  readonly y: Value;
  readonly dy: Value;
  /** The cotangent of every output; undefined where no path leads from it to the loss. */
  readonly dys: readonly (Value | undefined)[];
}

/** Builds one input's cotangent, of the input's type; null where the op is constant in that input. */
export type Cotangent = (() => Value) | null;

export type Rule = (vjp: Vjp) => readonly Cotangent[];

export type Rules = Readonly<Record<string, Rule>>;

/** The key of a node in a table of rules: `Gemm`, or `com.microsoft:FusedMatMul`. */
export const ruleKey = ({ domain, opType }: GraphNode): string => (domain === '' ? opType : `${domain}:${opType}`);
