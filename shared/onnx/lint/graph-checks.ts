/** Checks of graphs: what goes in and out, names, order, graphs within graphs, and sizes that constants would make. */
import type { AttributeProto, NodeProto, TensorProto, ValueInfoProto } from '../schema/onnx-ml_pb.js';
import { ELEMENT_TYPES, elementsOf } from './element-types.ts';
import { LINT_LIMITS } from './limits.ts';
import { GRAPH_HOLDERS } from './operators.ts';
import { nameOf, shorten } from './subject.ts';
import type { Check, Found, GraphPlace } from './subject.ts';

const SEQUENCE_OF_MANY = 20;

export const size: Check = ({ model, graphs }) => {
  const nodes = graphs.reduce((sum, { graph }) => sum + graph.node.length, 0);
  if (model.graph === undefined) return [{ message: 'it holds no graph' }];
  if (nodes > LINT_LIMITS.nodes) return [{ message: `it has ${nodes} nodes: expected at most ${LINT_LIMITS.nodes}` }];
  return [];
};

/** Tensors travel, sequences and maps do not; types of fewer than 8 bits and bfloat16 have no name in the protocols. */
export const interfaces: Check = ({ model: { graph } }) => {
  if (graph === undefined) return [];
  const stored = new Set(graph.initializer.map(({ name }) => name));
  const inputs = graph.input.filter(({ name }) => !stored.has(name));
  const count = Math.max(inputs.length, graph.output.length);
  const tooMany = `it has ${count} inputs or outputs: expected at most ${LINT_LIMITS.interfaceTensors}`;
  return [
    ...(count > LINT_LIMITS.interfaceTensors ? [{ message: tooMany }] : []),
    ...inputs.flatMap((value) => wrongTensor(value, 'input')),
    ...(graph.output.some((value) => wrongTensor(value, 'output').length === 0)
      ? []
      : [{ message: 'none of its outputs is a tensor that can be sent: sequences and maps cannot' }]),
  ];
};

function wrongTensor({ name, type }: ValueInfoProto, kind: string): Found[] {
  const what = `the ${kind} "${shorten(name)}"`;
  if (type?.value.case !== 'tensorType') return [{ message: `${what} is no tensor` }];
  const { elemType, shape } = type.value.value;
  if (elemType < 1 || elemType > 13)
    return [{ message: `${what} has the element type ${elemType}, which is not supported` }];
  const dims = (shape?.dim ?? []).map(({ value }) => (value.case === 'dimValue' ? value.value : 1n));
  if (dims.length > LINT_LIMITS.rank || !(elementsOf({ dims }) <= LINT_LIMITS.elements))
    return [
      {
        message: `${what} is of shape [${dims.slice(0, SEQUENCE_OF_MANY).join(', ')}]: expected at most ${LINT_LIMITS.elements} elements`,
      },
    ];
  return [];
}

/** Every value of a graph is made once. */
export const names: Check = ({ graphs }) =>
  graphs.flatMap((place) => {
    const seen = new Set<string>();
    return namesMadeIn(place).flatMap((name): Found[] => {
      if (name.length > LINT_LIMITS.nameChars) return [{ message: `a value's name has ${name.length} characters` }];
      const isTwice = seen.has(name);
      seen.add(name);
      return isTwice ? [{ message: `the value "${shorten(name)}" is made more than once` }] : [];
    });
  });

/** An input that is an initializer too is one value with a default. */
function namesMadeIn({ graph }: GraphPlace): string[] {
  const stored = graph.initializer.map(({ name }) => name);
  const isStored = new Set(stored);
  const inputs = graph.input.map(({ name }) => name).filter((name) => !isStored.has(name));
  return [...inputs, ...stored, ...graph.node.flatMap(({ output }) => output.filter((name) => name !== ''))];
}

/** Nodes stand behind what they take: so there is no cycle, and nothing is taken from nowhere. */
export const order: Check = ({ graphs }) => {
  // Of a graph within a node: what stands before the node, in every graph around it.
  const before = new Map<GraphPlace['graph'], ReadonlySet<string>>();
  const found: Found[] = [];
  for (const place of graphs) {
    const { graph } = place;
    const outer = before.get(graph) ?? new Set();
    const known = new Set([...graph.input, ...graph.initializer].map(({ name }) => name));
    const has = (name: string): boolean => name === '' || known.has(name) || outer.has(name);
    for (const node of graph.node) {
      const missing = node.input.find((name) => !has(name));
      if (missing !== undefined) {
        const message = `it takes "${shorten(missing)}", which no node before it makes: the graph has a cycle, or is not sorted`;
        found.push({ message, node: nameOf(node) });
      }
      const inner = node.attribute.flatMap(({ g, graphs: more }) => (g === undefined ? more : [g, ...more]));
      for (const held of inner) before.set(held, new Set([...outer, ...known]));
      for (const name of node.output) known.add(name);
    }
    const gone = graph.output.find(({ name }) => !has(name));
    if (gone !== undefined) found.push({ message: `the output "${shorten(gone.name)}" is made by no node` });
  }
  return found;
};

