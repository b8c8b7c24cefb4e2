/**
 * Runs one invocation in an execution environment and turns every way it can end (answer, error, timeout, crash, too
 * much memory) into the payload that Lambda answers. Writes START, END and REPORT. Knows nothing of HTTP or queues.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { ExecutionEnvironment } from './environment.ts';
import type { Outcome } from './environment.ts';
import type { Guardian } from './guardian.ts';
import { buildEnvironment } from './function-env.ts';
import type { FunctionCredentials } from './function-env.ts';
import type { FunctionTarget } from './functions.ts';
import type { LogSink } from './logs.ts';
import { nodeForRuntime } from './node-runtime.ts';
import { MAX_SYNC_BYTES, errorPayload } from './payload.ts';
import { EnvironmentPool } from './pool.ts';

export interface InvokerOptions {
  readonly dataDir: string;
  readonly runtimeClientPath: string;
  readonly guardian: Guardian;
  readonly region: string;
  readonly accountId: string;
  /** Known only once the endpoint listens. */
  readonly awsEndpointUrl: () => string | undefined;
  readonly issueCredentials: (roleArn: string, functionName: string) => FunctionCredentials;
  readonly logs: LogSink;
  /** Node's inspector port for the functions, which then do not time out. */
  readonly debugPort?: number;
  readonly maxEnvironments: number;
  readonly idleMs: number;
  /** Values for declared variables, by any name the function is known by; `Parameters` is for all. */
  readonly environmentOverrides?: (target: FunctionTarget) => Readonly<Record<string, string>>;
}

export interface RunRequest {
  readonly target: FunctionTarget;
  readonly payload: Buffer;
  readonly tenantId: string | undefined;
  readonly requestId?: string;
  readonly traceId?: string | undefined;
  readonly clientContext?: string | undefined;
}

export interface RunResult {
  readonly requestId: string;
  /** Set where the function failed; `payload` is then the error. */
  readonly functionError: 'Unhandled' | undefined;
  readonly payload: Buffer;
  /** The process is gone: timeout, crash or out of memory; the payload says which. */
  readonly isSandboxFailure: boolean;
}

/** A streamed answer: the body flows while the function writes. */
export interface StreamResult {
  readonly requestId: string;
  readonly contentType: string;
  readonly body: Readable;
}

/** While a debugger is attached, in s. */
const DEBUG_TIMEOUT_S = 86_400;

function traceHeader(): string {
  const hex = randomUUID().replaceAll('-', '');
  return `Root=1-${Math.floor(Date.now() / 1000).toString(16)}-${hex.slice(0, 24)};Parent=${hex.slice(0, 16)};Sampled=0`;
}

export class Invoker {
  readonly pool: EnvironmentPool<ExecutionEnvironment>;
  readonly #options: InvokerOptions;

  constructor(options: InvokerOptions) {
    this.#options = options;
    this.pool = new EnvironmentPool({
      maxEnvironments: options.maxEnvironments,
      maxWaitMs: 60_000,
      idleMs: options.idleMs,
      create: (target, tenantId, onExit) => this.#create(target, tenantId, onExit),
    });
  }

  /** Runs to the end; a streamed answer is collected. */
  async run(request: RunRequest): Promise<RunResult> {
    const result = await this.runStreaming(request);
    if (!('body' in result)) return result;
    const failed = (type: string, message: string): RunResult => ({
      requestId: result.requestId,
      functionError: 'Unhandled',
      payload: errorPayload(type, result.requestId, message),
      isSandboxFailure: true,
    });
    try {
      const payload = await buffer(result.body);
      const { trailers } = result.body as Readable & { trailers?: NodeJS.Dict<string> };
      const report = trailers?.['lambda-runtime-function-error-body'];
      if (report !== undefined)
        return {
          requestId: result.requestId,
          functionError: 'Unhandled',
          payload: Buffer.from(report, 'base64'),
          isSandboxFailure: false,
        };
      return { requestId: result.requestId, functionError: undefined, payload, isSandboxFailure: false };
    } catch (error) {
      return failed('Runtime.TruncatedResponse', (error as Error).message);
    }
  }

