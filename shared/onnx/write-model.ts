/** ModelDef -> bytes of an ONNX file, through the protobuf schema of ONNX itself. */
import { create, toBinary } from '@bufbuild/protobuf';

import type { Attribute, GraphDef, ModelDef, NodeDef, ValueDef } from './model.ts';
import {
  AttributeProto_AttributeType as Kind,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  ValueInfoProtoSchema,
} from './schema/onnx-ml_pb.js';
import type { AttributeProto, GraphProto, NodeProto, ValueInfoProto } from './schema/onnx-ml_pb.js';
import { dataTypeOf } from './data-types.ts';
import { toTensorProto } from './tensor-proto.ts';

export function writeModel(model: ModelDef): Uint8Array {
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: BigInt(model.irVersion),
      producerName: 'tenon',
      opsetImport: Object.entries(model.opsets).map(([domain, version]) => ({ domain, version: BigInt(version) })),
      metadataProps: Object.entries(model.metadata).map(([key, value]) => ({ key, value })),
      graph: graphProto(model.graph),
    }),
  );
}

function graphProto(graph: GraphDef): GraphProto {
  return create(GraphProtoSchema, {
    name: graph.name,
    node: graph.nodes.map(nodeProto),
    input: graph.inputs.map(valueInfoProto),
    output: graph.outputs.map(valueInfoProto),
    initializer: [...graph.initializers].map(([name, value]) => toTensorProto(name, value)),
  });
}

function nodeProto(node: NodeDef): NodeProto {
  return create(NodeProtoSchema, {
    name: node.name,
    opType: node.opType,
    domain: node.domain,
    input: [...node.inputs],
    output: [...node.outputs],
    attribute: Object.entries(node.attributes).map(([name, value]) => attributeProto(name, value)),
  });
}

function valueInfoProto({ name, dtype, shape }: ValueDef): ValueInfoProto {
  if (dtype === undefined) return create(ValueInfoProtoSchema, { name });
  const dims = shape?.map((dim) => ({
    value:
      typeof dim === 'number'
        ? { case: 'dimValue' as const, value: BigInt(dim) }
        : { case: 'dimParam' as const, value: dim },
  }));
  const type = { elemType: dataTypeOf(dtype), ...(dims && { shape: { dim: dims } }) };
  return create(ValueInfoProtoSchema, { name, type: { value: { case: 'tensorType', value: type } } });
}

function attributeProto(name: string, value: Attribute<GraphDef>): AttributeProto {
  return create(AttributeProtoSchema, { name, ...attributeField(value) });
}

const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

function attributeField(value: Attribute<GraphDef>) {
  if (typeof value === 'number') return { type: Kind.INT, i: BigInt(value) };
  if (typeof value === 'string') return { type: Kind.STRING, s: utf8(value) };
  if ('float' in value) return { type: Kind.FLOAT, f: value.float };
  if ('floats' in value) return { type: Kind.FLOATS, floats: [...value.floats] };
  if ('tensor' in value) return { type: Kind.TENSOR, t: toTensorProto('', value.tensor) };
  if ('graph' in value) return { type: Kind.GRAPH, g: graphProto(value.graph) };
  if (isStrings(value)) return { type: Kind.STRINGS, strings: value.map(utf8) };
  return { type: Kind.INTS, ints: value.map(BigInt) };
}

const isStrings = (list: readonly number[] | readonly string[]): list is readonly string[] =>
  typeof list[0] === 'string';