export const subgraphs: Check = ({ graphs }) =>
  graphs.flatMap(({ depth, holder }): Found[] => {
    if (holder === undefined) return [];
    const node = nameOf(holder);
    if (!GRAPH_HOLDERS.has(holder.opType)) return [{ message: `${shorten(holder.opType)} cannot hold a graph`, node }];
    if (depth <= LINT_LIMITS.graphDepth) return [];
    return [{ message: `its graph lies ${depth} deep in others: expected at most ${LINT_LIMITS.graphDepth}`, node }];
  });

export const attributes: Check = ({ graphs }) =>
  graphs.flatMap(({ graph }) =>
    graph.node.flatMap((node) => {
      const known = new Set<string>();
      return node.attribute.flatMap(({ name, refAttrName }): Found[] => {
        const isTwice = known.has(name);
        known.add(name);
        if (isTwice) return [{ message: `the attribute "${shorten(name)}" stands there twice`, node: nameOf(node) }];
        if (refAttrName === '') return [];
        return [
          { message: `the attribute "${shorten(name)}" refers to a function's, and is in none`, node: nameOf(node) },
        ];
      });
    }),
  );

/** A few bytes that would make a tensor of gigabytes: operators whose result is as large as a constant says. */
export const constantSizes: Check = ({ graphs }) => {
  const constants = new Map<string, TensorProto>();
  for (const { graph } of graphs) {
    for (const tensor of graph.initializer) constants.set(tensor.name, tensor);
    for (const node of graph.node) {
      const value = node.opType === 'Constant' ? node.attribute.find(({ name }) => name === 'value')?.t : undefined;
      if (value !== undefined && node.output[0] !== undefined) constants.set(node.output[0], value);
    }
  }
  const input = (node: NodeProto, at: number): number[] => numbersOf(constants.get(node.input[at] ?? '')) ?? [];
  return graphs.flatMap(({ graph }) =>
    graph.node.flatMap((node): Found[] => {
      const elements = Object.hasOwn(SIZED, node.opType) ? SIZED[node.opType]!(node, (at) => input(node, at)) : 0;
      if (elements <= LINT_LIMITS.elements) return [];
      const message = `its constants ask for ${elements} elements or more: expected at most ${LINT_LIMITS.elements}`;
      return [{ message, node: nameOf(node) }];
    }),
  );
};

type Sized = (node: NodeProto, constant: (input: number) => number[]) => number;

const product = (numbers: readonly number[]): number =>
  numbers.reduce((total, n) => total * Math.max(1, Math.abs(n)), 1);
const shapeAttribute: Sized = ({ attribute }) =>
  product((attribute.find(({ name }: AttributeProto) => name === 'shape')?.ints ?? []).map(Number));
const firstInput: Sized = (_, constant) => product(constant(0));
const secondInput: Sized = (_, constant) => product(constant(1));

/** Operator -> the least number of elements that its constants ask for. */
const SIZED: Readonly<Record<string, Sized>> = {
  ConstantOfShape: firstInput,
  RandomNormal: shapeAttribute,
  RandomUniform: shapeAttribute,
  BlackmanWindow: firstInput,
  HammingWindow: firstInput,
  HannWindow: firstInput,
  Expand: secondInput,
  Tile: secondInput,
  OneHot: secondInput,
  CenterCropPad: secondInput,
  Upsample: secondInput,
  Resize: (_, constant) => Math.max(product(constant(2)), product(constant(3))),
  Pad: (_, constant) => Math.max(0, ...constant(1)),
  Range: (_, constant) => {
    const [[start], [limit], [delta]] = [constant(0), constant(1), constant(2)];
    return start === undefined || limit === undefined || delta === undefined ? 0 : Math.abs((limit - start) / delta);
  },
};

/** The numbers of a small tensor that sizes are given in. */
function numbersOf(tensor: TensorProto | undefined): number[] | undefined {
  if (tensor === undefined || elementsOf(tensor) > LINT_LIMITS.rank * 2) return undefined;
  const { rawData, dataType } = tensor;
  if (rawData.length === 0) return [...tensor[ELEMENT_TYPES.get(dataType)?.field ?? 'floatData']].map(Number);
  const bytes = new Uint8Array(rawData).buffer;
  if (dataType === 7 && bytes.byteLength % 8 === 0) return Array.from(new BigInt64Array(bytes), Number);
  if (dataType === 6 && bytes.byteLength % 4 === 0) return Array.from(new Int32Array(bytes));
  if (dataType === 1 && bytes.byteLength % 4 === 0) return Array.from(new Float32Array(bytes));
  return undefined;
}
