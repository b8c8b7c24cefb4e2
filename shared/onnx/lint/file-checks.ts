/** Checks of what the file says of itself, of its operators and of its tensors. */
import { TensorProto_DataLocation } from '../schema/onnx-ml_pb.js';
import type { TensorProto } from '../schema/onnx-ml_pb.js';
import { bytesOf, ELEMENT_TYPES, elementsOf } from './element-types.ts';
import { LINT_LIMITS } from './limits.ts';
import { domainOf, OPERATORS } from './operators.ts';
import { nameOf, shorten } from './subject.ts';
import type { Check, Found, Subject } from './subject.ts';

export const irVersion: Check = ({ model }) => {
  const [least, most] = LINT_LIMITS.irVersions;
  const version = Number(model.irVersion);
  if (version >= least && version <= most) return [];
  return [{ message: `expected an IR version of ${least} to ${most}, got ${version}` }];
};

export const opset: Check = ({ model }) => {
  const imports = model.opsetImport.map(({ domain, version }) => ({
    domain: domainOf(domain),
    version: Number(version),
  }));
  const own = imports.filter(({ domain }) => domain === '').length;
  const wrong = imports.flatMap(({ domain, version }): Found[] => {
    const range = Object.hasOwn(LINT_LIMITS.opsets, domain) ? LINT_LIMITS.opsets[domain as ''] : undefined;
    if (range === undefined || (version >= range[0] && version <= range[1])) return [];
    return [
      { message: `expected opset ${range[0]} to ${range[1]} of the domain "${shorten(domain)}", got ${version}` },
    ];
  });
  return own === 1 ? wrong : [{ message: `expected one opset of the default domain, got ${own}` }, ...wrong];
};

export const operators: Check = ({ model, graphs }) => {
  const imported = new Set(model.opsetImport.map(({ domain }) => domainOf(domain)));
  return graphs.flatMap(({ graph }) =>
    graph.node.flatMap((node): Found[] => {
      const domain = domainOf(node.domain);
      const known = Object.hasOwn(OPERATORS, domain) ? OPERATORS[domain] : undefined;
      if (known?.has(node.opType) === true && imported.has(domain)) return [];
      const op = shorten(node.opType);
      const message =
        known === undefined
          ? `the operator ${op} is of the domain "${shorten(domain)}": expected the default domain or ai.onnx.ml, operators of others are not run`
          : known.has(node.opType)
            ? `the operator ${op} is of the domain "${domain}", which the file does not import`
            : `the operator ${op} is none that ONNX Runtime runs on a CPU`;
      return [{ message, node: nameOf(node) }];
    }),
  );
};

export const functions: Check = ({ model }) => [
  ...(model.functions.length === 0
    ? []
    : [
        {
          message: `it defines ${model.functions.length} functions of its own: inline them (onnx.inliner) before the upload`,
        },
      ]),
  ...(model.trainingInfo.length === 0 ? [] : [{ message: 'it carries a training graph: export it for inference' }]),
];

export const externalData: Check = ({ tensors }) =>
  tensors.flatMap(({ tensor, place }): Found[] => {
    if (tensor.dataLocation !== TensorProto_DataLocation.EXTERNAL && tensor.externalData.length === 0) return [];
    return [{ message: `${place} lies in another file: a model is one file, save it with its weights inside` }];
  });

export const sparseTensors: Check = ({ graphs }) =>
  graphs.flatMap(({ graph }) => [
    ...(graph.sparseInitializer.length === 0
      ? []
      : [{ message: `it has ${graph.sparseInitializer.length} sparse initializers: make them dense` }]),
    ...graph.node.flatMap((node): Found[] =>
      node.attribute.some(({ sparseTensor, sparseTensors: more }) => sparseTensor !== undefined || more.length > 0)
        ? [{ message: 'it has a sparse tensor as an attribute: make it dense', node: nameOf(node) }]
        : [],
    ),
  ]);

/** A tensor whose data are shorter than its sizes say would be read beyond its end. */
export const tensorData: Check = ({ tensors }) =>
  tensors.flatMap(({ tensor, place }): Found[] => {
    const message = problemOf(tensor);
    return message === undefined ? [] : [{ message: `${place} ${message}` }];
  });

function problemOf(tensor: TensorProto): string | undefined {
  const type = ELEMENT_TYPES.get(tensor.dataType);
  if (type === undefined) return `has the element type ${tensor.dataType}, which is not supported`;
  if (tensor.segment !== undefined) return 'is cut into segments, which are not supported';
  if (tensor.dims.length > LINT_LIMITS.rank)
    return `has ${tensor.dims.length} axes: expected at most ${LINT_LIMITS.rank}`;
  const elements = elementsOf(tensor);
  const shape = `[${tensor.dims.join(', ')}]`;
  if (!(elements <= LINT_LIMITS.elements))
    return `is of shape ${shape}: expected at most ${LINT_LIMITS.elements} elements`;
  const loose = tensor[type.field].length;
  if (tensor.rawData.length > 0 && type.name !== 'string') {
    const expected = bytesOf(elements, type);
    return tensor.rawData.length === expected
      ? undefined
      : `is of shape ${shape} and type ${type.name}: expected ${expected} bytes, got ${tensor.rawData.length}`;
  }
  const expected = type.bits < 8 ? bytesOf(elements, type) : elements;
  return loose === expected ? undefined : `is of shape ${shape}: expected ${expected} values, got ${loose}`;
}

export const memory: Check = (subject) => {
  const bytes = estimatedMemoryBytes(subject);
  if (bytes <= LINT_LIMITS.memoryBytes) return [];
  return [{ message: `it would take about ${bytes} bytes of memory: expected at most ${LINT_LIMITS.memoryBytes}` }];
};

/** ONNX Runtime's own frame. */
const SESSION_BYTES = 2_000_000;

/** What a session takes: the file, the weights as it packs them, and the two largest values that the file declares, unknown sizes taken for 1. */
export function estimatedMemoryBytes({ fileBytes, graphs, tensors }: Subject): number {
  const weights = tensors.reduce((sum, { tensor }) => sum + bytesIn(tensor.dataType, elementsOf(tensor)), 0);
  const declared = graphs
    .flatMap(({ graph }) => [...graph.valueInfo, ...graph.output, ...graph.input])
    .map(({ type }) => {
      if (type?.value.case !== 'tensorType') return 0;
      const { elemType, shape } = type.value.value;
      const dims = (shape?.dim ?? []).map(({ value }) => (value.case === 'dimValue' ? value.value : 1n));
      return bytesIn(elemType, elementsOf({ dims }));
    })
    .toSorted((a, b) => b - a);
  const [largest = 0, second = 0] = declared;
  return fileBytes + weights + largest + second + SESSION_BYTES;
}

function bytesIn(dataType: number, elements: number): number {
  const type = ELEMENT_TYPES.get(dataType);
  return type === undefined || Number.isNaN(elements) ? 0 : bytesOf(elements, type);
}
