/** The REST API of the fixture app over HTTP: routes, authorizer, mapping, bodies, and the gateway's own errors. */
import { describe, expect, test } from '@jest/globals';
import { useCloud } from '../fixtures/harness-app/cloud.ts';

const faults: string[] = [];
const app = useCloud({ onFault: (message) => faults.push(message) });

interface Echoed {
  readonly event: Record<string, unknown> & {
    readonly requestContext: Record<string, unknown>;
    readonly headers: Record<string, string>;
  };
}

async function send(
  method: string,
  path: string,
  options: { token?: string; body?: string | Buffer; headers?: Record<string, string> } = {},
) {
  const { token, body, headers = {} } = options;
  const response = await fetch(app.cloud.apiUrl + path, {
    method,
    headers: { ...(token === undefined ? {} : { authorization: token }), ...headers },
    ...(body === undefined ? {} : { body }),
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  return {
    status: response.status,
    headers: response.headers,
    bytes,
    text: bytes.toString(),
    json: () => JSON.parse(bytes.toString()) as unknown,
  };
}

function echoed(answer: { json(): unknown }): Echoed {
  return answer.json() as Echoed;
}

describe('an event', () => {
  test('has the shape of payload format 1.0', async () => {
    const { event } = echoed(await send('GET', '/open?x=1&x=2&y=%20b', { headers: { 'X-Custom': 'v' } }));

    expect(event).toMatchObject({
      resource: '/open',
      path: '/open',
      httpMethod: 'GET',
      queryStringParameters: { x: '2', y: ' b' },
      multiValueQueryStringParameters: { x: ['1', '2'], y: [' b'] },
      pathParameters: null,
      stageVariables: null,
      body: null,
      isBase64Encoded: false,
      requestContext: {
        stage: 'prod',
        path: '/open',
        resourcePath: '/open',
        httpMethod: 'GET',
        accountId: '123456789012',
        protocol: 'HTTP/1.1',
        identity: { sourceIp: '127.0.0.1' },
      },
    });
    expect(event.requestContext.requestTime).toMatch(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/);
    expect(event.requestContext).not.toHaveProperty('authorizer');
    // With the stage before it, as under the address that API Gateway gives.
    const staged = echoed(await send('GET', '/prod/open'));
    expect(staged.event).toMatchObject({ path: '/open', requestContext: { path: '/prod/open' } });
  });

  test('is the same under the stage and without it', async () => {
    const { event } = echoed(await send('GET', '/prod/open'));

    expect([event.path, event.requestContext.path]).toEqual(['/open', '/prod/open']);
  });

  test('has path parameters, also greedy ones', async () => {
    const one = echoed(await send('GET', '/items/a%2Fb', { token: 'acme' }));
    const greedy = echoed(await send('PUT', '/files/a/b%20c', { token: 'acme' }));

    expect(one.event.pathParameters).toEqual({ id: 'a/b' });
    expect([greedy.event.resource, greedy.event.pathParameters]).toEqual(['/files/{proxy+}', { proxy: 'a/b c' }]);
  });

  test('carries text as text and binary media types as base64', async () => {
    const text = echoed(
      await send('PUT', '/files/t', { token: 'acme', body: 'grüß', headers: { 'content-type': 'text/plain' } }),
    );
    const binary = echoed(
      await send('PUT', '/files/b', {
        token: 'acme',
        body: Buffer.from([0, 255, 1]),
        headers: { 'content-type': 'application/octet-stream' },
      }),
    );

    expect(text.event).toMatchObject({ body: 'grüß', isBase64Encoded: false });
    expect(binary.event).toMatchObject({ body: 'AP8B', isBase64Encoded: true });
  });

  test('has what the authorizer said, as strings', async () => {
    const { event } = echoed(await send('POST', '/items', { token: 'acme', body: '{}' }));

    expect(event.requestContext.authorizer).toMatchObject({ principalId: 'user', tenant_id: 'acme', admin: 'true' });
  });
});

describe('a response', () => {
  test('has several headers of one name', async () => {
    const { headers } = await send('GET', '/open');

    expect(headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(headers.get('x-echo')).toBe('yes');
    expect(headers.get('x-amzn-requestid')).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('with a base64 body is decoded for a client that accepts its type first', async () => {
    const body = JSON.stringify({ how: 'binary' });
    const decoded = await send('POST', '/faulty', { body, headers: { accept: 'application/octet-stream' } });
    const encoded = await send('POST', '/faulty', { body, headers: { accept: 'text/html, application/octet-stream' } });

    expect([decoded.status, [...decoded.bytes]]).toEqual([201, [0, 255, 1, 254]]);
    expect(encoded.text).toBe('AP8B/g==');
  });

  test('streams: the first part is there before the last is written', async () => {
    const response = await fetch(`${app.cloud.apiUrl}/stream`);
    const parts: { text: string; atMs: number }[] = [];
    for await (const chunk of response.body ?? [])
      parts.push({ text: Buffer.from(chunk as Uint8Array).toString(), atMs: Date.now() });

    expect([response.status, response.headers.get('content-type'), response.headers.getSetCookie()]).toEqual([
      206,
      'text/plain',
      ['c=3'],
    ]);
    expect(parts.map(({ text }) => text).join('')).toBe('part 0\npart 1\npart 2\n');
    expect(parts.at(-1)!.atMs - parts[0]!.atMs).toBeGreaterThan(100);
  });

  test('to a preflight comes from the template, without a function', async () => {
    const { status, headers } = await send('OPTIONS', '/items');

    expect([status, headers.get('access-control-allow-origin'), headers.get('access-control-allow-methods')]).toEqual([
      204,
      '*',
      'GET,POST',
    ]);
  });
});

describe('the tenant of an isolated function', () => {
  test('comes from the authorizer and never from the client', async () => {
    const mapped = await send('POST', '/items/7', {
      token: 'acme',
      body: '{}',
      headers: { 'X-Amz-Tenant-Id': 'globex' },
    });
    const { event } = echoed(
      await send('POST', '/items', { token: 'acme', body: '{}', headers: { 'X-Amz-Tenant-Id': 'globex' } }),
    );

    expect((mapped.json() as { tenant: string }).tenant).toBe('acme');
    expect(Object.keys(event.headers).map((name) => name.toLowerCase())).not.toContain('x-amz-tenant-id');
  });

  test('that is no tenant id is a 400', async () => {
    const { status } = await send('POST', '/items/7', { token: 'a*b', body: '{}' });

    expect(status).toBe(400);
  });
});

describe('the authorizer', () => {
  test('is asked once per identity while its answer is kept', async () => {
    const calls = async (token: string) =>
      echoed(await send('POST', '/items', { token, body: '{}' })).event.requestContext.authorizer as { calls: string };
    const [first, second] = [await calls('cached'), await calls('cached')];
    const other = await calls('another');

    expect(second.calls).toBe(first.calls);
    expect(Number(other.calls)).toBeGreaterThan(Number(first.calls));
  });

  test('whose policy names one route is refused on another while it is kept', async () => {
    const allowed = await send('POST', '/items', { token: 'this-route', body: '{}' });
    const refused = await send('GET', '/items/1', { token: 'this-route' });

    expect([allowed.status, refused.status]).toEqual([200, 403]);
    expect(refused.text).toBe('{"message":"User is not authorized to access this resource"}');
  });

  test.each([
    ['without the identity source', undefined, 401],
    ['that says Unauthorized', 'unauthorized', 401],
    ['that denies', 'deny', 403],
    ['that answers no policy', 'broken', 500],
    ['that throws', 'crash', 500],
  ])('%s is answered %s with %d', async (_title, token, status) => {
    const answer = await send('POST', '/items', { body: '{}', ...(token === undefined ? {} : { token }) });

    expect(answer.status).toBe(status);
  });
});

describe("the gateway's own errors", () => {
  test('are customised as the template says', async () => {
    const { status, headers, json } = await send('POST', '/items', { body: '{}' });
    const body = json();

    expect([status, headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    expect(body).toEqual({ code: 'unauthenticated', detail: 'Unauthorized', request_id: headers.get('x-request-id') });
  });

  test.each([
    ['a route that does not exist', 'GET', '/nope', {}, 403, 'Missing Authentication Token'],
    ['a method that does not exist', 'DELETE', '/open', {}, 403, 'Missing Authentication Token'],
    ['a function that fails', 'POST', '/faulty', { body: '{"how":"throw"}' }, 502, 'Internal server error'],
    ['an answer that is none', 'POST', '/faulty', { body: '{"how":"notProxy"}' }, 502, 'Internal server error'],
    ['a function that times out', 'POST', '/faulty', { body: '{"how":"timeout"}' }, 502, 'Internal server error'],
    [
      'a body over 10 MB',
      'PUT',
      '/files/big',
      { token: 'acme', body: Buffer.alloc(10_485_761, 97) },
      413,
      'Request Too Long',
    ],
    [
      'a body over what Lambda takes',
      'PUT',
      '/files/big',
      { token: 'acme', body: Buffer.alloc(6_400_000, 97) },
      413,
      'Request Too Long',
    ],
  ])('for %s', async (_title, method, path, options, status, message) => {
    const answer = await send(method, path, options);

    expect([answer.status, (answer.json() as { message: string }).message]).toEqual([status, message]);
  });

  test('tell the developer why', async () => {
    await send('POST', '/faulty', { body: '{"how":"notProxy"}' });

    expect(faults.at(-1)).toBe('POST /faulty: 502 MALFORMED_LAMBDA_RESPONSE: "the answer has the unknown field hello"');
  });
});
