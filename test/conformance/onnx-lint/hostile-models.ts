/** Files that a stranger might send, made here byte by byte or message by message, each with the check that has to refuse it. */
import { create, toBinary } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { CheckName } from '../../../shared/onnx/lint/checks.ts';
import {
  AttributeProto_AttributeType as Kind,
  ModelProtoSchema,
  TensorProto_DataLocation,
} from '../../../shared/onnx/schema/onnx-ml_pb.js';

type Model = Exclude<MessageInitShape<typeof ModelProtoSchema>, { $typeName: string }>;
type Graph = Exclude<NonNullable<Model['graph']>, { $typeName: string }>;
type Node = NonNullable<Graph['node']>[number];
type Tensor = NonNullable<Graph['initializer']>[number];

const FLOAT = 1;
const INT64 = 7;

export const value = (name: string, dims: readonly number[] = [2], elemType = FLOAT) => ({
  name,
  type: {
    value: {
      case: 'tensorType' as const,
      value: {
        elemType,
        shape: { dim: dims.map((dim) => ({ value: { case: 'dimValue' as const, value: BigInt(dim) } })) },
      },
    },
  },
});

const node = (opType: string, input: string[], output: string[], more: object = {}): Node => ({
  opType,
  input,
  output,
  ...more,
});

/** y = relu(x), with what is asked for in the place of what it has. */
export function model(graph: Graph = {}, rest: Model = {}): Uint8Array {
  const whole: Model = {
    irVersion: 8n,
    opsetImport: [{ domain: '', version: 17n }],
    ...rest,
    graph: { name: 'g', node: [node('Relu', ['x'], ['y'])], input: [value('x')], output: [value('y')], ...graph },
  };
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, whole));
}

const weight = (tensor: object): Tensor => ({ name: 'w', dataType: FLOAT, dims: [2n], ...tensor });
const added = (tensor: object): Uint8Array =>
  model({ node: [node('Add', ['x', 'w'], ['y'])], initializer: [weight(tensor)] });
const sized = (opType: string, numbers: readonly bigint[], inputs: string[]): Uint8Array =>
  model({
    node: [node(opType, inputs, ['y'])],
    initializer: [{ name: 's', dataType: INT64, dims: [BigInt(numbers.length)], int64Data: [...numbers] }],
  });

/** A graph within a graph, `depth` times. */
function nested(depth: number): Graph {
  if (depth === 0) return { name: 'leaf', node: [node('Relu', ['x'], ['r'])], output: [value('r')] };
  const branch = nested(depth - 1);
  const attribute = ['then_branch', 'else_branch'].map((name) => ({ name, type: Kind.GRAPH, g: branch }));
  return {
    name: 'branch',
    node: [node('If', ['c'], ['r'], { attribute: attribute.slice(0, depth > 3 ? 1 : 2) })],
    output: [value('r')],
  };
}

/** Message in message in message: the field `graph` of a model, its `node`, their `attribute`, their `g`, and so on. */
function deepBytes(levels: number): Uint8Array {
  // Field numbers: GraphProto.node 1, NodeProto.attribute 5, AttributeProto.g 6.
  const tags = [0x0a, 0x2a, 0x32];
  let bytes: number[] = [];
  for (let level = levels; level > 0; level--) bytes = [tags[(level - 1) % 3]!, ...varint(bytes.length), ...bytes];
  return Uint8Array.from([0x3a, ...varint(bytes.length), ...bytes]);
}

function varint(n: number): number[] {
  return n < 128 ? [n] : [(n % 128) + 128, ...varint(Math.floor(n / 128))];
}

const external = (location: string) => ({
  dataLocation: TensorProto_DataLocation.EXTERNAL,
  externalData: [{ key: 'location', value: location }],
});

