import { createServer } from 'node:http';
import type { IncomingHttpHeaders, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { JobRecord } from '../../../shared/resources/job.ts';
import type { WebhookDelivery, WebhookSecretRecord } from '../../../shared/resources/webhook.ts';
import type { Catalog } from '../../../shared/stores/catalog.ts';
import { isPublic, resolvePublic } from '../../../shared/workflows/public-address.ts';
import { checkWebhookUrl, notify, signedHeaders } from '../../../shared/workflows/webhook.ts';

const clock = { nowMs: () => 1_614_265_330_000 };

/** Secret, id, timestamp, body and signature of the example in the Standard Webhooks specification. */
const EXAMPLE = {
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  nowS: 1_614_265_330,
  body: '{"test": 2432232314}',
  signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
};

const record = (rest: Partial<WebhookSecretRecord> = {}): WebhookSecretRecord => ({
  id: 'secret',
  object: 'webhook.secret',
  secret: EXAMPLE.secret,
  created_at: 0,
  ...rest,
});

describe('the signature', () => {
  it('is that of the specification', () => {
    expect(signedHeaders(record(), EXAMPLE, EXAMPLE.nowS)).toEqual({
      'webhook-id': EXAMPLE.id,
      'webhook-timestamp': '1614265330',
      'webhook-signature': EXAMPLE.signature,
    });
  });

  it('stands there twice while a secret is replaced', () => {
    const rotating = record({
      secret: 'whsec_AAAA',
      previous_secret: EXAMPLE.secret,
      previous_until: EXAMPLE.nowS + 1,
    });

    const during = signedHeaders(rotating, EXAMPLE, EXAMPLE.nowS)['webhook-signature']!.split(' ');
    const after = signedHeaders(rotating, EXAMPLE, EXAMPLE.nowS + 1)['webhook-signature']!.split(' ');

    expect(during[1]).toBe(EXAMPLE.signature);
    expect(during).toHaveLength(2);
    expect(after).toHaveLength(1);
  });
});

describe('the addresses that may be called', () => {
  it.each([
    ['127.0.0.1', 4],
    ['10.1.2.3', 4],
    ['172.31.0.1', 4],
    ['192.168.1.1', 4],
    ['169.254.169.254', 4],
    ['100.64.0.1', 4],
    ['0.0.0.0', 4],
    ['224.0.0.1', 4],
    ['::1', 6],
    ['::', 6],
    ['fc00::1', 6],
    ['fe80::1', 6],
    ['ff02::1', 6],
    ['::ffff:10.0.0.1', 6],
    ['::ffff:8.8.8.8', 6],
    ['64:ff9b::a00:1', 6],
    ['2002:a00:1::', 6],
  ] as const)('are not %s', (address, family) => {
    expect(isPublic({ address, family })).toBe(false);
  });

  it.each([
    ['8.8.8.8', 4],
    ['2606:4700::1111', 6],
  ] as const)('may be %s', (address, family) => {
    expect(isPublic({ address, family })).toBe(true);
  });

  it('are looked at behind names too', async () => {
    await expect(resolvePublic('localhost', { allowLoopback: false })).rejects.toThrow('no public address');
    await expect(resolvePublic('[::1]', { allowLoopback: true })).resolves.toEqual({ address: '::1', family: 6 });
    await expect(resolvePublic('10.0.0.1', { allowLoopback: true })).rejects.toThrow('no public address');
  });

  it.each([
    ['http://example.com/', 'expected an https URL'],
    ['https://127.0.0.1/', 'no public address'],
    ['https://2130706433/', 'no public address'],
    ['https://0x7f.1/', 'no public address'],
    ['https://[::ffff:127.0.0.1]/', 'no public address'],
    ['https://localhost/', 'no public address'],
    ['https://a:b@example.com/', 'user name'],
    ['ftp://example.com', 'expected an https URL'],
    ['nonsense', 'expected an https URL'],
  ])('are checked in %s', (url, message) => {
    expect(() => checkWebhookUrl(url, false)).toThrow(message);
  });

  it('include this machine over plain HTTP in the local cloud, and no other', () => {
    expect(checkWebhookUrl('http://127.0.0.1:80/x', true).pathname).toBe('/x');
    expect(() => checkWebhookUrl('http://127.0.0.1/', false)).toThrow('https');
    expect(() => checkWebhookUrl('http://192.168.0.1/', true)).toThrow('https');
  });
});

describe('a webhook', () => {
  let server: Server | undefined;
  afterEach(() => void server?.close());

  async function receiver(status: number, headers: Record<string, string> = {}) {
    const got: { headers: IncomingHttpHeaders; body: string }[] = [];
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        got.push({ headers: request.headers, body });
        response.writeHead(status, headers).end('ignored');
      });
    });
    await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
    return { got, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` };
  }

  async function tell(url: string, attempt = 0, { allowLoopback = true, timeoutMs = 15_000 } = {}) {
    let delivery: WebhookDelivery | undefined;
    const job = {
      id: 'job_1',
      object: 'job',
      name: 'digits',
      status: 'succeeded',
      model: { name: 'digits', version: 2 },
      usage: { seconds: 1, gb_seconds: 2, usd: 3 },
      finished_at: EXAMPLE.nowS,
      webhook: { url },
    } as unknown as JobRecord;
    const catalog = {
      jobs: {
        get: async () => job,
        patch: async (_id: string, fields: Partial<JobRecord>) => {
          delivery = fields.webhook_delivery;
          return true;
        },
      },
      webhooks: { get: async () => record() },
    } as unknown as Catalog;
    const delayS = await notify({ job: 'job_1', attempt }, catalog, { clock, allowLoopback, timeoutMs });
    return { delayS, delivery };
  }

  it('carries the event, signed', async () => {
    const { got, url } = await receiver(204);

    const { delayS, delivery } = await tell(url);

    const [{ headers, body }] = got as [(typeof got)[0]];
    expect(JSON.parse(body)).toMatchObject({
      type: 'job.succeeded',
      timestamp: '2021-02-25T15:02:10.000Z',
      data: { id: 'job_1', model: { name: 'digits', version: 2 } },
    });
    expect(headers).toMatchObject(signedHeaders(record(), { id: 'msg_job_1', body }, EXAMPLE.nowS));
    expect([delayS, delivery]).toEqual([0, { status: 'delivered', attempts: 1 }]);
  });

  it.each([
    [500, 0, 5, 'pending'],
    [500, 1, 300, 'pending'],
    [302, 0, 5, 'pending'],
    [500, 9, 0, 'failed'],
    [410, 0, 0, 'failed'],
  ])('that answers %i at try %i is tried again in %i s: %s', async (status, attempt, delayS, state) => {
    const { url } = await receiver(status, status === 302 ? { location: 'http://127.0.0.1:1/' } : {});

    const told = await tell(url, attempt);

    expect(told.delayS).toBe(delayS);
    expect(told.delivery).toEqual({ status: state, attempts: attempt + 1, last_error: `it answered ${status}` });
  });

  it('that nothing answers says for how long it was waited', async () => {
    server = createServer(() => undefined);
    await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;

    const { delayS, delivery } = await tell(url, 0, { timeoutMs: 200 });
    server.closeAllConnections();

    expect([delayS, delivery?.last_error]).toEqual([5, 'nothing answered within 0.2 s']);
  });

  it('is not sent to this machine where the operator has not allowed it', async () => {
    const { got, url } = await receiver(200);

    const { delivery } = await tell(url, 0, { allowLoopback: false });

    expect(got).toEqual([]);
    expect(delivery?.last_error).toContain('expected an https URL');
  });
});
