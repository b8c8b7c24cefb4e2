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

/**
 * A cotangent that is a sum over the rows of matrices. Row sums of equal keys for one value are one sum over their rows stacked: with several uses of
 * a weight, one product instead of many.
 */
export interface RowSum {
  /** Tells apart sums that differ in more than their rows. */
  readonly key: string;
  readonly rows: readonly Value[];
  readonly sum: (rows: readonly Value[]) => Value;
}

/** Builds one input's cotangent, of the input's type; null where the op is constant in that input. */
export type Cotangent<Part = Value> = (() => Part) | null;

export type Rule<Part = Value | RowSum> = (vjp: Vjp) => readonly Cotangent<Part>[];

export type Rules<Part = Value | RowSum> = Readonly<Record<string, Rule<Part>>>;

/** The key of a node in a table of rules: `Gemm`, or `com.microsoft:FusedMatMul`. */
export const ruleKey = ({ domain, opType }: GraphNode): string => (domain === '' ? opType : `${domain}:${opType}`);