  /** Like `run`, but hands a streamed answer on as it comes. */
  async runStreaming(request: RunRequest): Promise<RunResult | StreamResult> {
    const requestId = request.requestId ?? randomUUID();
    const { target, tenantId } = request;
    const environment = await this.pool.acquire(target, tenantId);
    this.#log(target, tenantId, `START RequestId: ${requestId} Version: ${target.version}`);
    const isCold = environment.invocationCount === 0;
    const startedAtMs = Date.now();
    const outcome = await environment.invoke({
      requestId,
      payload: request.payload.length === 0 ? Buffer.from('{}') : request.payload,
      invokedFunctionArn: target.invokedArn,
      traceId: request.traceId ?? traceHeader(),
      ...(tenantId === undefined ? {} : { tenantId }),
      ...(request.clientContext === undefined ? {} : { clientContext: request.clientContext }),
    });
    const answer = this.#toResult(outcome, requestId, target, tenantId);
    if (outcome.kind !== 'stream') this.pool.markFinishing(environment);
    const initMs = isCold ? (environment.initDurationMs ?? 0) : 0;
    this.#limitRest(environment, target, startedAtMs + initMs);
    void environment.idle().then(() => {
      this.#report(request, environment, {
        requestId,
        durationMs: Date.now() - startedAtMs - initMs,
        initMs: isCold ? initMs : undefined,
      });
      this.pool.release(environment);
    });
    return answer;
  }

  /** Starts a process and leaves it idle. */
  async warm(target: FunctionTarget): Promise<void> {
    const environment = await this.pool.acquire(target, undefined);
    await environment.idle();
    this.pool.release(environment);
  }

  async close(): Promise<void> {
    await this.pool.close();
  }

  #toResult(
    outcome: Outcome,
    requestId: string,
    target: FunctionTarget,
    tenantId: string | undefined,
  ): RunResult | StreamResult {
    const failed = (payload: Buffer, isSandboxFailure: boolean): RunResult => ({
      requestId,
      functionError: 'Unhandled',
      payload,
      isSandboxFailure,
    });
    switch (outcome.kind) {
      case 'stream':
        return { requestId, contentType: outcome.contentType, body: outcome.body };
      case 'response':
        if (outcome.payload.length <= MAX_SYNC_BYTES)
          return { requestId, functionError: undefined, payload: outcome.payload, isSandboxFailure: false };
        return failed(
          Buffer.from(
            JSON.stringify({
              errorType: 'Function.ResponseSizeTooLarge',
              errorMessage: `Response payload size exceeded maximum allowed payload size (${MAX_SYNC_BYTES} bytes).`,
            }),
          ),
          false,
        );
      case 'error':
        return failed(outcome.payload, outcome.errorType.startsWith('Runtime.') && outcome.phase === 'init');
      case 'timeout': {
        const message = `Task timed out after ${target.fn.timeoutS.toFixed(2)} seconds`;
        this.#log(target, tenantId, `${new Date().toISOString()} ${requestId} ${message}`);
        return failed(errorPayload('Sandbox.Timedout', requestId, message), true);
      }
      case 'exit': {
        const type = outcome.isOutOfMemory ? 'Runtime.OutOfMemory' : 'Runtime.ExitError';
        const message = `Runtime exited with error: ${outcome.reason}`;
        this.#log(target, tenantId, `RequestId: ${requestId} Error: ${message}`);
        return failed(errorPayload(type, requestId, message), true);
      }
    }
  }

  /** What goes on after the answer, or while it is streamed, is part of the function's time. */
  #limitRest(environment: ExecutionEnvironment, { fn }: FunctionTarget, beganAtMs: number): void {
    if (this.#options.debugPort !== undefined) return;
    const timer = setTimeout(() => environment.kill(), beganAtMs + fn.timeoutS * 1000 - Date.now());
    void environment.idle().then(() => clearTimeout(timer));
  }

  #report(
    { target, tenantId }: RunRequest,
    environment: ExecutionEnvironment,
    run: { requestId: string; durationMs: number; initMs: number | undefined },
  ): void {
    const durationMs = Math.max(1, run.durationMs);
    const parts = [
      `REPORT RequestId: ${run.requestId}`,
      `Duration: ${durationMs.toFixed(2)} ms`,
      `Billed Duration: ${Math.ceil(durationMs)} ms`,
      `Memory Size: ${target.fn.memoryMb} MB`,
      `Max Memory Used: ${environment.peakMemoryMb} MB`,
      ...(run.initMs === undefined ? [] : [`Init Duration: ${run.initMs.toFixed(2)} ms`]),
    ];
    this.#log(target, tenantId, `END RequestId: ${run.requestId}`);
    this.#log(target, tenantId, parts.join('\t'));
  }

  #log({ fn }: FunctionTarget, tenantId: string | undefined, line: string): void {
    this.#options.logs.write({ functionName: fn.functionName, tenantId, line });
  }

  #codeDir({ fn }: FunctionTarget): string {
    if (fn.codeDir !== undefined) return fn.codeDir;
    const directory = join(this.#options.dataDir, 'inline', fn.functionName);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'index.js'), fn.inlineCode ?? '');
    return directory;
  }

  #create(target: FunctionTarget, tenantId: string | undefined, onExit: () => void): ExecutionEnvironment {
    const { fn, version } = target;
    const codeDir = this.#codeDir(target);
    const stream = randomUUID().replaceAll('-', '');
    // /tmp of one environment is its own, as on Lambda; it goes with the process.
    const temporaryDirectory = join(this.#options.dataDir, 'tmp', `${fn.functionName}-${stream.slice(0, 12)}`);
    mkdirSync(temporaryDirectory, { recursive: true });
    return new ExecutionEnvironment({
      nodePath: nodeForRuntime(fn.runtime),
      runtimeClientPath: this.#options.runtimeClientPath,
      guardian: this.#options.guardian,
      codeDir,
      memoryMb: fn.memoryMb,
      timeoutS: this.#options.debugPort === undefined ? fn.timeoutS : DEBUG_TIMEOUT_S,
      nodeArguments:
        this.#options.debugPort === undefined ? [] : [`--inspect-brk=127.0.0.1:${this.#options.debugPort}`],
      temporaryDirectory,
      env: buildEnvironment({
        fn,
        version,
        codeDir,
        region: this.#options.region,
        accountId: this.#options.accountId,
        logStreamName: `${new Date().toISOString().slice(0, 10).replaceAll('-', '/')}/[${version}]${stream}`,
        credentials: this.#options.issueCredentials(fn.roleArn, fn.functionName),
        awsEndpointUrl: this.#options.awsEndpointUrl(),
        overrides: this.#options.environmentOverrides?.(target) ?? {},
        temporaryDirectory,
      }),
      onLogLine: (line) => this.#log(target, tenantId, line),
      onExit,
    });
  }
}
