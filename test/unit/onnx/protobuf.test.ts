import { create } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import type { GraphDef, ModelDef } from '../../../shared/onnx/model.ts';
import { readModel } from '../../../shared/onnx/read-model.ts';
import { TensorProtoSchema } from '../../../shared/onnx/schema/onnx-ml_pb.js';
import { fromTensorProto } from '../../../shared/onnx/tensor-proto.ts';
import { writeModel } from '../../../shared/onnx/write-model.ts';
import { ARRAYS } from '../../../shared/tensor/dtype.ts';
import { fromNumbers, tensor } from '../../../shared/tensor/tensor.ts';
import type { HostTensor, NumericDType } from '../../../shared/tensor/tensor.ts';

const model = (graph: Partial<GraphDef>): ModelDef => ({
  graph: { name: 'g', nodes: [], inputs: [], outputs: [], initializers: new Map(), ...graph },
  irVersion: 10,
  opsets: { '': 21, 'ai.onnx.ml': 3 },
  metadata: { family: 'cnn', grün: '✓' },
});

const inner: GraphDef = { ...model({}).graph, name: 'inner', outputs: [{ name: 'z', dtype: 'bool', shape: [] }] };

describe('reader and writer', () => {
  test('keep a whole model', () => {
    const original = model({
      inputs: [
        { name: 'x', dtype: 'float32', shape: ['batch', 3] },
        { name: 's', dtype: 'string', shape: [] },
        { name: 'any' },
      ],
      outputs: [{ name: 'y', dtype: 'int64', shape: ['batch'] }],
      nodes: [
        {
          name: 'n',
          opType: 'LabelEncoder',
          domain: 'ai.onnx.ml',
          inputs: ['x', '', 's'],
          outputs: ['y'],
          attributes: {
            int: -5,
            float: { float: 0.5 },
            text: 'äö',
            ints: [1, 2 ** 40],
            floats: { floats: [0.25, -1] },
            texts: ['a', ''],
            tensor: { tensor: fromNumbers('int32', [7], [1]) },
            graph: { graph: inner },
          },
        },
      ],
    });

    expect(readModel(writeModel(original))).toEqual(original);
  });

  test.each(Object.keys(ARRAYS) as NumericDType[])('keep tensors of %s bit by bit', (dtype) => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 64 }), (bytes) => {
        const width = ARRAYS[dtype].BYTES_PER_ELEMENT;
        const length = Math.floor(bytes.length / width);
        const data = new ARRAYS[dtype](bytes.slice(0, length * width).buffer);
        const original = tensor(dtype, [length, 1], data as never) as HostTensor;

        const copy = readModel(writeModel(model({ initializers: new Map([['w', original]]) }))).graph.initializers.get(
          'w',
        )!;

        expect(copy.dtype).toBe(dtype);
        expect(copy.shape).toEqual([length, 1]);
        expect(bytesOf(copy)).toEqual(bytesOf(original));
      }),
      { numRuns: 30 },
    );
  });

  test('keep strings', () => {
    const words = tensor('string', [2, 2], ['', 'grün', 'a\nb', '✓']);

    const copy = readModel(writeModel(model({ initializers: new Map([['w', words]]) }))).graph.initializers.get('w');

    expect(copy).toEqual(words);
  });

  test('read a tensor at an odd address', () => {
    const bytes = writeModel(model({ initializers: new Map([['w', fromNumbers('float64', [1.5, -2])]]) }));
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);

    expect(readModel(shifted.subarray(1)).graph.initializers.get('w')).toEqual(fromNumbers('float64', [1.5, -2]));
  });

  test.each([
    ['no protobuf', Uint8Array.of(255, 255, 255, 1), 'its bytes are no valid protobuf'],
    ['nothing', new Uint8Array(), 'it holds no graph'],
    ['text', new TextEncoder().encode('hello, this is not a model'), 'not an ONNX model'],
  ])('refuse %s', (_what, bytes, message) => {
    expect(() => readModel(bytes)).toThrow(message);
  });
});

describe('tensors as other writers store them', () => {
  const read = (init: MessageInitShape<typeof TensorProtoSchema>): HostTensor =>
    fromTensorProto(create(TensorProtoSchema, init));

  test.each<[string, MessageInitShape<typeof TensorProtoSchema>, HostTensor]>([
    ['float32', { dataType: 1, floatData: [1.5, -2] }, fromNumbers('float32', [1.5, -2])],
    ['float64', { dataType: 11, doubleData: [1.5, -2] }, fromNumbers('float64', [1.5, -2])],
    ['int64', { dataType: 7, int64Data: [1n, -2n] }, fromNumbers('int64', [1, -2])],
    ['int32', { dataType: 6, int32Data: [1, -2] }, fromNumbers('int32', [1, -2])],
    ['uint8', { dataType: 2, int32Data: [1, 255] }, fromNumbers('uint8', [1, 255])],
    ['bool', { dataType: 9, int32Data: [1, 0] }, fromNumbers('bool', [1, 0])],
    ['uint32', { dataType: 12, uint64Data: [1n, 4294967295n] }, fromNumbers('uint32', [1, 4294967295])],
  ])('%s in its typed field', (_dtype, init, expected) => {
    expect(read({ ...init, dims: [2n] })).toEqual(expected);
  });

  test('data in another file is refused', () => {
    const init = { name: 'w', dims: [2n], dataType: 1, externalData: [{ key: 'location', value: '../../etc/passwd' }] };

    expect(() => read(init)).toThrow("tensor 'w': external data is not supported");
  });

  test('an element type that we do not hold is refused', () => {
    expect(() => read({ name: 'w', dims: [1n], dataType: 14 })).toThrow("tensor 'w': element type 14 is not supported");
  });
});

const bytesOf = (value: HostTensor): Uint8Array => {
  const { buffer, byteOffset, byteLength } = value.data as Exclude<HostTensor['data'], readonly string[]>;
  return new Uint8Array(buffer.slice(byteOffset, byteOffset + byteLength));
};
