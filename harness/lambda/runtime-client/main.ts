/**
 * The runtime client: the process of one execution environment. Loads the handler, then takes one invocation after the
 * other from the Runtime API. Bundled into one file by the harness and run under the template's Node.
 */
import { Socket } from 'node:net';
import { RuntimeApiClient } from './api-client.ts';
import type { NextInvocation } from './api-client.ts';
import { current, patchConsole } from './console.ts';
import { buildContext } from './context.ts';
import { RuntimeError } from './errors.ts';
import { isStreamingHandler, loadHandler, streamifyResponse } from './handler.ts';
import type { UserHandler } from './handler.ts';
import { HttpResponseStream, ResponseStream } from './streaming.ts';

/** Exit codes that Lambda's runtime uses. */
const EXIT_UNHANDLED_REJECTION = 128;
const EXIT_UNCAUGHT = 129;
/** The harness holds the other end of this pipe: when it is gone, so is this process. */
const LIFELINE_FD = 3;

const client = new RuntimeApiClient(process.env.AWS_LAMBDA_RUNTIME_API ?? '');

/** Runs when the event loop is empty: the next step of a callback handler, or the report of a promise that never settles. */
let whenIdle: (() => void) | undefined;

function holdLifeline(): void {
  const lifeline = new Socket({ fd: LIFELINE_FD, readable: true, writable: false });
  lifeline.on('close', () => process.exit(1)).on('error', () => process.exit(1));
  lifeline.resume().unref();
}

/** Reports to the invocation that runs, or to the init phase, and ends the process. */
async function die(thrown: unknown, exitCode: number): Promise<never> {
  try {
    await (current.requestId === undefined ? client.failInit(thrown) : client.fail(current.requestId, thrown));
  } finally {
    process.exit(exitCode);
  }
}

/** What a callback handler passes to its callback, once the event loop is empty or at once. */
function runWithCallback(
  handler: UserHandler,
  event: unknown,
  context: ReturnType<typeof buildContext>,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const settle = (error: unknown, result?: unknown) => {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- a handler may fail with anything
      const finish = () => (error === undefined || error === null ? resolve(result) : reject(error));
      if (context.callbackWaitsForEmptyEventLoop && (error === undefined || error === null)) whenIdle = finish;
      else finish();
    };
    const legacy = {
      done: settle,
      succeed: (result: unknown) => settle(null, result),
      fail: (error: unknown) => settle(error ?? 'handled'),
    };
    const isAsync = handler.constructor.name === 'AsyncFunction';
    whenIdle = () =>
      isAsync
        ? reject(
            new RuntimeError(
              'NodeJsExit',
              'The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that was never settled.',
            ),
          )
        : resolve(null);
    const returned = handler(event, Object.assign(context, legacy), settle);
    if (isPromiseLike(returned)) returned.then(resolve, reject);
  });
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, 'then') === 'function';
}

async function handleBuffered(
  handler: UserHandler,
  { event, headers }: NextInvocation,
  requestId: string,
): Promise<void> {
  let payload: string;
  try {
    const result = await runWithCallback(handler, JSON.parse(event), buildContext(headers, process.env));
    payload = JSON.stringify(result === undefined ? null : result);
  } catch (error) {
    await client.fail(requestId, error);
    return;
  } finally {
    whenIdle = undefined;
  }
  await client.respond(requestId, payload);
}

async function handleStreaming(
  handler: UserHandler,
  { event, headers }: NextInvocation,
  requestId: string,
): Promise<void> {
  const stream = new ResponseStream(client, requestId);
  try {
    await handler(JSON.parse(event), stream, buildContext(headers, process.env));
    if (!stream.writableEnded) throw new RuntimeError('InvalidStreamingOperation', 'Response stream is not finished.');
    await stream.answered;
  } catch (error) {
    if (stream.hasBegun) {
      console.error('Invoke Error', error);
      await stream.abort(error);
    } else await client.fail(requestId, error);
  }
}

async function run(): Promise<void> {
  holdLifeline();
  patchConsole();
  Object.assign(globalThis, { awslambda: { streamifyResponse, HttpResponseStream } });
  process.on('uncaughtException', (error) => void die(error, EXIT_UNCAUGHT));
  process.on('unhandledRejection', (reason) => {
    const error = new RuntimeError('UnhandledPromiseRejection', String(reason));
    if (reason instanceof Error && reason.stack !== undefined) error.stack = `${error.name}: ${reason.stack}`;
    void die(error, EXIT_UNHANDLED_REJECTION);
  });
  process.on('beforeExit', () => {
    const next = whenIdle;
    whenIdle = undefined;
    next?.();
  });

  let handler: UserHandler;
  try {
    handler = await loadHandler(process.env.LAMBDA_TASK_ROOT ?? process.cwd(), process.env._HANDLER ?? '');
    const major = Number(/nodejs(\d+)/.exec(process.env.AWS_EXECUTION_ENV ?? '')?.[1] ?? '0');
    if (major >= 24 && !isStreamingHandler(handler) && handler.length >= 3) {
      throw new RuntimeError(
        'CallbackHandlerDeprecated',
        'AWS Lambda has removed support for callback-based function handlers starting with Node.js 24: make the handler async.',
      );
    }
  } catch (error) {
    await die(error, 1);
    return;
  }
  const handle = isStreamingHandler(handler) ? handleStreaming : handleBuffered;
  for (;;) {
    const invocation = await client.next();
    const requestId = String(invocation.headers['lambda-runtime-aws-request-id']);
    current.requestId = requestId;
    current.tenantId = invocation.headers['lambda-runtime-aws-tenant-id'] as string | undefined;
    process.env._X_AMZN_TRACE_ID = String(invocation.headers['lambda-runtime-trace-id'] ?? '');
    await handle(handler, invocation, requestId);
  }
}

void run().catch((error: unknown) => {
  process.stderr.write(`runtime client: ${String(error)}\n`);
  process.exit(1);
});
