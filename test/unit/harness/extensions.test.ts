/** An extension in the process of a function: what it hears, how long it keeps the environment, and how it is told of the end. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { ExecutionEnvironment } from '../../../harness/lambda/environment.ts';
import { Guardian } from '../../../harness/lambda/guardian.ts';
import { bundleScripts, nodeForRuntime } from '../../../harness/lambda/node-runtime.ts';
import type { BundledScripts } from '../../../harness/lambda/node-runtime.ts';

const API = '`http://${process.env.AWS_LAMBDA_RUNTIME_API}/2020-01-01/extension';
/** Calls the Extensions API: prints what it answers, and gives the header with the identifier. */
const CLIENT = `
  const call = async (path, { name, id, events = ['INVOKE'], body = JSON.stringify({ events }) } = {}) => {
    const headers = { ...(name && { 'Lambda-Extension-Name': name }), ...(id && { 'Lambda-Extension-Identifier': id }) };
    const method = path.endsWith('/next') ? 'GET' : 'POST';
    const response = await fetch(${API}/\${path}\`, { method, headers, ...(method === 'POST' && { body }) });
    return { status: response.status, id: response.headers.get('lambda-extension-identifier'), body: await response.json() };
  };`;

let scripts: BundledScripts;
let guardian: Guardian;
const environments: ExecutionEnvironment[] = [];
beforeAll(async () => {
  scripts = await bundleScripts(mkdtempSync(join(tmpdir(), 'runtime-')));
  guardian = new Guardian(scripts.guardian);
});
afterEach(async () => {
  await Promise.all(environments.splice(0).map((environment) => environment.end()));
});
afterAll(() => guardian.close());

async function start(source: string, timeoutS = 5) {
  const codeDir = mkdtempSync(join(tmpdir(), 'code-'));
  writeFileSync(join(codeDir, 'index.mjs'), CLIENT + source);
  const lines: string[] = [];
  const runtime = 'nodejs24.x';
  const environment = new ExecutionEnvironment({
    nodePath: nodeForRuntime(runtime),
    nodeArguments: [],
    runtimeClientPath: scripts.runtimeClient,
    guardian,
    codeDir,
    env: {
      LAMBDA_TASK_ROOT: codeDir,
      _HANDLER: 'index.handler',
      AWS_EXECUTION_ENV: `AWS_Lambda_${runtime}`,
      AWS_LAMBDA_FUNCTION_NAME: 'extended',
      AWS_LAMBDA_FUNCTION_VERSION: '3',
    },
    memoryMb: 256,
    timeoutS,
    temporaryDirectory: mkdtempSync(join(tmpdir(), 'tmp-')),
    onLogLine: (line) => lines.push(line.split('\t').at(-1)!),
    onExit: () => undefined,
  });
  environments.push(environment);
  await environment.start();
  const invoke = async (event: unknown): Promise<unknown> => {
    const outcome = await environment.invoke({
      requestId: '0b7a3c1e-0000-4000-8000-000000000000',
      payload: Buffer.from(JSON.stringify(event)),
      invokedFunctionArn: 'arn:aws:lambda:us-east-1:123456789012:function:extended',
      traceId: 'Root=1-0-0',
    });
    return 'payload' in outcome ? JSON.parse(outcome.payload.toString()) : outcome.kind;
  };
  return { environment, invoke, lines };
}

test('hears of an invocation, and keeps the environment until it asks for the next', async () => {
  const { environment, invoke, lines } = await start(`
    const { id, body } = await call('register', { name: 'behind' });
    let release;
    const released = new Promise((resolve) => (release = resolve));
    void (async () => {
      const event = await call('event/next', { id });
      console.log(JSON.stringify(event.body));
      await released;
      console.log('done');
      await call('event/next', { id });
    })();
    process.on('SIGUSR2', () => release());
    export const handler = async () => body;`);

  const answer = await invoke({});
  let isIdle = false;
  const idle = environment.idle().then(() => (isIdle = true));
  await new Promise((resolve) => setTimeout(resolve, 200));
  const wasIdle = isIdle;
  process.kill(environment.pid!, 'SIGUSR2');
  await idle;

  expect(answer).toEqual({ functionName: 'extended', functionVersion: '3', handler: 'index.handler' });
  expect(wasIdle).toBe(false);
  expect(JSON.parse(lines[0]!)).toEqual({
    eventType: 'INVOKE',
    deadlineMs: expect.any(Number),
    requestId: '0b7a3c1e-0000-4000-8000-000000000000',
    invokedFunctionArn: 'arn:aws:lambda:us-east-1:123456789012:function:extended',
    tracing: { type: 'X-Amzn-Trace-Id', value: 'Root=1-0-0' },
  });
  expect(lines[1]).toBe('done');
});

test('is told of the end by SIGTERM, and has half a second for its last words', async () => {
  const source = (delayMs: number): string => `
    const { id } = await call('register', { name: 'behind' });
    void (async () => { for (;;) await call('event/next', { id }); })();
    process.once('SIGTERM', () => setTimeout(() => { console.log('last words'); process.exit(0); }, ${delayMs}));
    export const handler = async () => null;`;
  const [prompt, slow] = [await start(source(0)), await start(source(60_000))];
  for (const { environment, invoke } of [prompt, slow]) {
    await invoke({});
    await environment.idle();
    await environment.end();
  }

  expect(prompt.lines).toEqual(['last words']);
  expect(slow.lines).toEqual([]);
});

test('a function without one is not told of its end', async () => {
  const { environment, invoke, lines } = await start(`
    process.once('SIGTERM', () => { console.log('told'); process.exit(0); });
    export const handler = async () => null;`);
  await invoke({});
  await environment.idle();
  await environment.end();

  expect(lines).toEqual([]);
});

test('that does not do as it must is refused', async () => {
  const { invoke } = await start(`
    const refusals = [
      await call('register', {}),
      await call('register', { name: 'a', body: 'no JSON' }),
      await call('register', { name: 'a', events: ['SHUTDOWN'] }),
      await call('register', { name: 'a', events: ['WAKE'] }),
      await call('event/next', { id: 'nobody' }),
    ];
    const { id } = await call('register', { name: 'a' });
    refusals.push(await call('register', { name: 'a' }));
    void call('event/next', { id });
    export const handler = async () => {
      refusals.push(await call('register', { name: 'late' }));
      return refusals.map(({ status, body }) => [status, body.errorType]);
    };`);

  expect(await invoke({})).toEqual([
    [403, 'Extension.InvalidExtensionName'],
    [403, 'InvalidRequestFormat'],
    [403, 'Extension.InvalidEventType'],
    [403, 'Extension.InvalidEventType'],
    [403, 'Extension.UnknownExtensionIdentifier'],
    [403, 'Extension.InvalidExtensionState'],
    [403, 'Extension.RegistrationClosed'],
  ]);
});

test('what a function has started ends with it', async () => {
  const { environment, invoke } = await start(`
    import { spawn } from 'node:child_process';
    const child = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' });
    export const handler = async () => child.pid;`);
  const pid = (await invoke({})) as number;
  await environment.idle();
  const isThere = (): boolean => {
    try {
      // A process that has ended and that nobody has waited for is still known.
      return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
    } catch {
      return false;
    }
  };
  const before = isThere();
  await environment.end();
  for (let tries = 0; tries < 100 && isThere(); tries++) await new Promise((resolve) => setTimeout(resolve, 50));

  expect([before || process.platform !== 'linux', isThere()]).toEqual([true, false]);
});
