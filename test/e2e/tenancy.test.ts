/** Plans, limits, usage, audit and erasure over HTTPS, with plans and prices that an operator set. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { DynamoDBDocumentClient, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, it } from '@jest/globals';
import { invokeAdmin } from '../../scripts/admin-client.ts';
import { steady, useTenon } from './tenon.ts';

const tenon = useTenon();

const LIMITS = {
  requests_per_second: 1_000,
  burst: 1_000,
  predictions_per_month: 5,
  training_seconds_per_month: 600,
  jobs_at_once: 2,
  stored_bytes: 100_000,
  models: 1,
  dataset_bytes: 2_000,
};
const PRICES = {
  training_gb_second_usd: 0.001,
  inference_gb_second_usd: 0,
  request_usd: 0.01,
  prediction_usd: 0.1,
  stored_gb_hour_usd: 5,
};
const CSV = 'x,y\n1,2\n2,4.1\n3,6\n4,7.9\n';
const JOB = { name: 'line', task: 'regression', family: 'linear_regression', target: 'y' };

const admin = (command: object) => invokeAdmin(command, tenon.cloud.lambdaUrl);

/** A tenant of a plan of its own. @returns its key */
async function tenantWith(id: string, limits: object): Promise<string> {
  await admin({ command: 'put-plan', plan: id, limits: { ...LIMITS, ...limits } });
  const made = await admin({ command: 'create', tenant_id: id, plan: id });
  return String(made['api_key']);
}

async function trained(key: string, name = 'line'): Promise<{ dataset: string; job: Record<string, unknown> }> {
  const { id } = await tenon.dataset({ name: 'points', format: 'csv', csv: CSV }, key);
  return { dataset: String(id), job: await tenon.job({ ...JOB, name, dataset: id }, key) };
}

const predict = (key: string, n: number) =>
  tenon.request('POST', '/v1/models/line:predict', { key, body: { instances: Array(n).fill({ x: 1 }) } });

describe('limits', () => {
  it('of requests are told in every answer, and behind them stands 429 with the time to wait', async () => {
    const key = await tenantWith('slow', { requests_per_second: 0.2, burst: 2 });

    const answers = await Promise.all(Array.from({ length: 6 }, () => tenon.request('GET', '/v1/jobs', { key })));
    const [refused] = answers.filter(({ status }) => status === 429);

    expect(answers.filter(({ status }) => status === 200)).toHaveLength(3);
    for (const { headers } of answers) {
      expect(headers.get('ratelimit-policy')).toBe('"requests";q=2;w=10');
      expect(headers.get('ratelimit')).toMatch(/^"requests";r=\d+;t=\d+$/);
    }
    expect(refused?.body).toMatchObject({ code: 'rate_limited', retryable: true });
    expect(Number(refused?.headers.get('retry-after'))).toBe(5);
  });

  it('of predictions, models and bytes hold, and GET /v1/limits shows them', async () => {
    const key = await tenantWith('tight', {});
    const { job } = await trained(key);

    const first = await predict(key, 3);
    const second = await predict(key, 3);
    const third = await predict(key, 2);
    const model = await tenon.request('POST', '/v1/jobs', {
      key,
      body: { ...JOB, name: 'other', dataset: job['dataset'] },
    });
    const large = await tenon.request('POST', '/v1/datasets', {
      key,
      body: { name: 'large', format: 'csv', csv: `x\n${'1\n'.repeat(2_000)}` },
    });
    const body = await steady(async () => (await tenon.request('GET', '/v1/limits', { key })).body);

    expect([first.status, second.status, third.status]).toEqual([200, 429, 200]);
    for (const refused of [second, model, large]) expect(refused.body['code']).toBe('quota_exceeded');
    expect(Number(second.headers.get('retry-after'))).toBeGreaterThan(0);
    const limits = new Map((body['data'] as { name: string }[]).map((limit) => [limit.name, limit]));
    expect(limits.get('predictions_per_month')).toMatchObject({ used: 5, limit: 5, resets_at: expect.any(Number) });
    expect(limits.get('models')).toMatchObject({ used: 1, limit: 1, resets_at: null });
    expect(limits.get('jobs_at_once')).toMatchObject({ used: 0, limit: 2 });
    const version = await tenon.request('GET', '/v1/models/line/versions/1', { key });
    expect(limits.get('stored_bytes')).toMatchObject({ used: CSV.length + Number(version.body['bytes']) });
  });
});

