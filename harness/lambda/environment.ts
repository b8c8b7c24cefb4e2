/**
 * One execution environment: one process of the runtime client, one invocation at a time. It is killed for a timeout or
 * for more memory than the function has, and is gone after a crash. Starts processes; decides nothing about reuse.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync, rm } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Guardian } from './guardian.ts';
import { killGroup } from './kill-group.ts';
import { RuntimeApi } from './runtime-api.ts';
import type { Invocation, RuntimeAnswer } from './runtime-api.ts';

/** Lambda's own limit of the init phase, in ms; counted on top of the function's timeout, as a laptop is slower. */
const INIT_TIMEOUT_MS = 10_000;
const MEMORY_CHECK_MS = 200;
/** What Lambda gives a runtime with an internal extension after SIGTERM; one without is not told of its end. */
const SHUTDOWN_MS = 500;
/** As Lambda names them. */
const SIGNALS: Partial<Record<NodeJS.Signals, string>> = {
  SIGKILL: 'killed',
  SIGABRT: 'aborted',
  SIGALRM: 'alarm clock',
  SIGTERM: 'terminated',
};

export interface LaunchOptions {
  readonly nodePath: string;
  readonly runtimeClientPath: string;
  readonly guardian: Guardian;
  readonly codeDir: string;
  /** Arguments of Node before the runtime client. */
  readonly nodeArguments: readonly string[];
  /** The whole environment of the process. */
  readonly env: Readonly<Record<string, string>>;
  readonly memoryMb: number;
  readonly timeoutS: number;
  /** Removed when the process is gone. */
  readonly temporaryDirectory: string;
  readonly onLogLine: (line: string) => void;
  readonly onExit: () => void;
}

/** How an invocation ended. */
export type Outcome =
  | RuntimeAnswer
  | { readonly kind: 'timeout' }
  | { readonly kind: 'exit'; readonly reason: string; readonly isOutOfMemory: boolean };

/** Resident memory of a process and its highest so far, in bytes; undefined where the system does not tell. */
function readMemory(pid: number): { resident: number; peak: number } | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? '0') * 1024;
    return { resident: kib('VmRSS'), peak: kib('VmHWM') };
  } catch {
    return undefined;
  }
}

export class ExecutionEnvironment {
  readonly #options: LaunchOptions;
  readonly #api: RuntimeApi;
  #process: ChildProcess | undefined;
  #settle: ((outcome: Outcome) => void) | undefined;
  /** Hands over the invocation that waits for the init phase to end. */
  #begin: (() => void) | undefined;
  #whenIdle: (() => void)[] = [];
  #memoryTimer: NodeJS.Timeout | undefined;
  #isOutOfMemory = false;
  #isReady = false;
  #exitReason: string | undefined;
  #startedAtMs = 0;
  #readyAtMs: number | undefined;
  #peakBytes = 0;
  isAlive = true;
  invocationCount = 0;

