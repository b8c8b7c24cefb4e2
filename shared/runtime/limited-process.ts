/**
 * A process that may be lost: without credentials in its environment, with limits that the kernel holds (data segment and processor
 * time, `ulimit`) and a time after which it is killed. It is given bytes on its stdin and reports on a pipe of its own, so that what
 * ONNX Runtime prints cannot mix with it. What it crashes is itself.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { writeSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

export interface ProcessLimits {
  /** The file that the process runs. */
  readonly main: string;
  readonly seconds: number;
  readonly memoryBytes: number;
}

export interface Ended {
  /** Lines that it has finished, as far as there is room for them. */
  readonly lines: readonly string[];
  /** The signal or exit code. */
  readonly how: string;
  /** Its time was over. */
  readonly isLate: boolean;
}

const REPORT_FD = 3;
/** By how much more of the processor's time a process may use before the kernel ends it: it is there should nobody be left to do so. */
const GRACE_S = 5;
/** Heap of JavaScript in the process, in MB: the reader of a model's file needs it, ONNX Runtime does not. */
const HEAP_MB = 1024;

/** Runs the process to its end. @param maxChars of its report */
export async function runLimited(
  input: Uint8Array | string,
  { maxChars, ...limits }: ProcessLimits & { readonly maxChars: number },
): Promise<Ended> {
  const child = startProcess(limits);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill('SIGKILL');
  }, limits.seconds * 1000);
  // A process that ends early does not read to the end.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(input);
  const [text, how] = await Promise.all([readAll(child.stdio[REPORT_FD] as Readable, maxChars), endOf(child)]);
  clearTimeout(timer);
  return { lines: text.split('\n').slice(0, -1), how, isLate };
}

/** In the process: what it was given. */
export function readInput(): Promise<Buffer> {
  return buffer(process.stdin);
}

/** In the process: a line of its report. */
export function report(value: unknown): void {
  const line = Buffer.from(`${JSON.stringify(value)}\n`);
  for (let written = 0; written < line.length;) written += writeSync(REPORT_FD, line, written);
}

function startProcess({ main, seconds, memoryBytes }: ProcessLimits): ChildProcess {
  const command = [process.execPath, `--max-old-space-size=${HEAP_MB}`, main];
  const settings = {
    stdio: ['pipe', 'ignore', 'ignore', 'pipe'],
    env: { ORT_DISABLE_TELEMETRY: '1', PATH: process.env['PATH'] },
  } as const;
  // Windows has no ulimit: there the time is what is limited.
  if (process.platform === 'win32')
    return spawn(command[0]!, command.slice(1), { ...settings, stdio: [...settings.stdio] });
  const limits = `ulimit -c 0; ulimit -t ${Math.ceil(seconds) + GRACE_S}; ulimit -d ${Math.floor(memoryBytes / 1024)}; exec "$@"`;
  return spawn('/bin/sh', ['-c', limits, 'sandbox', ...command], { ...settings, stdio: [...settings.stdio] });
}

async function readAll(stream: Readable, maxChars: number): Promise<string> {
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) {
    if (text.length < maxChars) text += String(chunk);
  }
  return text;
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(signal ?? `exit code ${code ?? 'unknown'}`));
  });
}