describe("the month's training seconds", () => {
  it('hold while jobs run: they end with a code and with what they have learned, and not a second more is counted', async () => {
    const key = await tenantWith('hasty', { training_seconds_per_month: 8, models: 5, dataset_bytes: 20_000 });
    const waves = Array.from({ length: 400 }, (_, i) => Math.sin(i / 9)).join('\n');
    const { id } = await tenon.dataset({ name: 'waves', format: 'csv', csv: `y\n${waves}\n` }, key);
    const endless = { task: 'forecasting', family: 'rnn', params: { units: 8, window: 8, epochs: 100_000 } };
    const body = { ...endless, dataset: id, target: 'y' };

    const jobs = await Promise.all(['first', 'second'].map((name) => tenon.job({ ...body, name }, key)));
    const another = await tenon.request('POST', '/v1/jobs', { key, body: { ...body, name: 'third' } });
    const estimate = await tenon.request('POST', '/v1/jobs/estimate', { key, body: { ...body, name: 'third' } });
    const { body: limits } = await tenon.request('GET', '/v1/limits', { key });

    for (const job of jobs) {
      expect(job).toMatchObject({ status: 'failed', error: { code: 'quota_exceeded', phase: 'train' } });
      expect(job['model']).toMatchObject({ version: 1 });
    }
    const seconds = jobs.map(({ usage }) => (usage as { seconds: number }).seconds);
    expect(seconds[0]! + seconds[1]!).toBeLessThanOrEqual(8);
    expect(seconds[0]! + seconds[1]!).toBeGreaterThan(4);
    const used = (limits['data'] as Record<string, unknown>[]).find(
      ({ id: name }) => name === 'training_seconds_per_month',
    );
    expect(used).toMatchObject({ used: 8, limit: 8 });
    for (const refused of [another, estimate]) expect(refused.body['code']).toBe('quota_exceeded');
  });
});

type UsageRow = Record<'requests' | 'predictions' | 'usd' | 'stored_gb_hours', number>;
const rowsOf = (body: Readonly<Record<string, unknown>>) => body['data'] as UsageRow[];

describe('usage', () => {
  it('is the same bill by day, model and key, at the price that the operator set', async () => {
    const key = await tenantWith('paying', { predictions_per_month: 1_000, models: 5 });
    await admin({ command: 'set-prices', prices: PRICES });
    const second = await admin({ command: 'create-key', tenant_id: 'paying' });
    const { job } = await trained(key);
    await predict(key, 3);
    await predict(String(second['api_key']), 4);

    const usageBy = async (by: string) => (await tenon.request('GET', `/v1/usage?group_by=${by}`, { key })).body;
    await steady(async () => rowsOf(await usageBy('model')).map(({ predictions }) => predictions));
    const reports = await Promise.all(['day', 'model', 'key'].map(usageBy));
    const operators = await admin({ command: 'usage', tenant_id: 'paying' });

    const bills = [...reports, operators].map((body) => {
      const rows = rowsOf(body);
      const sum = (field: 'requests' | 'predictions' | 'usd'): number =>
        rows.reduce((total, row) => total + row[field], 0);
      expect(rows.some((row) => row.stored_gb_hours > 0)).toBe(true);
      return [sum('requests'), sum('predictions'), sum('usd')] as const;
    });
    const { usd, gb_seconds: gbSeconds, price_version: version } = job['usage'] as Record<string, number>;
    expect(version).toBe(1);
    expect(usd).toBeCloseTo(gbSeconds! * PRICES.training_gb_second_usd, 5);
    for (const [requests, predictions, total] of bills) {
      expect([requests, predictions]).toEqual([2, 7]);
      // Storage of a few hundred bytes for some seconds costs less than a thousandth of a cent.
      expect(total).toBeCloseTo(2 * PRICES.request_usd + 7 * PRICES.prediction_usd + usd!, 5);
    }
  });
});

