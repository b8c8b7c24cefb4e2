/**
 * Reverse-mode differentiation as a graph transform: `gradients` appends the nodes of the backward pass to the graph that holds the forward one.
 * It knows no op; the rules are in `rules/`. Source: A. Griewank, A. Walther, "Evaluating Derivatives", chapter 3.
 */
import { NoGradientError, ShapeError } from '../errors.ts';
import { describe } from '../onnx/graph.ts';
import type { GraphNode, Value } from '../onnx/graph.ts';
import type { GraphBuilder } from '../onnx/graph-builder.ts';
import { valuesUsedBy } from '../onnx/serialize.ts';
import { isFloat } from '../tensor/dtype.ts';
import { sameShape } from '../tensor/shape.ts';
import type { NumericDType } from '../tensor/tensor.ts';
import { Cotangents } from './cotangents.ts';
import { partOf } from './custom-gradient.ts';
import type { Part } from './custom-gradient.ts';
import { NON_DIFFERENTIABLE, RULES } from './rules/index.ts';
import { ruleKey } from './vjp.ts';
import type { Cotangent, RowSum } from './vjp.ts';

export interface GradientOptions {
  /** The cotangent to begin with, of y's type; one where y is a scalar. */
  readonly cotangent?: Value;
  /** What y does not depend on has a gradient of zeros, instead of none; its shape is static. */
  readonly isZeroWhereUnreached?: boolean;
}

/**
 * The gradient of y with respect to each of `wrt`, of its type. Sizes have to be static wherever a rule repeats or cuts.
 * @throws {NoGradientError} when an op on the way has no rule, or no way leads from a value to y.
 */
export function gradients(
  g: GraphBuilder,
  y: Value,
  wrt: readonly Value[],
  { cotangent, isZeroWhereUnreached = false }: GradientOptions = {},
): Value[] {
  const path = pathTo(g, wrt);
  const cotangents = new Cotangents(g);
  cotangents.add(y, startingCotangent(g, y, cotangent));
  for (const operation of path.operations.toReversed()) {
    const dys = operation.outputs.map((output) => cotangents.read(output));
    if (dys.every((dy) => dy === undefined)) continue;
    g.scope(`grad/${operation.name}`, () => {
      const parts = 'gradient' in operation ? operation.gradient(dys) : inputCotangents(g, operation, dys);
      for (const [i, input] of operation.inputs.entries()) {
        if (input && parts[i] && path.active.has(input)) cotangents.add(input, parts[i]());
      }
    });
  }
  return wrt.map((value) => {
    const gradient = cotangents.read(value);
    if (gradient === undefined && isZeroWhereUnreached)
      return g.expand(g.scalar(0, value.dtype as NumericDType), value.shape as readonly number[]);
    if (gradient === undefined)
      throw new NoGradientError(`no differentiable path leads from '${value.name}' to '${y.name}'`);
    return gradient;
  });
}

/** A node, or a part of the graph with a gradient of its own. */
type Operation = GraphNode | Part;

/** The float values that depend on one of `wrt`, and the operations that yield them, in order. */
function pathTo(g: GraphBuilder, wrt: readonly Value[]): { operations: Operation[]; active: ReadonlySet<Value> } {
  const active = new Set(wrt);
  const operations = g.nodes.flatMap((node): Operation[] => {
    const part = partOf(node);
    if (part !== undefined && node !== part.last) return [];
    if (part === undefined && NON_DIFFERENTIABLE.has(ruleKey(node))) return [];
    const used = part?.inputs ?? valuesUsedBy(node);
    if (!used.some((value) => active.has(value))) return [];
    const operation = part ?? node;
    for (const output of operation.outputs) if (isFloat(output.dtype)) active.add(output);
    return [operation];
  });
  return { operations, active };
}

function startingCotangent(g: GraphBuilder, y: Value, cotangent: Value | undefined): Value {
  if (cotangent && (cotangent.dtype !== y.dtype || !sameShape(cotangent.shape, y.shape))) {
    throw new ShapeError(`gradients: expected a cotangent like ${describe(y)}, got ${describe(cotangent)}`);
  }
  if (!cotangent && y.shape.length > 0)
    throw new ShapeError(`gradients: expected a scalar or a cotangent, got ${describe(y)}`);
  return cotangent ?? g.scalar(1, y.dtype as NumericDType);
}

/** What builds the cotangent of each input, by the op's rule. */
function inputCotangents(
  g: GraphBuilder,
  node: GraphNode,
  dys: readonly (Value | undefined)[],
): readonly Cotangent<Value | RowSum>[] {
  const rule = RULES[ruleKey(node)];
  if (rule === undefined) throw new NoGradientError(`${node.name}: the op ${ruleKey(node)} has no gradient rule`);
  if (node.opType !== 'Split' && dys.some((part, i) => part !== undefined && i > 0)) {
    throw new NoGradientError(`${node.name}: ${ruleKey(node)} has a gradient rule for its first output only`);
  }
  // Split alone reads all of dys; the others are called only where their first output has a cotangent.
  const dy = dys[0] ?? dys.find((part) => part !== undefined)!;
  const { outputs } = node;
  return rule({ g, node, inputs: node.inputs as Value[], outputs, y: outputs[0]!, dy, dys });
}
