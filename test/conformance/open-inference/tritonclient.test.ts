/** What the Python tritonclient sends, as recorded at a socket (test/fixtures/open-inference), is understood to the last bit. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ROUTES } from '../../../shared/contract.ts';
import { loadPredictor } from '../../../shared/runtime/predictor.ts';
import type { Predictor } from '../../../shared/runtime/predictor.ts';
import { serve } from './serve.ts';
import { typesModel } from './types-model.ts';

interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const { values, requests } = JSON.parse(
  readFileSync(new URL('../../fixtures/open-inference/requests.json', import.meta.url), 'utf8'),
) as { values: Record<string, (string | boolean)[]>; requests: Record<string, Recorded> };

let types: Predictor;
beforeAll(async () => {
  types = await loadPredictor(typesModel(), { threads: 1 });
});
afterAll(() => types.release());

const send = (name: string) => serve(types, Buffer.from(requests[name]!.body, 'base64'), requests[name]!.headers);

/** Reads an element of an output's bytes with DataView, independently of the code under test. */
const READERS: Record<string, (view: DataView, index: number) => unknown> = {
  BOOL: (view, i) => view.getUint8(i) === 1,
  UINT8: (view, i) => view.getUint8(i),
  UINT16: (view, i) => view.getUint16(2 * i, true),
  UINT32: (view, i) => view.getUint32(4 * i, true),
  UINT64: (view, i) => view.getBigUint64(8 * i, true),
  INT8: (view, i) => view.getInt8(i),
  INT16: (view, i) => view.getInt16(2 * i, true),
  INT32: (view, i) => view.getInt32(4 * i, true),
  INT64: (view, i) => view.getBigInt64(8 * i, true),
  FP16: (view, i) => view.getFloat16(2 * i, true),
  FP32: (view, i) => view.getFloat32(4 * i, true),
  FP64: (view, i) => view.getFloat64(8 * i, true),
};

function expectedOf(datatype: string): unknown[] {
  return values[datatype]!.map((value) => {
    if (datatype === 'BOOL' || datatype === 'BYTES') return value;
    return datatype.endsWith('INT64') ? BigInt(value) : Number(value);
  });
}

function textsOf(bytes: Buffer): string[] {
  const texts: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 4 + bytes.readUInt32LE(at);
    texts.push(bytes.toString('utf8', at + 4, end));
    at = end;
  }
  return texts;
}

describe('requests of tritonclient', () => {
  test('with every type as bytes come back as the same bytes', async () => {
    const { json, binary, headers } = await send('all types as bytes, all outputs');

    expect(json.id).toBe('all-binary');
    expect(headers['content-type']).toBe('application/octet-stream');
    let at = 0;
    for (const { name, datatype, shape, parameters, data } of json.outputs) {
      const size = parameters?.binary_data_size ?? -1;
      const bytes = binary.subarray(at, at + size);
      at += size;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const got = datatype === 'BYTES' ? textsOf(bytes) : [0, 1, 2, 3].map((i) => READERS[datatype]!(view, i));
      expect([name, shape, data, got]).toEqual([
        `${datatype.toLowerCase()}_out`,
        [2, 2],
        undefined,
        expectedOf(datatype),
      ]);
    }
    expect(json.outputs).toHaveLength(Object.keys(values).length);
    expect(at).toBe(binary.length);
  });

  test('with every type as JSON come back as JSON, 64-bit integers digit by digit', async () => {
    const { json, text, binary } = await send('all types as JSON');

    expect(json.id).toBe('all-json');
    expect(binary).toHaveLength(0);
    for (const { datatype, data } of json.outputs) {
      if (datatype.endsWith('INT64')) expect(text).toContain(`"data":[${values[datatype]!.join(',')}]`);
      else expect([datatype, data]).toEqual([datatype, expectedOf(datatype)]);
    }
  });

  test('with some tensors as bytes and some as JSON get the outputs they ask for, each as they ask', async () => {
    const { json, text, binary } = await send('some of each');

    expect(json.outputs.map(({ name, parameters }) => [name, parameters?.binary_data_size])).toEqual([
      ['fp16_out', 8],
      ['int64_out', undefined],
      ['bytes_out', binary.length - 8],
    ]);
    expect(text).toContain(`"data":[${values['INT64']!.join(',')}]`);
    expect(textsOf(binary.subarray(8))).toEqual(values['BYTES']);
  });

  test('for classes get "value:index"', async () => {
    const { json } = await send('classes');

    expect(json.outputs).toEqual([
      { name: 'fp32_out', shape: [2, 1], datatype: 'BYTES', data: ['1.1:0', '3.4e+38:0'] },
    ]);
  });

  test.each(Object.keys(requests))('for "%s" have a route', (name) => {
    const { method, path } = requests[name]!;
    const routes = ROUTES.filter(
      (route) => route.method === method && new RegExp(`^${route.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path),
    );

    expect(routes).toHaveLength(1);
  });
});
