/** An ONNX file back to a graph that can be transformed; what does not depend on the rows becomes a constant. */
import { differentiableScan } from '../../autodiff/differentiable-scan.ts';
import { ServiceError } from '../../errors.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import type { Value } from '../../onnx/graph.ts';
import type { Attributes, GraphDef, NodeDef } from '../../onnx/model.ts';
import type { HostTensor } from '../../tensor/tensor.ts';
import { formOf } from './node-form.ts';
import { isRecurrent, recur } from './recurrent.ts';
import { bodyOf, capturedNames, isGraph, namesUsedBy } from './typed-nodes.ts';
import type { TypedNodes } from './typed-nodes.ts';

/**
 * Writes the nodes into a graph, whose values are then known by their names in the file.
 * @param given values of the file that are there already
 * @throws unsupported_operator naming a node that cannot be read
 */
export function readGraph(
  g: GraphBuilder,
  typed: TypedNodes,
  given: ReadonlyMap<string, Value>,
): (name: string) => Value {
  const read: Reading = { g, root: g, values: new Map(given), typed };
  for (const node of typed.nodes) if (isReadable(read, node)) readNode(read, node);
  return (name) => requireValue(read, name);
}

/** What comes before the given values, such as the tokens of a text, is not read. Sizes are known without it. */
function isReadable({ values, typed }: Reading, node: NodeDef): boolean {
  return (
    node.opType === 'Shape' ||
    namesUsedBy(node).every((name) => name === '' || values.has(name) || typed.initializers.has(name))
  );
}

interface Reading {
  readonly g: GraphBuilder;
  /** The outermost graph, which holds the constants of nested ones. */
  readonly root: GraphBuilder;
  readonly values: Map<string, Value>;
  readonly typed: TypedNodes;
}

function requireValue({ root, values, typed }: Reading, name: string): Value {
  const known = values.get(name);
  if (known !== undefined) return known;
  const stored = typed.initializers.get(name);
  if (stored === undefined)
    throw new ServiceError('unsupported_operator', `${name}: the way from the inputs to this value has no gradient`);
  const value = root.constant(stored);
  values.set(name, value);
  return value;
}

function readNode(read: Reading, node: NodeDef): void {
  const { root, values, typed } = read;
  // A frontier value is an input already.
  if (node.outputs.every((name) => name === '' || values.has(name))) return;
  const outputs = node.outputs.map((name) => typed.types.get(name));
  const isSize = node.opType === 'Shape';
  const inputs = isSize ? [] : node.inputs.map((name) => (name === '' ? undefined : requireValue(read, name)));
  const isConstant = bodyOf(node) === undefined && inputs.every((input) => input?.constant !== undefined);
  const results = isConstant
    ? outputs.map((output) => output && root.constant(output))
    : resultsOf(read, node, { inputs, outputs });
  for (const [i, name] of node.outputs.entries()) if (name !== '' && !values.has(name)) values.set(name, results[i]!);
}

interface Operands {
  readonly inputs: readonly (Value | undefined)[];
  /** Undefined where one is left out. */
  readonly outputs: readonly (HostTensor | undefined)[];
}

function resultsOf(read: Reading, node: NodeDef, operands: Operands): readonly Value[] {
  if (isRecurrent(node)) return recur(read.g, node, operands.inputs);
  const body = bodyOf(node);
  return body === undefined ? emit(read.g, node, operands) : readScan(read, node, body);
}

/** A Scan with a gradient. What its body takes from around it is carried from step to step, unless it is constant. */
function readScan(read: Reading, node: NodeDef, body: GraphDef): readonly Value[] {
  const { attributes } = node;
  const isReverse = directionOf(node);
  const own = node.inputs.length - (attributes['num_scan_inputs'] as number);
  const captured = capturedNames(body).filter((name) => requireValue(read, name).constant === undefined);
  const inputs = node.inputs.map((name) => requireValue(read, name));
  const results = differentiableScan(read.g, {
    carried: [...inputs.slice(0, own), ...captured.map((name) => requireValue(read, name))],
    sequences: inputs.slice(own),
    isReverse,
    body(g, carried, slices) {
      const values = new Map(read.values);
      for (const [i, value] of [...carried.slice(0, own), ...slices].entries()) values.set(body.inputs[i]!.name, value);
      for (const [i, name] of captured.entries()) values.set(name, carried[own + i]!);
      const inner: Reading = { g, root: read.root, values, typed: read.typed.bodies.get(node)! };
      for (const nested of inner.typed.nodes) readNode(inner, nested);
      const outputs = body.outputs.map(({ name }) => requireValue(inner, name));
      return { carried: [...outputs.slice(0, own), ...carried.slice(own)], stacked: outputs.slice(own) };
    },
  });
  return [...results.slice(0, own), ...results.slice(own + captured.length)];
}

/** From the last step to the first? @throws unsupported_operator where its sequences differ in that, or lie along other axes */
function directionOf({ name, attributes }: NodeDef): boolean {
  const listOf = (key: string): readonly number[] => (attributes[key] ?? []) as readonly number[];
  const directions = new Set([...listOf('scan_input_directions'), ...listOf('scan_output_directions')]);
  const axes = [...listOf('scan_input_axes'), ...listOf('scan_output_axes')];
  if (directions.size <= 1 && axes.every((axis) => axis === 0)) return directions.has(1);
  const message = `${name || 'Scan'}: Scan in two directions, or along other axes than the first, has no gradient rule`;
  throw new ServiceError('unsupported_operator', message);
}

function emit(g: GraphBuilder, node: NodeDef, { inputs, outputs }: Operands): Value[] {
  const key = node.domain === '' ? node.opType : `${node.domain}:${node.opType}`;
  if (key === 'Dropout') return [g.identity(inputs[0]!)];
  if (Object.values(node.attributes).some(isGraph))
    throw new ServiceError('unsupported_operator', `${node.name || key}: the op ${key} has no gradient rule`);
  const { attributes, added } = formOf(
    node,
    inputs.map((input) => input?.shape as readonly number[] | undefined),
  );
  const all = [...inputs];
  for (const [at, value] of added) all[at] = g.constant(value);
  // Inputs left out between those that are there.
  const present = Array.from(all);
  return g.node(
    key,
    present,
    attributes as Attributes<never>,
    outputs.flatMap((output) => (output ? [output] : [])),
  );
}
