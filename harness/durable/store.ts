/**
 * Executions on disk: `<id>/start.json`, written once, and `<id>/log.jsonl`, to which every change is appended before it
 * is answered. A line torn by a kill is cut off. Survives `kill -9` of the harness, not a power cut.
 */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { HistoryEvent } from './history.ts';
import type { Operation } from './operation.ts';

/** What an execution was started with. */
export interface StartRecord {
  readonly id: string;
  readonly arn: string;
  readonly name: string;
  readonly functionName: string;
  /** As it was invoked, with the alias where there is one. */
  readonly invokedArn: string;
  readonly version: string;
  readonly tenantId: string | undefined;
  readonly payload: string;
  readonly startMs: number;
  readonly executionTimeoutS: number;
  readonly retentionDays: number;
}

/** One change: operations as they are now, and what the history says of it. */
export interface LogRecord {
  readonly operations: readonly Operation[];
  readonly events: readonly HistoryEvent[];
  /** Payload bytes and retries that count against the limits, in this change. */
  readonly writtenBytes: number;
  readonly retries: number;
}

const DAY_MS = 86_400_000;

export class ExecutionStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true });
  }

  /** Every execution that is still kept; those past their retention are removed. */
  list(nowMs: number): readonly StartRecord[] {
    const records: StartRecord[] = [];
    for (const id of readdirSync(this.#directory)) {
      const path = join(this.#directory, id, 'start.json');
      // A kill between making the folder and the file leaves an empty folder: nobody was told of it.
      if (!existsSync(path)) continue;
      const record = JSON.parse(readFileSync(path, 'utf8')) as StartRecord;
      const keepUntilMs = record.startMs + record.executionTimeoutS * 1000 + record.retentionDays * DAY_MS;
      if (keepUntilMs < nowMs) rmSync(join(this.#directory, id), { recursive: true, force: true });
      else records.push(record);
    }
    return records.sort((a, b) => a.startMs - b.startMs);
  }

  create(record: StartRecord, first: LogRecord): void {
    const directory = join(this.#directory, record.id);
    mkdirSync(directory, { recursive: true });
    this.append(record.id, first);
    const temporary = join(directory, 'start.json.tmp');
    writeFileSync(temporary, JSON.stringify(record), { flush: true });
    renameSync(temporary, join(directory, 'start.json'));
  }

  append(id: string, record: LogRecord): void {
    appendFileSync(join(this.#directory, id, 'log.jsonl'), `${JSON.stringify(record)}\n`);
  }

  /** Everything that happened to an execution, in order. */
  read(id: string): readonly LogRecord[] {
    const path = join(this.#directory, id, 'log.jsonl');
    const bytes = readFileSync(path);
    const end = bytes.lastIndexOf(0x0a) + 1;
    if (end < bytes.length) truncateSync(path, end);
    const lines = bytes.subarray(0, end).toString('utf8').split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as LogRecord);
  }
}
