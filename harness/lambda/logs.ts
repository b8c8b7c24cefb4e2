/** Where log lines of functions go: one file per function, and whoever listens. */
import { appendFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

export interface LogLine {
  readonly functionName: string;
  readonly tenantId: string | undefined;
  readonly line: string;
}

export type LogListener = (line: LogLine) => void;

export class LogSink {
  readonly #directory: string;
  readonly #listener: LogListener | undefined;

  constructor(directory: string, listener?: LogListener) {
    this.#directory = directory;
    this.#listener = listener;
    mkdirSync(directory, { recursive: true });
  }

  write(entry: LogLine): void {
    // A function's last words may come when its data are already removed; they do not bring the folder back.
    if (existsSync(this.#directory))
      appendFileSync(join(this.#directory, `${entry.functionName}.log`), `${entry.line}\n`);
    this.#listener?.(entry);
  }
}
