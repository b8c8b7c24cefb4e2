/** Functions of the fixture app in real processes, invoked over HTTP. Expected answers are those of AWS Lambda. */
import { readFileSync, readdirSync } from 'node:fs';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { startLocalCloud } from '../../harness/index.ts';
import { harnessAssembly } from '../fixtures/harness-app/assembly.ts';
import { eventually, physicalName, useCloud } from '../fixtures/harness-app/cloud.ts';

const app = useCloud();

describe('an invocation', () => {
  test('answers what the handler returns', async () => {
    const { status, body, headers } = await app.invoke('Echo', { a: [1, 'ü'] });

    expect([status, body]).toEqual([200, { a: [1, 'ü'] }]);
    expect(headers.get('x-amz-executed-version')).toBe('$LATEST');
  });

  test('finds the process of the one before warm', async () => {
    const first = await app.invoke('Echo', { want: 'context' });
    const second = await app.invoke('Echo', { want: 'context' });

    expect(second.body.pid).toBe(first.body.pid);
    expect(second.body.invocations).toBe((first.body.invocations as number) + 1);
  });

  test('has the context object and the time that is left', async () => {
    const name = physicalName(app.cloud, 'Echo');
    const { body } = await app.invoke('Echo', { want: 'context' });

    expect(body).toMatchObject({
      functionName: name,
      functionVersion: '$LATEST',
      memoryLimitInMB: '256',
      invokedFunctionArn: `arn:aws:lambda:us-east-1:123456789012:function:${name}`,
    });
    expect(body.awsRequestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(body.remainingMs).toBeGreaterThan(8000);
    expect(body.remainingMs).toBeLessThanOrEqual(10_000);
  });

  test('sees the variables of the template and of Lambda, and none of the machine', async () => {
    process.env.HARNESS_TEST_SECRET = 'not for functions';
    const { body } = await app.invoke('Echo', { want: 'environment' });
    delete process.env.HARNESS_TEST_SECRET;

    expect(body).toMatchObject({
      GREETING: 'hello',
      TABLE: 'HarnessData-Items5C12978B',
      TZ: ':UTC',
      AWS_REGION: 'us-east-1',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
      AWS_SAM_LOCAL: 'true',
      AWS_ENDPOINT_URL: app.cloud.awsUrl,
    });
    expect(body).not.toHaveProperty('HARNESS_TEST_SECRET');
    expect(body).not.toHaveProperty('NODE_OPTIONS');
  });

  test('runs in parallel in processes of their own', async () => {
    const answers = await Promise.all(
      [1, 2, 3].map((n) => app.invoke('Isolated', { n, sleepMs: 300 }, { headers: { 'x-amz-tenant-id': 'parallel' } })),
    );

    expect(new Set(answers.map(({ body }) => body.pid)).size).toBe(3);
  });

  test('writes START, the log and REPORT to the log of the function', async () => {
    await app.invoke('Echo', { a: 1 });
    const log = join(app.dataDir, 'logs', `${physicalName(app.cloud, 'Echo')}.log`);

    const lines =
      /START RequestId: [0-9a-f-]{36} Version: \$LATEST\n.*\tINFO\techo 7\n(.*\n)*?END RequestId: [0-9a-f-]{36}\nREPORT RequestId: .*Memory Size: 256 MB\tMax Memory Used: \d+ MB/;

    // The log is of all invocations before, and of this one a moment after its answer.
    await eventually(() => lines.test(readFileSync(log, 'utf8')));

    expect(readFileSync(log, 'utf8')).toMatch(lines);
  });

  test('of a streaming handler is collected for a caller that does not stream', async () => {
    const { text } = await app.invoke('Stream', {});

    expect(text.slice(text.indexOf('part 0'))).toBe('part 0\npart 1\npart 2\n');
  });
});

describe('a tenant', () => {
  test('has processes of its own', async () => {
    const as = (tenant: string) => app.invoke('Isolated', { n: 2 }, { headers: { 'x-amz-tenant-id': tenant } });
    const [a, b, a2] = [await as('acme'), await as('globex'), await as('acme')];

    expect(a.body).toMatchObject({ tenant: 'acme', square: 4 });
    expect(b.body.served).toEqual(['globex']);
    expect(a2.body.pid).toBe(a.body.pid);
    expect(b.body.pid).not.toBe(a.body.pid);
  });

  test.each([
    ['is missing for an isolated function', 'Isolated', undefined, 'InvalidParameterValueException'],
    ['is given to a function that is not isolated', 'Echo', 'acme', 'InvalidParameterValueException'],
    ['has a character that tenant ids have not', 'Isolated', 'a*b', 'ValidationException'],
  ])('that %s is a 400', async (_title, id, tenant, error) => {
    const { status, headers } = await app.invoke(
      id,
      {},
      tenant === undefined ? {} : { headers: { 'x-amz-tenant-id': tenant } },
    );

    expect([status, headers.get('x-amzn-errortype')]).toEqual([400, error]);
  });
});

describe('a function that fails', () => {
  test.each([
    ['throw', { errorType: 'TypeError', errorMessage: 'a wrong type' }],
    ['reject', { errorType: 'Error', errorMessage: 'rejected' }],
    ['unhandled', { errorType: 'Runtime.UnhandledPromiseRejection', errorMessage: 'Error: nobody waits for me' }],
    ['never', { errorType: 'Runtime.NodeJsExit' }],
    [
      'exit',
      {
        errorType: 'Runtime.ExitError',
        errorMessage: expect.stringMatching(
          /^RequestId: [0-9a-f-]{36} Error: Runtime exited with error: exit status 7$/,
        ),
      },
    ],
    ['killed', { errorType: 'Runtime.ExitError', errorMessage: expect.stringMatching(/signal: killed$/) }],
    [
      'timeout',
      {
        errorType: 'Sandbox.Timedout',
        errorMessage: expect.stringMatching(/Error: Task timed out after 2\.00 seconds$/),
      },
    ],
    ['spin', { errorType: 'Sandbox.Timedout' }],
    ['large', { errorType: 'Function.ResponseSizeTooLarge' }],
  ])('by %s is answered 200 with the error', async (how, error) => {
    const { status, headers, body } = await app.invoke('Faulty', { how });

    expect([status, headers.get('x-amz-function-error')]).toEqual([200, 'Unhandled']);
    expect(body).toMatchObject(error);
  });

  (process.platform === 'linux' ? test : test.skip)('by taking more memory than it has is killed', async () => {
    const { body } = await app.invoke('Faulty', { how: 'memory' });

    expect(body.errorType).toBe('Runtime.OutOfMemory');
  });

  test('works again at the next call', async () => {
    await app.invoke('Faulty', { how: 'killed' });
    const { body } = await app.invoke('Faulty', { how: 'binary' });

    expect(body.statusCode).toBe(201);
  });
});

describe('the Invoke API', () => {
  test.each([
    ['a body that is no JSON', 'Echo', '{', {}, 400, 'InvalidRequestContent'],
    [
      'an invocation type that does not exist',
      'Echo',
      '{}',
      { 'x-amz-invocation-type': 'Later' },
      501,
      'NotImplemented',
    ],
    ['a request for the log', 'Echo', '{}', { 'x-amz-log-type': 'Tail' }, 501, 'NotImplemented'],
    [
      'an event over 1 MB',
      'Echo',
      JSON.stringify('x'.repeat(1_048_576)),
      { 'x-amz-invocation-type': 'Event' },
      413,
      'RequestTooLargeException',
    ],
  ])('refuses %s', async (_title, id, body, headers, status, error) => {
    const answer = await app.invoke(id, body, { headers });

    expect([answer.status, answer.headers.get('x-amzn-errortype')]).toEqual([status, error]);
  });

  test.each([
    ['POST', '/2015-03-31/functions/nobody/invocations', 404, 'ResourceNotFound'],
    ['POST', '/2015-03-31/elsewhere', 404, 'PathNotFoundLocally'],
    ['GET', '/2015-03-31/functions/nobody/invocations', 405, 'MethodNotAllowedLocally'],
  ])('answers %s %s with %d', async (method, path, status, error) => {
    const response = await fetch(app.cloud.lambdaUrl + path, { method });

    expect([response.status, response.headers.get('x-amzn-errortype')]).toEqual([status, error]);
  });

  test('of a dry run runs nothing', async () => {
    const { status, text } = await app.invoke(
      'Faulty',
      { how: 'exit' },
      { headers: { 'x-amz-invocation-type': 'DryRun' } },
    );

    expect([status, text]).toEqual([204, '']);
  });

  test('takes an event at once and retries it twice', async () => {
    const log = join(app.dataDir, 'logs', `${physicalName(app.cloud, 'Faulty')}.log`);
    const { status, text } = await app.invoke(
      'Faulty',
      { how: 'reject' },
      { headers: { 'x-amz-invocation-type': 'Event' } },
    );
    const discarded = () => /\[async\] ([0-9a-f-]{36}) of .* discarded: failed 3 times/.exec(readFileSync(log, 'utf8'));

    expect([status, text]).toEqual([202, '']);
    await eventually(() => discarded() !== null);
    const starts = readFileSync(log, 'utf8').split(`START RequestId: ${discarded()?.[1] ?? ''}`).length - 1;
    expect(starts).toBe(3);
    expect(readdirSync(join(app.dataDir, 'async'))).toEqual([]);
  });

  test('behind the AWS endpoint asks for a signature and a right', async () => {
    const role = app.cloud.model.roles.find(({ logicalId }) => logicalId.startsWith('OrchestrateServiceRole'));
    const client = new LambdaClient({
      endpoint: app.cloud.awsUrl,
      region: 'us-east-1',
      credentials: app.cloud.operatorCredentials,
    });
    const invoke = (id: string) =>
      client.send(new InvokeCommand({ FunctionName: physicalName(app.cloud, id), Payload: '{"a":1}' }));

    expect(role?.policies).not.toEqual([]);
    expect(Buffer.from((await invoke('Echo')).Payload ?? []).toString()).toBe('{"a":1}');
    const wrong = new LambdaClient({
      endpoint: app.cloud.awsUrl,
      region: 'us-east-1',
      credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'x' },
    });
    await expect(wrong.send(new InvokeCommand({ FunctionName: 'any' }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 403 },
    });
    const unsigned = await fetch(`${app.cloud.awsUrl}/2015-03-31/functions/any/invocations`, {
      method: 'POST',
      body: '{}',
    });
    expect(unsigned.status).toBe(403);
  });
});

