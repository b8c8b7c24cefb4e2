/**
 * The Open Inference Protocol v2, sentence by sentence, on a real ONNX file: inference_rest.md of kserve/open-inference-protocol,
 * extension_binary_data.md and extension_classification.md of triton-inference-server/server. HTTP itself: test/e2e.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ServiceError } from '../../../shared/errors.ts';
import { loadPredictor } from '../../../shared/runtime/predictor.ts';
import type { Predictor } from '../../../shared/runtime/predictor.ts';
import { serve, withBytes } from './serve.ts';
import { scoresModel } from './types-model.ts';

let model: Predictor;
beforeAll(async () => {
  model = await loadPredictor(scoresModel(), { threads: 1 });
});
afterAll(() => model.release());

const row = { name: 'x', shape: [1, 4], datatype: 'FP32', data: [1.5, 3.25, 0.5, 2.75] };
const bytesOf = (...numbers: number[]) => new Uint8Array(Float32Array.from(numbers).buffer);
const sized = (size: number) => ({
  name: 'x',
  shape: [1, 4],
  datatype: 'FP32',
  parameters: { binary_data_size: size },
});

async function failure(serving: Promise<unknown>): Promise<ServiceError> {
  const error: unknown = await serving.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ServiceError)) throw new Error(`expected a ServiceError, got ${String(error)}`);
  return error;
}

describe('an answer', () => {
  test('names the model and the version used, and returns the identifier of the request', async () => {
    const { json } = await serve(model, { id: '42', inputs: [row] });

    expect(json).toMatchObject({ id: '42', model_name: 'm', model_version: '3' });
  });

  test('has no identifier where the request had none', async () => {
    const { json } = await serve(model, { inputs: [row] });

    expect(json).not.toHaveProperty('id');
  });

  test('has all outputs where none is requested, with name, shape, datatype and data', async () => {
    const { json } = await serve(model, { inputs: [row] });

    expect(json.outputs).toEqual([{ name: 'scores', shape: [1, 4], datatype: 'FP32', data: [1.5, 3.25, 0.5, 2.75] }]);
  });

  test('counts a prediction for each row of the batch', async () => {
    const { predictions } = await serve(model, { inputs: [{ ...row, shape: [2, 4], data: Array(8).fill(1) }] });

    expect(predictions).toBe(2);
  });
});

describe('tensor data', () => {
  test('may be given nested or flat', async () => {
    const flat = await serve(model, { inputs: [{ ...row, shape: [2, 4], data: [1, 2, 3, 4, 5, 6, 7, 8] }] });
    const nested = await serve(model, {
      inputs: [{ ...row, shape: [2, 4], data: [[1, 2, 3, 4], [5, 6, 7, 8]] }], // prettier-ignore
    });

    expect(nested.json.outputs).toEqual(flat.json.outputs);
  });

  test.each<[string, object, string, RegExp]>([
    ['too short', { data: [1, 2, 3] }, '/inputs/0/data', /expected 4 elements for shape \[1, 4\], got 3/],
    ['ragged', { data: [[1, 2, 3]] }, '/inputs/0/data', /expected arrays of 4 along dimension 1/],
    ['of texts', { data: ['1', '2', '3', '4'] }, '/inputs/0/data', /element 0: expected a number for FP32, got "1"/],
    ['missing', { data: undefined }, '/inputs/0', /expected "data", or "binary_data_size"/],
    ['no array', { data: 5 }, '/inputs/0/data', /expected an array/],
  ])('that are %s are refused', async (_, change, param, message) => {
    const error = await failure(serve(model, { inputs: [{ ...row, ...change }] }));

    expect(error).toMatchObject({ param, message: expect.stringMatching(message) });
  });

  test('that JSON cannot say are refused by name, and sent as bytes', async () => {
    const [body, headers] = withBytes({ inputs: [sized(16)] }, bytesOf(1, NaN, Infinity, 2));
    const outputs = [{ name: 'scores', parameters: { binary_data: true } }];
    const [binaryBody, binaryHeaders] = withBytes({ inputs: [sized(16)], outputs }, bytesOf(1, NaN, Infinity, 2));

    const error = await failure(serve(model, body, headers));
    const { binary } = await serve(model, binaryBody, binaryHeaders);

    expect(error.message).toMatch(/element 1 of the output "scores" is NaN.*"binary_data": true/);
    expect(new Uint8Array(binary)).toEqual(bytesOf(1, NaN, Infinity, 2));
  });
});

describe('inputs', () => {
  test.each<[string, object[], string, string, RegExp]>([
    ['unknown', [{ ...row, name: 'z' }], 'unknown_field', '/inputs/0/name', /no input "z", its inputs are "x"/],
    ['missing', [], 'invalid_request', '/inputs', /the inputs "x" are missing/],
    ['given twice', [row, row], 'invalid_request', '/inputs/1/name', /came twice/],
    [
      'of another type',
      [{ ...row, datatype: 'FP64' }],
      'invalid_request',
      '/inputs/0/datatype',
      /expected FP32.*"FP64"/,
    ],
    [
      'of no type',
      [{ ...row, datatype: 'BF16' }],
      'invalid_request',
      '/inputs/0/datatype',
      /the types are BOOL, UINT8/,
    ],
    [
      'of another rank',
      [{ ...row, shape: [4] }],
      'shape_mismatch',
      '/inputs/0/shape',
      /expected \[batch, 4\].*got \[4\]/,
    ],
    [
      'of another size',
      [{ ...row, shape: [2, 2] }],
      'shape_mismatch',
      '/inputs/0/shape',
      /expected \[batch, 4\].*got \[2, 2\]/,
    ],
    ['of no rows', [{ ...row, shape: [0, 4], data: [] }], 'shape_mismatch', '/inputs/0/shape', /got \[0, 4\]/],
    [
      'of a broken size',
      [{ ...row, shape: [1.5, 4] }],
      'invalid_request',
      '/inputs/0/shape/0',
      /expected a whole number/,
    ],
  ])('that are %s are refused', async (_, inputs, code, param, message) => {
    const error = await failure(serve(model, { inputs }));

    expect(error).toMatchObject({ code, param, message: expect.stringMatching(message) });
  });

  test('of a body that is no JSON, or no object, are refused', async () => {
    expect((await failure(serve(model, '{"inputs": ['))).code).toBe('invalid_json');
    expect((await failure(serve(model, '[]'))).code).toBe('invalid_request');
    expect((await failure(serve(model, ''))).code).toBe('invalid_request');
  });

  test('with an integer beyond 2^53 in a wrong place are refused by its digits', async () => {
    const error = await failure(serve(model, '{"inputs": 9007199254740993}'));

    expect(error.message).toContain('9007199254740993');
  });
});

describe('requested outputs', () => {
  test('are all where a request names none', async () => {
    const { json } = await serve(model, { inputs: [row], outputs: [] });

    expect(json.outputs.map(({ name }) => name)).toEqual(['scores']);
  });

  test.each<[string, object[], string, RegExp]>([
    ['unknown', [{ name: 'y' }], '/outputs/0/name', /no output "y", its outputs are "scores"/],
    ['asked for twice', [{ name: 'scores' }, { name: 'scores' }], '/outputs/1/name', /asked for twice/],
    [
      'binary perhaps',
      [{ name: 'scores', parameters: { binary_data: 'yes' } }],
      '/outputs/0/parameters/binary_data',
      /true or false/,
    ],
    [
      'of no classes',
      [{ name: 'scores', parameters: { classification: 0 } }],
      '/outputs/0/parameters/classification',
      /1 or more/,
    ],
  ])('that are %s are refused', async (_, outputs, param, message) => {
    const error = await failure(serve(model, { inputs: [row], outputs }));

    expect(error).toMatchObject({ param, message: expect.stringMatching(message) });
  });
});

describe('the binary extension', () => {
  test('returns all outputs as bytes by binary_data_output, unless an output says otherwise', async () => {
    const parameters = { binary_data_output: true };
    const all = await serve(model, { parameters, inputs: [row] });
    const outputs = [{ name: 'scores', parameters: { binary_data: false } }];
    const none = await serve(model, { parameters, inputs: [row], outputs });

    expect(all.json.outputs).toEqual([
      { name: 'scores', shape: [1, 4], datatype: 'FP32', parameters: { binary_data_size: 16 } },
    ]);
    expect(new Uint8Array(all.binary)).toEqual(bytesOf(...row.data));
    expect(none.json.outputs[0]?.data).toEqual(row.data);
    expect(none.headers).toEqual({});
  });

  test('gives JSON to a client to whom the gateway would send base64', async () => {
    const body = { parameters: { binary_data_output: true }, inputs: [row] };

    const { json, binary } = await serve(model, body, { accept: '*/*' });

    expect(json.outputs[0]?.data).toEqual(row.data);
    expect(binary).toHaveLength(0);
  });

  test.each<[string, object[], Uint8Array, RegExp]>([
    ['fewer bytes than announced', [sized(16)], bytesOf(1, 2), /expected 16 bytes in the body, but 8 are left/],
    [
      'another number than the shape has',
      [sized(8)],
      bytesOf(1, 2),
      /expected 16 bytes for FP32 of shape \[1, 4\], got 8/,
    ],
    [
      'bytes that belong to no input',
      [sized(16)],
      bytesOf(1, 2, 3, 4, 5),
      /4 bytes behind the JSON belong to no input/,
    ],
    ['data as well', [{ ...sized(16), data: row.data }], bytesOf(1, 2, 3, 4), /send one of them/],
    ['a size that is none', [sized(-1)], bytesOf(), /expected a number of bytes, got -1/],
  ])('refuses %s', async (_, inputs, bytes, message) => {
    const [body, headers] = withBytes({ inputs }, bytes);

    expect((await failure(serve(model, body, headers))).message).toMatch(message);
  });

  test('refuses a header that is longer than the body, and bytes that the gateway took for text', async () => {
    const [body, headers] = withBytes({ inputs: [sized(16)] }, bytesOf(1, 2, 3, 4));

    const long = await failure(serve(model, body, { ...headers, 'inference-header-content-length': '99999' }));
    const text = await failure(serve(model, body, { ...headers, 'content-type': 'application/json' }));

    expect(long.message).toMatch(/Inference-Header-Content-Length: expected at most the \d+ bytes/);
    expect([text.code, text.message]).toEqual(['unsupported_media_type', expect.stringContaining('octet-stream')]);
  });

  test('takes a body that is one tensor, of batch 1, and answers in bytes', async () => {
    const headers = { 'content-type': 'application/octet-stream', 'inference-header-content-length': '0' };

    const { json, binary } = await serve(model, bytesOf(1, 2, 3, 4), headers);

    expect(json.outputs).toMatchObject([{ name: 'scores', shape: [1, 4] }]);
    expect(new Uint8Array(binary)).toEqual(bytesOf(1, 2, 3, 4));
  });
});

describe('the classification extension', () => {
  test('names the highest values, with their index and label', async () => {
    const outputs = [{ name: 'scores', parameters: { classification: 2 } }];
    const data = [1.1, 3.3, 0.5, 2.4];

    const { json } = await serve(model, { inputs: [{ ...row, data }], outputs });

    expect(json.outputs).toEqual([{ name: 'scores', shape: [1, 2], datatype: 'BYTES', data: ['3.3:1:b', '2.4:3:d'] }]);
  });

  test('takes the first of equal values first, and no more than there are', async () => {
    const outputs = [{ name: 'scores', parameters: { classification: 9 } }];

    const { json } = await serve(model, { inputs: [{ ...row, data: [1, 2, 2, 0] }], outputs });

    expect(json.outputs[0]?.data).toEqual(['2:1:b', '2:2:c', '1:0:a', '0:3:d']);
  });
});
