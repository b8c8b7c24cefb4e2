/** Starts the guardian process (guardian/main.ts) and tells it which processes are the harness's. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';

export class Guardian {
  readonly #process: ChildProcess;

  /** `scriptPath` is the bundled guardian. */
  constructor(scriptPath: string) {
    this.#process = spawn(process.execPath, [scriptPath], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: process.platform !== 'win32',
      env: process.platform === 'win32' ? process.env : {},
    });
    // Without it functions still end by their own lifeline, unless they never pause.
    this.#process.on('error', () => undefined);
    this.#process.stdin?.on('error', () => undefined);
    this.#process.unref();
  }

  watch(pid: number): void {
    this.#process.stdin?.write(`+${pid}\n`);
  }

  forget(pid: number): void {
    this.#process.stdin?.write(`-${pid}\n`);
  }

  /** Lets it end; what it still watches is killed. */
  async close(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.pid === undefined) return;
    const exited = new Promise<void>((resolve) => this.#process.once('exit', () => resolve()));
    // It is waited for, so it counts again.
    this.#process.ref();
    this.#process.stdin?.end();
    await exited;
  }
}