  constructor(options: LaunchOptions) {
    this.#options = options;
    const { env } = options;
    this.#api = new RuntimeApi(
      { onReady: () => this.#onReady(), onAnswer: (answer) => this.#onAnswer(answer) },
      {
        functionName: env['AWS_LAMBDA_FUNCTION_NAME'] ?? '',
        functionVersion: env['AWS_LAMBDA_FUNCTION_VERSION'] ?? '',
        handler: env['_HANDLER'] ?? '',
      },
    );
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Highest resident memory so far, in MB. */
  get peakMemoryMb(): number {
    return Math.ceil(this.#peakBytes / 1_048_576);
  }

  /** How long the init phase took, in ms. */
  get initDurationMs(): number | undefined {
    return this.#readyAtMs === undefined ? undefined : this.#readyAtMs - this.#startedAtMs;
  }

  async start(): Promise<void> {
    const address = await this.#api.listen();
    this.#startedAtMs = Date.now();
    const { nodePath, nodeArguments, runtimeClientPath, codeDir, env } = this.#options;
    const heapMb = Math.max(32, Math.floor(this.#options.memoryMb * 0.9));
    const child = spawn(nodePath, [...nodeArguments, `--max-old-space-size=${heapMb}`, runtimeClientPath], {
      cwd: codeDir,
      env: { ...env, AWS_LAMBDA_RUNTIME_API: address },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      // A group of its own: Ctrl-C in the terminal is for the harness, which ends its functions in order.
      detached: process.platform !== 'win32',
    });
    this.#process = child;
    const { pid } = child;
    if (pid !== undefined) {
      this.#options.guardian.watch(pid);
      child.once('exit', () => {
        killGroup(pid);
        this.#options.guardian.forget(pid);
      });
    }
    for (const output of [child.stdout, child.stderr]) {
      if (output) createInterface({ input: output }).on('line', this.#options.onLogLine);
    }
    // The lifeline: the child ends when this end closes, which the system does for us however we end.
    child.stdio[3]?.on('error', () => undefined);
    child.once('error', (error) => this.#onExit(`spawn failed: ${error.message}`));
    child.once('exit', (code, signal) =>
      this.#onExit(signal === null ? `exit status ${code ?? 0}` : `signal: ${SIGNALS[signal] ?? signal}`),
    );
    this.#memoryTimer = setInterval(() => this.#checkMemory(), MEMORY_CHECK_MS);
    this.#memoryTimer.unref();
  }

  /**
   * Runs one invocation. `deadlineMs` of the invocation is set when the init phase is over.
   * A streamed answer comes while the function still runs, any answer before its extensions are done; `idle()` settles when all are.
   */
  async invoke(invocation: Omit<Invocation, 'deadlineMs'>): Promise<Outcome> {
    this.invocationCount += 1;
    const { timeoutS } = this.#options;
    return new Promise((resolve) => {
      const timer = setTimeout(
        () => this.#settleWith({ kind: 'timeout' }),
        timeoutS * 1000 + (this.#isReady ? 0 : INIT_TIMEOUT_MS),
      );
      let runTimer: NodeJS.Timeout | undefined;
      this.#settle = (outcome) => {
        clearTimeout(timer);
        clearTimeout(runTimer);
        this.#settle = undefined;
        if (outcome.kind === 'timeout' || (outcome.kind === 'error' && outcome.phase === 'init')) this.kill();
        resolve(outcome);
      };
      if (this.#exitReason !== undefined) {
        this.#settleWith({ kind: 'exit', reason: this.#exitReason, isOutOfMemory: this.#isOutOfMemory });
        return;
      }
      const dispatch = () => {
        if (!this.isAlive) return;
        runTimer = setTimeout(() => this.#settleWith({ kind: 'timeout' }), timeoutS * 1000);
        this.#api.dispatch({ ...invocation, deadlineMs: Date.now() + timeoutS * 1000 });
      };
      if (this.#isReady) dispatch();
      else this.#begin = dispatch;
      this.#isReady = false;
    });
  }

  /** Settles when the process and its extensions ask for the next invocation, or it is gone. */
  async idle(): Promise<void> {
    if (this.#isReady || !this.isAlive) return;
    await new Promise<void>((resolve) => {
      this.#whenIdle.push(resolve);
    });
  }

  /** Lambda's shutdown phase, whatever the process does; settles when it is gone. */
  async end(): Promise<void> {
    const child = this.#process;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    const timer = setTimeout(() => this.kill(), SHUTDOWN_MS);
    if (this.isAlive && this.#api.isExtended) child.kill('SIGTERM');
    else this.kill();
    this.isAlive = false;
    await exited;
    clearTimeout(timer);
  }

  kill(): void {
    this.isAlive = false;
    const child = this.#process;
    if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null) killGroup(child.pid);
  }

  #settleWith(outcome: Outcome): void {
    this.#settle?.(outcome);
  }

  #onReady(): void {
    this.#readyAtMs ??= Date.now();
    const begin = this.#begin;
    this.#begin = undefined;
    if (begin) {
      begin();
      return;
    }
    this.#isReady = true;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  #onAnswer(answer: RuntimeAnswer): void {
    this.#checkMemory();
    this.#settleWith(answer);
  }

  #onExit(reason: string): void {
    this.isAlive = false;
    this.#exitReason ??= reason;
    clearInterval(this.#memoryTimer);
    this.#settleWith({ kind: 'exit', reason: this.#exitReason, isOutOfMemory: this.#isOutOfMemory });
    this.#api.close();
    rm(this.#options.temporaryDirectory, { recursive: true, force: true }, () => undefined);
    for (const resolve of this.#whenIdle.splice(0)) resolve();
    this.#options.onExit();
  }

  #checkMemory(): void {
    const memory = this.pid === undefined ? undefined : readMemory(this.pid);
    if (!memory) return;
    this.#peakBytes = Math.max(this.#peakBytes, memory.peak);
    if (memory.resident <= this.#options.memoryMb * 1_048_576) return;
    this.#isOutOfMemory = true;
    this.kill();
  }
}
