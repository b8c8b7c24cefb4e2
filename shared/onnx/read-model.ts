/**
 * Bytes of an ONNX file -> ModelDef. What this project does not represent (sparse tensors, sequence attributes, functions) fails by name
 * and is never dropped silently.
 */
import { fromBinary } from '@bufbuild/protobuf';

import { UNKNOWN } from '../tensor/shape.ts';
import type { Dim } from '../tensor/shape.ts';
import type { HostTensor } from '../tensor/tensor.ts';
import type { Attribute, GraphDef, ModelDef, NodeDef, ValueDef } from './model.ts';
import { AttributeProto_AttributeType as Kind, ModelProtoSchema } from './schema/onnx-ml_pb.js';
import type {
  AttributeProto,
  GraphProto,
  ModelProto,
  NodeProto,
  TensorShapeProto_Dimension,
  ValueInfoProto,
} from './schema/onnx-ml_pb.js';
import { dtypeOf } from './data-types.ts';
import { fromTensorProto } from './tensor-proto.ts';

/** @throws {TypeError} when the bytes are no ONNX model or use a feature that is not supported. */
export function readModel(bytes: Uint8Array): ModelDef {
  const proto = parse(bytes);
  if (!proto.graph) throw new TypeError('not an ONNX model: it holds no graph');
  if (proto.functions.length > 0) throw new TypeError('model-local functions are not supported');
  return {
    graph: graphDef(proto.graph),
    irVersion: Number(proto.irVersion),
    opsets: Object.fromEntries(proto.opsetImport.map(({ domain, version }) => [domain, Number(version)])),
    metadata: Object.fromEntries(proto.metadataProps.map(({ key, value }) => [key, value])),
  };
}

function parse(bytes: Uint8Array): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw new TypeError('not an ONNX model: its bytes are no valid protobuf', { cause });
  }
}

function graphDef(graph: GraphProto): GraphDef {
  if (graph.sparseInitializer.length > 0)
    throw new TypeError(`graph '${graph.name}': sparse initializers are not supported`);
  return {
    name: graph.name,
    nodes: graph.node.map(nodeDef),
    inputs: graph.input.map(valueDef),
    outputs: graph.output.map(valueDef),
    initializers: new Map(graph.initializer.map((proto): [string, HostTensor] => [proto.name, fromTensorProto(proto)])),
  };
}

function nodeDef({ name, opType, domain, input, output, attribute }: NodeProto): NodeDef {
  const attributes = attribute.map((proto) => [proto.name, attributeOf(proto, name || opType)]);
  return {
    name,
    opType,
    domain,
    inputs: input,
    outputs: output,
    attributes: Object.fromEntries(attributes) as NodeDef['attributes'],
  };
}

function valueDef({ name, type }: ValueInfoProto): ValueDef {
  if (type?.value.case !== 'tensorType') return { name };
  const { elemType, shape } = type.value.value;
  const dtype = dtypeOf(elemType);
  return { name, ...(dtype && { dtype }), ...(shape && { shape: shape.dim.map(dimOf) }) };
}

function dimOf({ value }: TensorShapeProto_Dimension): Dim {
  if (value.case === 'dimValue') return Number(value.value);
  return value.case === 'dimParam' && value.value !== '' ? value.value : UNKNOWN;
}

function attributeOf(proto: AttributeProto, node: string): Attribute<GraphDef> {
  const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  switch (proto.type) {
    case Kind.INT:
      return Number(proto.i);
    case Kind.FLOAT:
      return { float: proto.f };
    case Kind.STRING:
      return decode(proto.s);
    case Kind.INTS:
      return proto.ints.map(Number);
    case Kind.FLOATS:
      return { floats: proto.floats };
    case Kind.STRINGS:
      return proto.strings.map(decode);
    case Kind.TENSOR:
      if (proto.t) return { tensor: fromTensorProto(proto.t) };
      break;
    case Kind.GRAPH:
      if (proto.g) return { graph: graphDef(proto.g) };
      break;
    default:
  }
  throw new TypeError(`node '${node}': attribute '${proto.name}' is of the unsupported type ${Kind[proto.type]}`);
}
