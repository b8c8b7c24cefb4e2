/** Where log lines of functions go: one file per function (put aside at the next start when long), and whoever listens. */
import { appendFileSync, existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface LogLine {
  readonly functionName: string;
  readonly tenantId: string | undefined;
  readonly line: string;
}

export type LogListener = (line: LogLine) => void;

const MAX_KEPT_BYTES = 16 * 1_048_576;

export class LogSink {
  readonly #directory: string;
  readonly #listener: LogListener | undefined;

  constructor(directory: string, listener?: LogListener) {
    this.#directory = directory;
    this.#listener = listener;
    mkdirSync(directory, { recursive: true });
    for (const name of readdirSync(directory).filter((one) => one.endsWith('.log'))) {
      const path = join(directory, name);
      if (statSync(path).size > MAX_KEPT_BYTES) renameSync(path, `${path}.1`);
    }
  }

  write(entry: LogLine): void {
    // A function's last words may come when its data are already removed; they do not bring the folder back.
    if (existsSync(this.#directory))
      appendFileSync(join(this.#directory, `${entry.functionName}.log`), `${entry.line}\n`);
    this.#listener?.(entry);
  }
}
