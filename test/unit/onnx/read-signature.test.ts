/** The signature against the reader of whole models, which goes through ONNX's own protobuf schema. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { dataTypeOf } from '../../../shared/onnx/data-types.ts';
import { readModel } from '../../../shared/onnx/read-model.ts';
import { readSignature } from '../../../shared/onnx/read-signature.ts';
import { TensorProto_DataType } from '../../../shared/onnx/schema/onnx-ml_pb.js';
import { writeModel } from '../../../shared/onnx/write-model.ts';
import { fromNumbers } from '../../../shared/tensor/tensor.ts';
import { realModel } from '../../real-models.ts';

/** Inputs that have a stored value are constants; the weights are longer than what is read of a file at once. */
const small = writeModel({
  graph: {
    name: 'g',
    nodes: [{ name: '', opType: 'Identity', domain: '', inputs: ['x'], outputs: ['y'], attributes: {} }],
    inputs: [
      { name: 'x', dtype: 'float32', shape: ['batch', 3] },
      { name: 'w', dtype: 'float32', shape: [40_000] },
      { name: 'scalar', dtype: 'int64', shape: [] },
      { name: 'any' },
    ],
    outputs: [{ name: 'größe', dtype: 'float64', shape: ['batch', 2 ** 40] }],
    initializers: new Map([['w', fromNumbers('float32', new Array<number>(40_000).fill(1))]]),
  },
  irVersion: 10,
  opsets: { '': 21 },
  metadata: { long: 'ü'.repeat(100_000), '': '' },
});

function inFile<T>(bytes: Uint8Array, use: (file: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'signature-'));
  try {
    writeFileSync(join(folder, 'model.onnx'), bytes);
    return use(join(folder, 'model.onnx'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test.each([
  ['a small one', small],
  ['Silero', realModel('silero')],
  ['text detection', realModel('ocr-detection')],
  ['text recognition', realModel('ocr-recognition')],
])('reads of %s what the whole reader does, from bytes and from a file', (_name, bytes) => {
  const { graph, metadata } = readModel(bytes);
  const { inputs, outputs, initializers } = graph;

  const signature = readSignature(bytes);

  expect(signature).toEqual({
    graph: { inputs: inputs.filter(({ name }) => !initializers.has(name)), outputs },
    metadata,
  });
  expect(inFile(bytes, readSignature)).toEqual(signature);
});

test.each([
  ['nothing', new Uint8Array()],
  ['text', Buffer.from('not a model')],
  ['the beginning of a model', small.subarray(0, 5_000)],
  ['a model without its last byte', small.subarray(0, -1)],
])('refuses %s', (_what, bytes) => {
  expect(() => readSignature(bytes)).toThrow(TypeError);
  expect(() => inFile(bytes, readSignature)).toThrow(/not an ONNX model/);
});

test("element types have the numbers of ONNX's schema", () => {
  const dtypes = [
    'float16',
    'int8',
    'uint8',
    'int16',
    'uint16',
    'int32',
    'uint32',
    'int64',
    'uint64',
    'bool',
    'string',
  ];

  expect(dataTypeOf('float32')).toBe(TensorProto_DataType.FLOAT);
  expect(dataTypeOf('float64')).toBe(TensorProto_DataType.DOUBLE);
  for (const dtype of dtypes as Parameters<typeof dataTypeOf>[0][])
    expect(dataTypeOf(dtype)).toBe(TensorProto_DataType[dtype.toUpperCase() as 'INT8']);
});