describe('the audit log', () => {
  it('says who changed what, also what was refused, and its chain is whole', async () => {
    const key = await tenantWith('watched', {});
    await tenon.dataset({ name: 'points', format: 'csv', csv: CSV }, key);
    await tenon.request('DELETE', '/v1/models/nothing', { key });
    await tenon.request('GET', '/v1/datasets', { key });

    const { body } = await tenon.request('GET', '/v1/audit?limit=100', { key });
    const verified = await tenon.request('GET', '/v1/audit/verify', { key });

    const entries = body['data'] as Record<string, unknown>[];
    expect(entries.map(({ action, outcome }) => [action, outcome])).toEqual([
      ['create', 'started'],
      ['create', 'succeeded'],
      ['createDataset', 'started'],
      ['createDataset', 'succeeded'],
      ['deleteModel', 'started'],
      ['deleteModel', 'not_found'],
    ]);
    expect(entries[0]).toMatchObject({ actor: 'operator' });
    expect(entries[3]).toMatchObject({
      actor: expect.stringMatching(/^key_/),
      resource: expect.stringMatching(/^ds_/),
    });
    expect(entries[5]).toMatchObject({ target: 'DELETE /v1/models/nothing' });
    expect(verified.body).toMatchObject({ valid: true, entries: 6 });
  });
});

describe('an erasure', () => {
  it('needs the id of the tenant, takes everything, and says what it took', async () => {
    const key = await tenantWith('leaver', { models: 5 });
    const { dataset, job } = await trained(key, 'private-model');
    await tenon.request('POST', '/v1/models/private-model:predict', { key, body: { instances: [{ x: 1 }] } });
    const headers = { 'idempotency-key': 'again' };
    await tenon.request('POST', '/v1/datasets', { key, headers, body: { name: 'later', format: 'csv' } });

    const wrong = await tenon.request('DELETE', '/v1/data', { key, body: { confirm: 'tenant-a' } });
    const erased = await tenon.request('DELETE', '/v1/data', { key, body: { confirm: 'leaver' } });
    const model = await tenon.request('GET', '/v1/models/private-model', { key });
    const audit = await tenon.request('GET', '/v1/audit/verify', { key });

    expect([wrong.status, wrong.body['param']]).toEqual([400, '/confirm']);
    expect(erased.status).toBe(200);
    expect(erased.body).toMatchObject({ object: 'erasure', tenant_id: 'leaver', status: 'done' });
    expect(erased.body['destroyed']).toMatchObject({
      datasets: expect.arrayContaining([dataset]),
      jobs: [job['id']],
      models: ['private-model'],
      model_versions: ['private-model:1'],
      idempotency_keys: 1,
    });
    expect(model.status).toBe(404);
    expect(audit.body).toMatchObject({ valid: true });
    expect(await whatIsLeftOf('leaver')).toEqual({ objects: [], names: [] });
    // The environment that has the model in its memory learns of it within 5 s.
    const path = '/v1/models/private-model:1:predict';
    while ((await tenon.request('POST', path, { key, body: { instances: [{ x: 1 }] } })).status === 200)
      await new Promise((resolve) => setTimeout(resolve, 200));
  });

  it('of a dataset alone names the versions that learned from it', async () => {
    const key = await tenantWith('partial', {});
    const { dataset } = await trained(key);

    const deleted = await tenon.request('DELETE', `/v1/datasets/${dataset}`, { key });

    expect(deleted.body).toMatchObject({ deleted: true, trained_model_versions: ['line:1'] });
  });
});

/** Objects of the tenant, and items of its partitions that name something it made. */
async function whatIsLeftOf(tenant: string): Promise<{ objects: string[]; names: unknown[] }> {
  const { awsUrl: endpoint, operatorCredentials: credentials, model } = tenon.cloud;
  const config = { endpoint, region: 'us-east-1', credentials };
  const s3 = new S3Client({ ...config, forcePathStyle: true });
  const dynamo = DynamoDBDocumentClient.from(new DynamoDBClient(config));
  const objects: string[] = [];
  for (const { name } of model.buckets) {
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: name, Prefix: `tenants/${tenant}/` }));
    objects.push(...Contents.map(({ Key }) => Key ?? ''));
  }
  const items: Record<string, unknown>[] = [];
  for (const { name: TableName } of model.tables) {
    const { Items = [] } = await dynamo.send(new ScanCommand({ TableName }));
    items.push(...Items.filter(({ pk }) => String(pk).startsWith(`TENANT#${tenant}`)));
  }
  // Kept: counters without names, amounts of usage without names, the receipt, and keys of the tenant itself.
  const names = items.filter(
    (item) =>
      /private-model|ds_[0-9a-z]{26}|"key":"key_/.test(JSON.stringify(item)) ||
      /#(JOB|MODEL|IDEMPOTENCY)/.test(String(item['pk'])),
  );
  s3.destroy();
  return { objects, names };
}
