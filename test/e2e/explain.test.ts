/** Explanations over HTTP: of a table and of images, within predictions, counted, and refused by name. */
import { inflateSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { steady, useTenon } from './tenon.ts';

const tenon = useTenon();

interface Row {
  readonly method: string;
  readonly reason: string;
  readonly target: unknown;
  readonly base_value: number;
  readonly output: number;
  readonly attributions: Record<string, number>;
  readonly completeness: { sum: number; expected: number; residual: number; tolerance: number; passed: boolean };
}

beforeAll(async () => {
  const rows = Array.from({ length: 60 }, (_, i) => {
    const [area, district] = [40 + ((i * 37) % 80), ['east', 'west'][i % 2]!];
    return `${area},${district},${3 * area + (district === 'west' ? 50 : 0)}`;
  });
  const dataset = await tenon.dataset({
    name: 'flats',
    format: 'csv',
    csv: `area,district,price\n${rows.join('\n')}\n`,
  });
  const job = await tenon.job({
    name: 'flats',
    task: 'regression',
    family: 'linear_regression',
    dataset: dataset['id'],
    target: 'price',
    validation: { fraction: 0 },
  });
  if (job['status'] !== 'succeeded') throw new Error(JSON.stringify(job));
});

async function explain(body: object): Promise<Row[]> {
  const answer = await tenon.request('POST', '/v1/models/flats:explain', { body });
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
  return answer.body['explanations'] as Row[];
}

async function used(): Promise<number> {
  const limits = await tenon.request('GET', '/v1/limits');
  const list = limits.body['data'] as { name: string; used: number }[];
  return list.find(({ name }) => name === 'predictions_per_month')!.used;
}

describe('POST /v1/models/{ref}:explain', () => {
  it('chooses the closed form for a linear model, says why, and adds up', async () => {
    const [row] = await explain({ instances: [{ area: 100, district: 'west' }] });
    const meanArea =
      Array.from({ length: 60 }, (_, i) => 40 + ((i * 37) % 80)).reduce((sum, area) => sum + area, 0) / 60;

    expect(row).toMatchObject({ method: 'linear_shap', reason: expect.stringContaining('linear'), target: 'price' });
    expect(row!.attributions['area']).toBeCloseTo(3 * (100 - meanArea), 6);
    expect(row!.attributions['district']).toBeCloseTo(25, 6);
    expect(row!.output).toBeCloseTo(350, 6);
    expect(row!.completeness.passed).toBe(true);
    expect(row!.completeness.sum).toBeCloseTo(row!.output - row!.base_value, 9);
  });

  it('asks every coalition against the sample kept at training, or against rows that are given', async () => {
    const background = [{ area: 40, district: 'east' }];
    const [kept] = await explain({ instances: [{ area: 100, district: 'west' }], method: 'exact_shap' });
    const [given] = await explain({ instances: [{ area: 100, district: 'west' }], method: 'exact_shap', background });

    expect(kept!.completeness.passed).toBe(true);
    expect(given!.attributions['area']).toBeCloseTo(180, 6);
    expect(given!.attributions['district']).toBeCloseTo(50, 6);
    expect(given!.base_value).toBeCloseTo(120, 6);
  });

  it('counts the passes through the model as predictions', async () => {
    const before = await steady(used);
    const background = [
      { area: 40, district: 'east' },
      { area: 60, district: 'west' },
    ];
    await explain({ instances: [{ area: 100, district: 'west' }], method: 'exact_shap', background });

    // One pass to know the output, and four coalitions with two rows each.
    expect((await steady(used)) - before).toBe(9);
  });

  it('stands beside a prediction that asks for it', async () => {
    const answer = await tenon.request('POST', '/v1/models/flats:predict', {
      body: { instances: [{ area: 100, district: 'west' }], explain: true },
    });

    expect(answer.status).toBe(200);
    expect((answer.body['predictions'] as number[])[0]).toBeCloseTo(350, 6);
    expect(answer.body['explanations']).toMatchObject([{ method: 'linear_shap', completeness: { passed: true } }]);
  });

  it('is a picture by Accept', async () => {
    const answer = await fetch(`${tenon.cloud.apiUrl}/v1/models/flats:explain`, {
      method: 'POST',
      headers: { 'x-api-key': tenon.key('a'), 'content-type': 'application/json', accept: 'image/svg+xml' },
      body: JSON.stringify({ instances: [{ area: 100, district: 'west' }] }),
    });

    expect(answer.status).toBe(200);
    expect(await answer.text()).toMatch(/^<svg .*linear_shap.*district/);
  });

  it('shows in the model card what the model lives on', async () => {
    const card = await tenon.request('GET', '/v1/models/flats/versions/1/card');

    expect(card.body['overview']).toMatchObject({
      rows: { from: 'training', count: 60 },
      measure: 'negative_rmse',
      importance: [{ feature: 'area' }, { feature: 'district' }],
      left_out: [],
    });
  });

  it('is a PNG of an image, whole after its way through the gateway, and not of a table', async () => {
    const pictures = Array.from({ length: 40 }, (_, i) => ({
      picture: Array.from({ length: 6 }, () =>
        Array.from({ length: 6 }, (__, x) => (x < 3 === (i % 2 === 0) ? 200 : 10) + (i % 5)),
      ),
      side: i % 2,
    }));
    const dataset = await tenon.dataset({ name: 'pictures', format: 'jsonl', rows: pictures });
    const layers = [
      { conv2d: { filters: 4, kernel_size: [3, 3], activation: 'relu' } },
      'flatten',
      { dense: { units: 2, activation: 'softmax' } },
    ];
    const job = await tenon.job({
      name: 'sides',
      task: 'classification',
      family: 'cnn',
      dataset: dataset['id'],
      target: 'side',
      params: { layers, epochs: 2 },
    });
    const ask = (model: string, instance: object, accept: string) =>
      fetch(`${tenon.cloud.apiUrl}/v1/models/${model}:explain`, {
        method: 'POST',
        headers: { 'x-api-key': tenon.key('a'), 'content-type': 'application/json', accept },
        body: JSON.stringify({ instances: [instance] }),
      });

    const answer = await ask('sides', { picture: pictures[0]!.picture }, 'image/png');
    const bytes = Buffer.from(await answer.arrayBuffer());
    const refused = await ask('flats', { area: 100, district: 'west' }, 'image/png');

    expect(job['status']).toBe('succeeded');
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'image/png']);
    expect(bytes.subarray(0, 8)).toEqual(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]));
    // 6 pixels at 37 times their size, and the chunk that ends the file.
    expect([bytes.readUInt32BE(16), bytes.readUInt32BE(20)]).toEqual([222, 222]);
    expect(bytes.subarray(-12, -4).toString('latin1')).toBe('\0\0\0\0IEND');
    const length = bytes.readUInt32BE(33);
    expect(inflateSync(bytes.subarray(41, 41 + length))).toHaveLength(222 * (1 + 3 * 222));
    expect(refused.status).toBe(400);
  });

  it('says which field is wrong', async () => {
    const instances = [{ area: 100, district: 'west' }];
    const cases: [object, string][] = [
      [{ instances, method: 'grad_cam' }, '/method'],
      [{ instances, method: 'magic' }, '/method'],
      [{ instances, max_seconds: 0 }, '/max_seconds'],
      [{ instances, steps: 0 }, '/steps'],
      [{ instances, step: 2 }, '/step'],
      [{ instances, method: 'counterfactual' }, '/method'],
      [{ instances, method: 'integrated_gradients', baseline: 'nothing' }, '/baseline/0'],
      [{ instances, method: 'integrated_gradients', baseline: 'padding' }, '/baseline'],
      [{ instances: [] }, '/instances'],
      [{ instances, target: 'rent' }, '/target'],
      [{ instances, method: 'exact_shap', background: [{ area: 'wide', district: 'west' }] }, '/background/0/area'],
      [{ instances: [{ area: 'wide', district: 'west' }] }, '/instances/0/area'],
      [{ instances, method: 'integrated_gradients', baseline: { area: 1 } }, '/baseline/0'],
    ];
    for (const [body, param] of cases) {
      const answer = await tenon.request('POST', '/v1/models/flats:explain', { body });

      expect([answer.status, answer.body['param']]).toEqual([400, param]);
    }
  });
});