test('a second local cloud on the same data is refused, and says who holds it', async () => {
  const second = startLocalCloud({ assemblyDir: harnessAssembly(), dataDir: app.dataDir });

  await expect(second).rejects.toThrow(`already running on ${app.dataDir} (pid ${process.pid})`);
});

test('a port that is taken is named, and nothing stays behind', async () => {
  const port = Number(new URL(app.cloud.lambdaUrl).port);
  const dataDir = mkdtempSync(join(tmpdir(), 'harness-port-'));
  const second = startLocalCloud({ assemblyDir: harnessAssembly(), dataDir, lambdaPort: port });

  await expect(second).rejects.toThrow(`Lambda: port ${String(port)} of 127.0.0.1 is taken`);
  expect(readdirSync(dataDir)).not.toContain('lock.json');
});

test('stopping ends every process', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'harness-stop-'));
  const cloud = await startLocalCloud({ assemblyDir: harnessAssembly(), dataDir });
  const { payload } = await cloud.invoke({
    functionName: physicalName(cloud, 'Echo'),
    payload: Buffer.from('{"want":"context"}'),
  });
  const { pid } = JSON.parse(payload.toString()) as { pid: number };

  await cloud.stop();

  await eventually(() => {
    try {
      process.kill(pid, 0);
      return false;
    } catch {
      return true;
    }
  });
});
