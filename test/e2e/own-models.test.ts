/** A tenant's own ONNX model over HTTPS: upload, checks, trial run, then served like any other. */
import { describe, expect, it } from '@jest/globals';
import { createSession } from '../../shared/runtime/session.ts';
import { tensor } from '../../shared/tensor/tensor.ts';
import { HOSTILE } from '../conformance/onnx-lint/hostile-models.ts';
import { realModel } from '../real-models.ts';
import { slowRows, turningModel } from '../slow-model.ts';
import { useTenon } from './tenon.ts';

const tenon = useTenon();

/** Uploads the bytes under a name and waits for the checks. */
async function upload(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<Record<string, unknown>> {
  const made = await tenon.request('POST', '/v1/models', { body: { name } });
  const { method, url, headers } = made.body['upload'] as {
    method: string;
    url: string;
    headers: Record<string, string>;
  };
  const put = await fetch(url, { method, headers, body: bytes });
  const path = `/v1/models/${name}/versions/${String(made.body['version'])}`;
  const completed = await tenon.request('POST', `${path}/complete`, { body: {} });
  expect([made.status, put.status, completed.status]).toEqual([201, 200, 202]);
  expect(made.body).toMatchObject({
    object: 'model.version',
    status: 'awaiting_upload',
    id: `${name}:${String(made.body['version'])}`,
  });
  return tenon.settled(path, ['ready', 'refused']);
}

interface Answer {
  outputs: { name: string; shape: number[]; data: number[] }[];
}

describe('Silero VAD', () => {
  /** 440 Hz and its overtones under noise, in frames of 512 samples at 16 kHz. */
  const frames = Array.from({ length: 3 }, (_, frame) =>
    Float32Array.from({ length: 512 }, (_, i) => {
      const t = (frame * 512 + i) / 16_000;
      return 0.3 * Math.sin(2 * Math.PI * 180 * t) + 0.2 * Math.sin(2 * Math.PI * 540 * t) + 0.05 * Math.sin(7919 * i);
    }),
  );

  it('is checked, tried and served, its state handed from call to call', async () => {
    const version = await upload('voices', realModel('silero'));
    const session = await createSession(realModel('silero'), { threads: 1 });
    let state = { shape: [2, 1, 128], data: Array.from(new Float32Array(256)) };
    let expected = new Float32Array(256);
    const served: number[] = [];
    const direct: number[] = [];
    for (const frame of frames) {
      const answer = await tenon.request('POST', '/v2/models/voices/infer', {
        body: {
          inputs: [
            { name: 'input', shape: [1, 512], datatype: 'FP32', data: [...frame] },
            { name: 'state', shape: [2, 1, 128], datatype: 'FP32', data: state.data },
            { name: 'sr', shape: [], datatype: 'INT64', data: [16_000] },
          ],
        },
      });
      const { outputs } = answer.body as unknown as Answer;
      state = outputs.find(({ name }) => name === 'stateN')!;
      served.push(outputs.find(({ name }) => name === 'output')!.data[0]!);
      const results = await session.run({
        input: tensor('float32', [1, 512], frame),
        state: tensor('float32', [2, 1, 128], expected),
        sr: tensor('int64', [], BigInt64Array.of(16_000n)),
      });
      expected = results['stateN']!.data as Float32Array<ArrayBuffer>;
      direct.push((results['output']!.data as Float32Array)[0]!);
    }
    await session.release();

    expect(version).toMatchObject({
      status: 'ready',
      family: 'onnx',
      bytes: 2_327_524,
      lint: { findings: [], trial: { status: 'ran' } },
    });
    expect(version['sha256']).toMatch(/^[0-9a-f]{64}$/);
    expect(state.shape).toEqual([2, 1, 128]);
    served.forEach((p, i) => expect(p).toBeCloseTo(direct[i]!, 5));
    expect(new Set(served).size).toBe(3);
  });

  it('has metadata, an artifact and aliases, no card, and no explanations because its rows cannot be put together', async () => {
    const metadata = await tenon.request('GET', '/v2/models/voices');
    const artifact = await tenon.request('GET', '/v1/models/voices/versions/1/artifact');
    const alias = await tenon.request('PUT', '/v1/models/voices/aliases/live', { body: { version: 1 } });
    const card = await tenon.request('GET', '/v1/models/voices/versions/1/card');
    const explained = await tenon.request('POST', '/v1/models/voices:explain', { body: { instances: [{}] } });
    const predicted = await tenon.request('POST', '/v1/models/voices:predict', { body: { instances: [{}] } });

    expect(metadata.body).toMatchObject({
      versions: ['1'],
      inputs: [{ name: 'input' }, { name: 'state' }, { name: 'sr', shape: [] }],
    });
    expect(artifact.body).toMatchObject({ bytes: 2_327_524 });
    expect(alias.body).toMatchObject({ latest_version: 1, aliases: { latest: 1, live: 1 } });
    expect(card.status).toBe(404);
    expect([explained.status, explained.body['code']]).toEqual([400, 'invalid_request']);
    expect(predicted.body['detail']).toContain('has no batch axis in its first place');
  });
});

describe("PaddleOCR's direction classifier", () => {
  it('predicts whole instances', async () => {
    await upload('direction', realModel('ocr-direction'));
    const picture = (shade: number) =>
      Array.from({ length: 3 }, () =>
        Array.from({ length: 48 }, (_, y) => Array.from({ length: 192 }, (_, x) => ((x + y) % 7 < 3 ? shade : -0.5))),
      );

    const both = await tenon.request('POST', '/v1/models/direction:predict', {
      body: { instances: [picture(0.5), { x: picture(0.9) }] },
    });
    const wrong = await tenon.request('POST', '/v1/models/direction:predict', { body: { instances: [{ y: 1 }] } });

    const session = await createSession(realModel('ocr-direction'), { threads: 1 });
    const input = tensor('float32', [1, 3, 48, 192], Float32Array.from(picture(0.9).flat(2)));
    const { 'softmax_0.tmp_0': direct } = await session.run({ x: input });
    await session.release();
    const [, second] = both.body['predictions'] as number[][];
    expect(both.status).toBe(200);
    expect(second).toHaveLength(2);
    second!.forEach((p, i) => expect(p).toBeCloseTo((direct!.data as Float32Array)[i]!, 4));
    expect([wrong.status, wrong.body['param']]).toEqual([400, '/instances/0']);
  });

  it('is explained by the gradients of its own operators, and says whether they add up in the time', async () => {
    const instances = [
      Array.from({ length: 3 }, () =>
        Array.from({ length: 16 }, (_, y) => Array.from({ length: 32 }, (__, x) => ((x + y) % 7) / 7)),
      ),
    ];
    const explain = (body: object) =>
      tenon.request('POST', '/v1/models/direction:explain', { body: { instances, ...body } });

    const line = await explain({ steps: 8, max_seconds: 1 });
    const map = await explain({ method: 'grad_cam' });
    const none = await explain({ method: 'kernel_shap' });

    const [row] = line.body['explanations'] as { attributions: number[][][]; completeness: object; baseline: string }[];
    expect(row).toMatchObject({
      explains: 'log_odds',
      baseline: 'zeros',
      completeness: { passed: expect.any(Boolean) },
    });
    expect([row!.attributions.length, row!.attributions[0]!.length, row!.attributions[0]![0]!.length]).toEqual([
      3, 16, 32,
    ]);
    expect(map.status).toBe(200);
    expect([none.status, none.body['param']]).toEqual([400, '/background']);
  });
});

describe('a hostile upload', () => {
  it.each(['weights in /etc/passwd', 'a cycle', 'a picture'])(
    'of %s is refused with its reason and never served',
    async (what) => {
      const [, check, bytes] = HOSTILE.find(([name]) => name === what)!;

      const version = await upload('hostile', new Uint8Array(bytes()));
      const answer = await tenon.request('POST', `/v2/models/hostile/versions/${String(version['version'])}/infer`, {
        body: { inputs: [] },
      });

      const { findings } = version['lint'] as { findings: { check: string }[] };
      expect(version['status']).toBe('refused');
      expect(findings.map((finding) => finding.check)).toContain(check);
      expect(answer.status).toBe(409);
      expect(answer.body['error']).toContain('was refused');
    },
  );

  it('leaves other models as they were, and goes with its name', async () => {
    const fine = await tenon.request('GET', '/v2/models/direction/ready');
    const latest = await tenon.request('POST', '/v2/models/hostile/infer', { body: { inputs: [] } });
    const deleted = await tenon.request('DELETE', '/v1/models/hostile');

    expect(fine.body).toEqual({ name: 'direction', ready: true });
    expect(latest.status).toBe(409);
    expect(deleted.status).toBe(200);
  });

  it('that was not uploaded cannot be completed', async () => {
    const made = await tenon.request('POST', '/v1/models', { body: { name: 'later' } });

    const answer = await tenon.request('POST', `/v1/models/${String(made.body['id'])}/complete`, { body: {} });

    expect([answer.status, answer.body['code']]).toEqual([409, 'conflict']);
  });
});

describe('a model whose loops turn as its inputs say', () => {
  const predict = (turns: number, headers: Record<string, string> = {}) =>
    // By its number: a version is ready a moment before it is the latest.
    tenon.request('POST', '/v1/models/turning:1:predict', {
      body: { instances: [{ ...slowRows(1)[0], turns }] },
      headers,
    });

  it('is answered where it is done in time, and else later: its run holds up nobody', async () => {
    expect(await upload('turning', turningModel() as Uint8Array<ArrayBuffer>)).toMatchObject({ status: 'ready' });

    const short = await predict(1_000);
    // Some seconds.
    const long = await predict(3_000_000, { prefer: 'wait=1' });
    const after = await predict(10);
    const place = long.headers.get('location') ?? '';
    const batch = await tenon.settled(place, ['succeeded', 'failed', 'cancelled']);
    const { body: output } = await tenon.request('GET', `${place}/output`);
    const [line = ''] = (await (await fetch(String(output['url']))).text()).split('\n');

    const answer = slowRows(1)[0]!.x;
    expect([short.status, long.status, after.status]).toEqual([200, 202, 200]);
    expect(long.headers.get('preference-applied')).toBe('wait=1');
    expect([short.body['predictions'], after.body['predictions']]).toEqual([[answer], [answer]]);
    expect(batch).toMatchObject({ status: 'succeeded' });
    expect((JSON.parse(line) as { prediction: number[] }).prediction).toEqual(answer);
  });

  it('has the errors of any other', async () => {
    const answer = await tenon.request('POST', '/v1/models/turning:predict', { body: { instances: [{ turns: 3 }] } });

    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ code: 'invalid_request', param: '/instances/0' });
  });
});
