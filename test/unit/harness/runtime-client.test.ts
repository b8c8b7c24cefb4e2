/** The runtime client in a process of its own: how handlers are found, called, and reported when they fail. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ExecutionEnvironment } from '../../../harness/lambda/environment.ts';
import { Guardian } from '../../../harness/lambda/guardian.ts';
import { bundleScripts, nodeForRuntime } from '../../../harness/lambda/node-runtime.ts';
import type { BundledScripts } from '../../../harness/lambda/node-runtime.ts';

let scripts: BundledScripts;
let guardian: Guardian;
beforeAll(async () => {
  scripts = await bundleScripts(mkdtempSync(join(tmpdir(), 'runtime-')));
  guardian = new Guardian(scripts.guardian);
});
afterAll(async () => guardian.close());

interface Code {
  readonly files: Record<string, string>;
  readonly handler?: string;
  readonly runtime?: string;
  readonly env?: Record<string, string>;
}

/** Runs a handler once; the answer as JSON, and what it wrote. */
async function run({ files, handler = 'index.handler', runtime = 'nodejs24.x', env = {} }: Code, event: unknown = {}) {
  const codeDir = mkdtempSync(join(tmpdir(), 'code-'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(codeDir, name)), { recursive: true });
    writeFileSync(join(codeDir, name), content);
  }
  const lines: string[] = [];
  const environment = new ExecutionEnvironment({
    nodePath: nodeForRuntime(runtime),
    nodeArguments: [],
    runtimeClientPath: scripts.runtimeClient,
    guardian,
    codeDir,
    env: { LAMBDA_TASK_ROOT: codeDir, _HANDLER: handler, AWS_EXECUTION_ENV: `AWS_Lambda_${runtime}`, ...env },
    memoryMb: 256,
    timeoutS: 5,
    temporaryDirectory: mkdtempSync(join(tmpdir(), 'tmp-')),
    onLogLine: (line) => lines.push(line),
    onExit: () => undefined,
  });
  await environment.start();
  const outcome = await environment.invoke({
    requestId: '0b7a3c1e-0000-4000-8000-000000000000',
    payload: Buffer.from(JSON.stringify(event)),
    invokedFunctionArn: 'arn:aws:lambda:us-east-1:123456789012:function:f',
    traceId: 'Root=1-0-0',
    tenantId: 'acme',
  });
  await environment.idle();
  await environment.end();
  const payload = 'payload' in outcome ? (JSON.parse(outcome.payload.toString()) as unknown) : undefined;
  return { kind: outcome.kind, payload, lines };
}

describe('a handler', () => {
  test.each<[string, Code]>([
    ['of a CommonJS module', { files: { 'index.js': 'exports.handler = async (event) => event.n + 1;' } }],
    ['of an ES module', { files: { 'index.mjs': 'export const handler = async (event) => event.n + 1;' } }],
    [
      'of an ES module that waits at its top',
      {
        files: {
          'index.mjs': 'const one = await Promise.resolve(1); export const handler = async (event) => event.n + one;',
        },
      },
    ],
    [
      'of a package of type module',
      { files: { 'package.json': '{"type":"module"}', 'index.js': 'export const handler = async ({ n }) => n + 1;' } },
    ],
    [
      'in a folder, under a nested name',
      {
        files: { 'dist/app/main.js': 'exports.api = { v1: { run: async ({ n }) => n + 1 } };' },
        handler: 'dist/app/main.api.v1.run',
      },
    ],
    [
      'with a callback, before Node 24',
      {
        files: { 'index.js': 'exports.handler = (event, context, callback) => { callback(null, event.n + 1); };' },
        runtime: 'nodejs22.x',
      },
    ],
    ['that is not async', { files: { 'index.js': 'exports.handler = (event) => Promise.resolve(event.n + 1);' } }],
  ])('%s is found and called', async (_title, code) => {
    expect(await run(code, { n: 41 })).toMatchObject({ kind: 'response', payload: 42 });
  });

  test('with a callback waits for the event loop, unless the context says otherwise', async () => {
    const source = (first: string) =>
      `exports.handler = (event, context, callback) => { ${first} setTimeout(() => console.log('late'), 100); callback(null, 'done'); };`;
    const waits = await run({ files: { 'index.js': source('') }, runtime: 'nodejs22.x' });
    const leaves = await run({
      files: { 'index.js': source('context.callbackWaitsForEmptyEventLoop = false;') },
      runtime: 'nodejs22.x',
    });

    expect([waits.payload, waits.lines.length]).toEqual(['done', 1]);
    expect([leaves.payload, leaves.lines]).toEqual(['done', []]);
  });

  test('sees its tenant and its deadline', async () => {
    const { payload } = await run({
      files: {
        'index.js':
          'exports.handler = async (event, context) => [context.tenantId, context.getRemainingTimeInMillis() > 3000];',
      },
    });

    expect(payload).toEqual(['acme', true]);
  });

  test('that returns nothing answers null', async () => {
    expect((await run({ files: { 'index.js': 'exports.handler = async () => {};' } })).payload).toBeNull();
  });
});

describe('what goes wrong before the first event', () => {
  test.each<[string, Code, string, RegExp]>([
    ['a module that is not there', { files: {} }, 'Runtime.ImportModuleError', /Cannot find module 'index'/],
    [
      'a dependency that is not there',
      { files: { 'index.js': "require('nowhere')" } },
      'Runtime.ImportModuleError',
      /Cannot find module 'nowhere'/,
    ],
    [
      'an export that is not there',
      { files: { 'index.js': '' } },
      'Runtime.HandlerNotFound',
      /^index\.handler is undefined or not exported$/,
    ],
    [
      'an export that is no function',
      { files: { 'index.js': 'exports.handler = 1' } },
      'Runtime.HandlerNotFound',
      /is not a function/,
    ],
    ['a syntax error', { files: { 'index.js': 'exports.handler = ;' } }, 'Runtime.UserCodeSyntaxError', /SyntaxError/],
    ['a name without a dot', { files: {}, handler: 'index' }, 'Runtime.MalformedHandlerName', /Bad handler/],
    ['an error at the top', { files: { 'index.js': "throw new RangeError('top')" } }, 'RangeError', /^top$/],
    [
      'a callback under Node 24',
      { files: { 'index.js': 'exports.handler = (event, context, callback) => callback(null, 1);' } },
      'Runtime.CallbackHandlerDeprecated',
      /removed support for callback-based/,
    ],
  ])('(%s) is reported', async (_title, code, errorType, errorMessage) => {
    const { kind, payload } = await run(code);

    expect([kind, payload]).toEqual(['error', expect.objectContaining({ errorType })]);
    expect((payload as { errorMessage: string }).errorMessage).toMatch(errorMessage);
  });
});

describe('the log', () => {
  const files = { 'index.js': "exports.handler = async () => { console.debug('d'); console.warn('a %s', 'b'); };" };

  test('has time, request id and level', async () => {
    const { lines } = await run({ files });

    expect(lines[1]).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z\t0b7a3c1e-0000-4000-8000-000000000000\tWARN\ta b$/);
  });

  test('is JSON where the function says so, from the level it says', async () => {
    const { lines } = await run({ files, env: { AWS_LAMBDA_LOG_FORMAT: 'JSON', AWS_LAMBDA_LOG_LEVEL: 'WARN' } });

    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { level: 'WARN', message: 'a b', requestId: '0b7a3c1e-0000-4000-8000-000000000000', tenantId: 'acme' },
    ]);
  });
});
