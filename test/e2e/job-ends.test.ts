/** What is known of a job before it begins and told when it ends: estimates, webhooks, and segments that always crash. */
import { createHmac } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { describe, expect, it } from '@jest/globals';
import { systemClock } from '../../shared/clock.ts';
import { Catalog } from '../../shared/stores/catalog.ts';
import { newId } from '../../shared/tenancy/ids.ts';
import { useTenon } from './tenon.ts';

const tenon = useTenon();

const ROWS = Array.from({ length: 400 }, (_, i) => `${i % 20},${(i * 7) % 31},${(i % 20) * 2 - ((i * 7) % 31)}`);
const CSV = `a,b,y\n${ROWS.join('\n')}\n`;

async function regression(rest: object = {}) {
  const { body } = await tenon.request('GET', '/v1/datasets');
  const [known] = body['data'] as { id: string }[];
  const dataset = known ?? (await tenon.dataset({ name: 'plane', format: 'csv', csv: CSV }));
  return {
    name: 'plane',
    task: 'regression',
    family: 'linear_regression',
    dataset: (dataset as { id: string }).id,
    target: 'y',
    ...rest,
  };
}

describe('an estimate', () => {
  it('says what the job will take, from a start of its own, and what the limits say to it', async () => {
    const task = { task: 'forecasting', family: 'rnn', params: { units: 8, window: 8, epochs: 200 } };
    const body = await regression({ name: 'series', ...task });

    const answer = await tenon.request('POST', '/v1/jobs/estimate', { body });
    const job = await tenon.job(body);
    const tight = await tenon.request('POST', '/v1/jobs/estimate', { body: { ...body, budget: { max_seconds: 1 } } });

    const estimated = answer.body['seconds'] as number;
    const { seconds } = job['usage'] as { seconds: number };
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ object: 'job.estimate', limits_ok: true });
    // The factor is 2 on a machine of one's own (test/slow); tests run beside one another.
    expect(Math.max(estimated / seconds, seconds / estimated)).toBeLessThan(3);
    expect(tight.body).toMatchObject({ limits_ok: false });
    expect((tight.body['notes'] as string[])[0]).toContain('budget of 1 s');
  });

  it('of a job that would be refused is refused in the same words', async () => {
    const body = await regression({ target: 'z' });

    const [estimate, job] = [
      await tenon.request('POST', '/v1/jobs/estimate', { body }),
      await tenon.request('POST', '/v1/jobs', { body }),
    ];

    expect(estimate.status).toBe(400);
    expect(estimate.body['detail']).toBe(job.body['detail']);
  });
});