export const HOSTILE: readonly (readonly [what: string, check: CheckName, bytes: () => Uint8Array])[] = [
  ['an empty file', 'size', () => new Uint8Array()],
  ['a picture', 'size', () => Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0])],
  ['a file that is cut off', 'file', () => model().slice(0, -3)],
  ['messages 3,000 deep within each other', 'file', () => deepBytes(3_000)],
  ['protobuf groups', 'file', () => Uint8Array.from(new Array<number>(100).fill(0x0b))],
  ['a part longer than the file', 'file', () => Uint8Array.from([0x3a, 0xff, 0xff, 0xff, 0xff, 0x07])],
  [
    '20 million numbers outside of raw_data',
    'file',
    () => added({ int64Data: new Array<bigint>(20_000_000).fill(1n) }),
  ],
  ['an IR version of the future', 'ir_version', () => model({}, { irVersion: 99n })],
  ['no opset', 'opset', () => model({}, { opsetImport: [] })],
  ['an opset of the future', 'opset', () => model({}, { opsetImport: [{ domain: '', version: 99n }] })],
  [
    'an operator of a custom domain',
    'operators',
    () => model({ node: [node('Run', ['x'], ['y'], { domain: 'evil' })] }),
  ],
  [
    'an operator of com.microsoft, imported',
    'operators',
    () =>
      model(
        { node: [node('EPContext', ['x'], ['y'], { domain: 'com.microsoft' })] },
        {
          opsetImport: [
            { domain: '', version: 17n },
            { domain: 'com.microsoft', version: 1n },
          ],
        },
      ),
  ],
  ['an operator called constructor', 'operators', () => model({ node: [node('constructor', ['x'], ['y'])] })],
  [
    'a domain called __proto__',
    'operators',
    () => model({ node: [node('Relu', ['x'], ['y'], { domain: '__proto__' })] }),
  ],
  ['a function of its own', 'functions', () => model({}, { functions: [{ name: 'f', domain: 'own' }] })],
  ['weights in /etc/passwd', 'external_data', () => added(external('/etc/passwd'))],
  ['weights two folders up', 'external_data', () => added(external('../../secrets.bin'))],
  [
    'weights of a Constant in another file',
    'external_data',
    () =>
      model({
        node: [
          node('Constant', [], ['w'], {
            attribute: [{ name: 'value', type: Kind.TENSOR, t: weight(external('/proc/self/environ')) }],
          }),
          node('Add', ['x', 'w'], ['y']),
        ],
      }),
  ],
  ['a tensor shorter than its shape', 'tensor_data', () => added({ dims: [1_000_000n], rawData: new Uint8Array(8) })],
  ['a tensor longer than its shape', 'tensor_data', () => added({ rawData: new Uint8Array(800) })],
  ['a negative size', 'tensor_data', () => added({ dims: [-2n], rawData: new Uint8Array(8) })],
  ['sizes whose product overflows', 'tensor_data', () => added({ dims: [2n ** 62n, 4n], rawData: new Uint8Array(8) })],
  ['an element type that is none', 'tensor_data', () => added({ dataType: 99, rawData: new Uint8Array(8) })],
  ['a tensor of 40 axes', 'tensor_data', () => added({ dims: new Array<bigint>(40).fill(1n), floatData: [1] })],
  ['a value of a gigabyte that it declares', 'memory', () => model({ valueInfo: [value('z', [2 ** 28])] })],
  ['an input of 2^60 elements', 'interface', () => model({ input: [value('x', [2 ** 30, 2 ** 30])] })],
  [
    'an input that is a map',
    'interface',
    () => model({ input: [{ name: 'x', type: { value: { case: 'mapType', value: {} } } }] }),
  ],
  ['no output', 'interface', () => model({ output: [] })],
  [
    'a value that is made twice',
    'names',
    () => model({ node: [node('Relu', ['x'], ['y']), node('Abs', ['x'], ['y'])] }),
  ],
  [
    'an input that is made again',
    'names',
    () => model({ node: [node('Relu', ['x'], ['x']), node('Abs', ['x'], ['y'])] }),
  ],
  [
    'a cycle',
    'order',
    () => model({ node: [node('Add', ['x', 'b'], ['a']), node('Relu', ['a'], ['b']), node('Abs', ['b'], ['y'])] }),
  ],
  ['a node that takes its own output', 'order', () => model({ node: [node('Add', ['x', 'y'], ['y'])] })],
  ['an output from nowhere', 'order', () => model({ output: [value('nowhere')] })],
  [
    'graphs twelve deep',
    'subgraphs',
    () => model({ node: nested(12).node!, input: [value('x'), value('c', [], 9)], output: [value('r')] }),
  ],
  [
    'a graph in an operator that holds none',
    'subgraphs',
    () => model({ node: [node('Relu', ['x'], ['y'], { attribute: [{ name: 'g', type: Kind.GRAPH, g: nested(0) }] })] }),
  ],
  [
    'an attribute that stands there twice',
    'attributes',
    () =>
      model({
        node: [
          node('LeakyRelu', ['x'], ['y'], { attribute: [1, 2].map((f) => ({ name: 'alpha', type: Kind.FLOAT, f })) }),
        ],
      }),
  ],
  ['ConstantOfShape of 2^50 elements', 'constant_sizes', () => sized('ConstantOfShape', [2n ** 50n], ['s'])],
  ['Tile by a billion', 'constant_sizes', () => sized('Tile', [10n ** 9n], ['x', 's'])],
  ['Expand to a billion rows', 'constant_sizes', () => sized('Expand', [10n ** 9n, 2n], ['x', 's'])],
  ['Pad by a billion', 'constant_sizes', () => sized('Pad', [0n, 10n ** 9n], ['x', 's'])],
];
