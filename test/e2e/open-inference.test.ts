/** Open Inference Protocol v2 over HTTPS: a trained model by its own tensors, as JSON and as bytes through the gateway. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { steady, useTenon } from './tenon.ts';

const tenon = useTenon();

const CSV = `length,kind,y\n${Array.from({ length: 40 }, (_, i) => `${i},${i % 2 === 0 ? 'even' : 'ödd'},${i < 20 ? 'low' : 'high'}`).join('\n')}\n`;

const inputs = [
  { name: 'length', shape: [2, 1], datatype: 'FP64', data: [1, 39] },
  { name: 'kind', shape: [2, 1], datatype: 'BYTES', data: ['even', 'ödd'] },
];

beforeAll(async () => {
  const { id } = await tenon.dataset({ name: 'halves', format: 'csv', csv: CSV });
  const body = {
    name: 'halves',
    task: 'classification',
    family: 'logistic_regression',
    dataset: id,
    target: 'y',
    params: { C: 100 },
  };
  await tenon.job(body);
  await tenon.job(body);
  await tenon.request('PUT', '/v1/models/halves/aliases/live', { body: { version: 1 } });
});

async function post(path: string, body: Buffer, headers: Record<string, string>): Promise<Response> {
  return fetch(tenon.cloud.apiUrl + path, {
    method: 'POST',
    body: new Uint8Array(body),
    headers: { 'x-api-key': tenon.key('a'), ...headers },
  });
}

describe('the server', () => {
  it('says what it is and that it is ready, without a key', async () => {
    const [metadata, live, ready] = await Promise.all(
      ['/v2', '/v2/health/live', '/v2/health/ready'].map((path) => tenon.request('GET', path, { key: null })),
    );

    expect(metadata?.body).toEqual({
      name: 'tenon',
      version: '1',
      extensions: ['binary_tensor_data', 'classification', 'model_repository'],
    });
    expect(live?.body).toEqual({ live: true });
    expect(ready?.body).toEqual({ live: true, ready: true });
  });

  it('lists every version of every model', async () => {
    const index = await tenon.request('POST', '/v2/repository/index', { body: { ready: true } });

    expect(index.body).toEqual(['1', '2'].map((version) => ({ name: 'halves', version, state: 'READY', reason: '' })));
  });
});

describe('a model', () => {
  it.each(['halves', 'halves@live', 'halves:1', 'halves%40live', 'halves/versions/2'])(
    'shows its tensors and is ready as %s',
    async (ref) => {
      const metadata = await tenon.request('GET', `/v2/models/${ref}`);
      const ready = await tenon.request('GET', `/v2/models/${ref}/ready`);

      expect(metadata.body).toEqual({
        name: 'halves',
        versions: ['1', '2'],
        platform: 'onnx_onnxv1',
        inputs: [
          { name: 'length', datatype: 'FP64', shape: [-1, 1] },
          { name: 'kind', datatype: 'BYTES', shape: [-1, 1] },
        ],
        outputs: [
          { name: 'label', datatype: 'BYTES', shape: [-1] },
          { name: 'probabilities', datatype: expect.stringMatching(/^FP(32|64)$/), shape: [-1, 2] },
        ],
      });
      expect(ready.body).toEqual({ name: 'halves', ready: true });
    },
  );

  it('is loaded before its first request, and dropped', async () => {
    const loaded = await tenon.request('POST', '/v2/repository/models/halves/load', { body: {} });
    const dropped = await tenon.request('POST', '/v2/repository/models/halves/unload', { body: {} });
    const after = await tenon.request('POST', '/v2/models/halves/infer', { body: { inputs } });

    expect([loaded.status, dropped.status, after.status]).toEqual([200, 200, 200]);
  });
});

describe('an inference', () => {
  it('in JSON agrees with the predictions of the other API', async () => {
    const infer = await tenon.request('POST', '/v2/models/halves/versions/1/infer', { body: { id: 'a1', inputs } });
    const predict = await tenon.request('POST', '/v1/models/halves:1:predict', {
      body: { instances: [{ length: 1, kind: 'even' }, { length: 39, kind: 'ödd' }] }, // prettier-ignore
    });

    expect(infer.body).toMatchObject({ id: 'a1', model_name: 'halves', model_version: '1' });
    const [label, probabilities] = infer.body['outputs'] as { data: unknown[] }[];
    const expected = predict.body['predictions'] as { label: string; probabilities: Record<string, number> }[];
    expect(label?.data).toEqual(['low', 'high']);
    expect(label?.data).toEqual(expected.map((one) => one.label));
    expect(probabilities?.data).toEqual(expected.flatMap((one) => Object.values(one.probabilities)));
  });

  it('in bytes goes through the gateway both ways', async () => {
    const texts = ['even', 'ödd'].map((text) => Buffer.from(text));
    const kind = Buffer.concat(texts.flatMap((text) => [Buffer.from([text.length, 0, 0, 0]), text]));
    const length = Buffer.from(Float64Array.of(1, 39).buffer);
    const json = Buffer.from(
      JSON.stringify({
        parameters: { binary_data_output: true },
        inputs: [
          { name: 'length', shape: [2, 1], datatype: 'FP64', parameters: { binary_data_size: length.length } },
          { name: 'kind', shape: [2, 1], datatype: 'BYTES', parameters: { binary_data_size: kind.length } },
        ],
        outputs: [{ name: 'label' }],
      }),
    );

    const response = await post('/v2/models/halves@live/infer', Buffer.concat([json, length, kind]), {
      'content-type': 'application/octet-stream',
      accept: 'application/octet-stream',
      'inference-header-content-length': String(json.length),
    });

    const body = Buffer.from(await response.arrayBuffer());
    const start = Number(response.headers.get('inference-header-content-length'));
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    expect(JSON.parse(body.toString('utf8', 0, start))).toEqual({
      model_name: 'halves',
      model_version: '1',
      outputs: [{ name: 'label', shape: [2], datatype: 'BYTES', parameters: { binary_data_size: 15 } }],
    });
    expect(body.subarray(start)).toEqual(Buffer.from('\x03\0\0\0low\x04\0\0\0high', 'latin1'));
  });

  it('is counted like every prediction: its rows, where it was served', async () => {
    const counted = async (): Promise<number> => {
      const { body } = await tenon.request('GET', '/v1/usage?group_by=model');
      return (body['data'] as { predictions: number }[]).reduce((sum, { predictions }) => sum + predictions, 0);
    };
    const infer = (sent: object) => tenon.request('POST', '/v2/models/halves/infer', { body: { inputs: sent } });
    const three = [inputs[0], inputs[1]].map((input) => ({
      ...input,
      shape: [3, 1],
      data: [...input!.data, input!.data[0]],
    }));
    const before = await steady(counted);

    await infer([inputs[0]!]);
    await infer(three);

    expect((await steady(counted)) - before).toBe(3);
  });

  it.each<[string, string, object, number, RegExp]>([
    ['an unknown model', 'nothing', { inputs }, 404, /no model "nothing"/],
    ['an unknown version', 'halves/versions/7', { inputs }, 404, /no model "halves:7"/],
    ['a version that is no number', 'halves/versions/v1', { inputs }, 404, /no model "halves:v1"/],
    ['two versions', 'halves:1/versions/2', { inputs }, 400, /send one of them/],
    ['a missing input', 'halves', { inputs: [inputs[0]] }, 400, /inputs "kind" are missing/],
    ['another shape', 'halves', { inputs: [{ ...inputs[0], shape: [2] }, inputs[1]] }, 422, /expected \[.*, 1\]/],
    [
      'batches of two sizes',
      'halves',
      { inputs: [inputs[0], { ...inputs[1], shape: [1, 1], data: ['even'] }] },
      422,
      /batch=2/,
    ],
    ['no inputs', 'halves', {}, 400, /\/inputs/],
  ])('of %s is refused in the words of the protocol', async (_, model, body, status, message) => {
    const answer = await tenon.request('POST', `/v2/models/${model}/infer`, { body });

    expect(answer.status).toBe(status);
    expect(answer.body).toEqual({ error: expect.stringMatching(message) });
    expect(answer.headers.get('content-type')).toBe('application/json');
  });
});