describe('a webhook', () => {
  it('is told of the end of a job, again when it fails, and what it gets is signed', async () => {
    const got: { headers: IncomingHttpHeaders; body: string }[] = [];
    const server = createServer((request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => (text += chunk.toString()));
      request.on('end', () => {
        got.push({ headers: request.headers, body: text });
        response.writeHead(got.length === 1 ? 503 : 204).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
    const { body: secret } = await tenon.request('GET', '/v1/webhooks/secret');

    const made = await tenon.request('POST', '/v1/jobs', { body: await regression({ webhook: { url } }) });
    const path = `/v1/jobs/${String(made.body['id'])}`;
    for (let delivery; delivery !== 'delivered'; await new Promise((resolve) => setTimeout(resolve, 200)))
      delivery = ((await tenon.request('GET', path)).body['webhook_delivery'] as { status: string } | undefined)
        ?.status;
    server.close();

    const [first, second] = got as [(typeof got)[0], (typeof got)[0]];
    const key = Buffer.from(String(secret['secret']).replace('whsec_', ''), 'base64');
    const { 'webhook-id': id, 'webhook-timestamp': timestamp } = second.headers;
    const hmac = createHmac('sha256', key)
      .update(`${String(id)}.${String(timestamp)}.${second.body}`)
      .digest('base64');
    expect(second.headers['webhook-signature']).toBe(`v1,${hmac}`);
    expect(first.headers['webhook-id']).toBe(id);
    expect(first.body).toBe(second.body);
    expect(JSON.parse(second.body)).toMatchObject({
      type: 'job.succeeded',
      data: { id: made.body['id'], model: { name: 'plane' } },
    });
  });

  it('cannot be within the service’s own network', async () => {
    const answer = await tenon.request('POST', '/v1/jobs', {
      body: await regression({ webhook: { url: 'https://169.254.169.254/latest/meta-data' } }),
    });

    expect([answer.status, answer.body['param']]).toEqual([400, '/webhook/url']);
  });
});

/** Processes of the training function of this cloud. */
function fitProcesses(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
        return environment.includes(tenon.dataDir) && /AWS_LAMBDA_FUNCTION_NAME=[^\0]*[Ff]it/.test(environment);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** What a request leaves that dies between writing what it makes and starting it. */
async function neverStarted(): Promise<{ job: string; batch: string }> {
  const { awsUrl: endpoint, operatorCredentials: credentials, model } = tenon.cloud;
  const dynamo = DynamoDBDocumentClient.from(new DynamoDBClient({ endpoint, region: 'us-east-1', credentials }));
  const table = model.tables.find(({ logicalId }) => logicalId.startsWith('Catalog'))!.name;
  const catalog = new Catalog(dynamo, table, 'tenant-a');
  const made = (await tenon.job(await regression()))['id'] as string;
  const instances = [{ a: 1, b: 2 }];
  const asked = await tenon.request('POST', '/v1/batches', { body: { model: 'plane', instances } });
  const ended = await tenon.settled(`/v1/batches/${String(asked.body['id'])}`, ['succeeded', 'failed']);
  const [job, batch] = [newId('job', systemClock), newId('batch', systemClock)];
  const { finished_at: _at, model: _model, ...jobRecord } = (await catalog.jobs.get(made))!;
  const { finished_at: _end, output: _output, ...batchRecord } = (await catalog.batches.get(String(ended['id'])))!;
  await catalog.jobs.put(job, { ...jobRecord, id: job, status: 'queued' });
  await catalog.batches.put(batch, { ...batchRecord, id: batch, status: 'queued' });
  dynamo.destroy();
  return { job, batch };
}

describe('a job or a batch whose request died before it had started it', () => {
  it('can be cancelled', async () => {
    const { job, batch } = await neverStarted();
    const [jobPath, batchPath] = [`/v1/jobs/${job}`, `/v1/batches/${batch}`];

    await tenon.request('POST', `${jobPath}/cancel`, { body: {} });
    await tenon.request('POST', `${batchPath}/cancel`, { body: {} });
    const ends = [await tenon.settled(jobPath, ['cancelled']), await tenon.settled(batchPath, ['cancelled'])];

    expect(ends[0]).not.toHaveProperty('model');
    expect(ends.map(({ error }) => (error as { code?: string } | undefined)?.code)).toEqual(['cancelled', 'cancelled']);
  });
});

// Only Linux tells of other processes in /proc.
(process.platform === 'linux' ? describe : describe.skip)('a segment that is killed every time', () => {
  it('ends its job after three tries, with what is known', async () => {
    const task = { task: 'forecasting', family: 'rnn', params: { units: 8, window: 8, epochs: 100_000 } };
    const made = await tenon.request('POST', '/v1/jobs', { body: await regression({ name: 'poison', ...task }) });
    const path = `/v1/jobs/${String(made.body['id'])}`;

    const killed = new Set<number>();
    let job = (await tenon.request('GET', path)).body;
    while (job['status'] === 'queued' || job['status'] === 'running') {
      // The first try is killed once it has begun to learn, the others as soon as they are there.
      const hasBegun = Object.keys((job['metrics'] as { train: object }).train).length > 0;
      for (const pid of fitProcesses()) {
        if (!hasBegun || killed.has(pid)) continue;
        killed.add(pid);
        process.kill(pid, 'SIGKILL');
      }
      await new Promise((resolve) => setTimeout(resolve, 300));
      job = (await tenon.request('GET', path)).body;
    }

    // Three tries of the segment, of what it had saved three to publish it, three to clear up; one process may have been idle.
    expect(killed.size).toBeGreaterThanOrEqual(3);
    expect(killed.size).toBeLessThanOrEqual(10);
    expect(job).toMatchObject({ status: 'failed', error: { code: 'training_out_of_memory', phase: 'train' } });
    const error = job['error'] as {
      message: string;
      hint: string;
      last_metrics: Record<string, number>;
      logs: string[];
    };
    expect(error.message).toContain('failed 3 times');
    expect(error.hint).toContain('batch_size');
    expect(error.last_metrics['loss']).toBeGreaterThan(0);
    expect(error.logs.at(-1)).toMatch(/info epoch \d+/);
    // What was spent before the kills is counted.
    expect((job['usage'] as { seconds: number }).seconds).toBeGreaterThan(0);
  });

  it('is not tried again when its death used up the budget, which is what it costs', async () => {
    const task = { task: 'forecasting', family: 'rnn', params: { units: 8, window: 8, epochs: 100_000 } };
    const budget = { max_seconds: 6 };
    const made = await tenon.request('POST', '/v1/jobs', {
      body: await regression({ name: 'hangs', budget, ...task }),
    });
    const path = `/v1/jobs/${String(made.body['id'])}`;
    const untilNo = async (...statuses: unknown[]) => {
      for (;;) {
        const job = (await tenon.request('GET', path)).body;
        if (!statuses.includes(job['status'])) return job;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };

    await untilNo('queued');
    const stopped = fitProcesses();
    for (const pid of stopped) process.kill(pid, 'SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 7_000));
    for (const pid of stopped) process.kill(pid, 'SIGKILL');
    const job = await untilNo('running');

    expect(job).toMatchObject({ status: 'failed', error: { code: 'budget_exceeded', phase: 'train' } });
    expect((job['error'] as { message: string }).message).toMatch(/segment-0 failed once: .*signal: killed/);
    expect((job['usage'] as { seconds: number }).seconds).toBeCloseTo(6, 2);
    expect(job).not.toHaveProperty('attempt');
  });
});
