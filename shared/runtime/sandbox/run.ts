/**
 * The outer side of the sandbox: a process for one model, without credentials in its environment, with limits that the kernel
 * holds (data segment and processor time, `ulimit`) and a time after which it is killed. What it crashes is itself.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Verdict } from './verdict.ts';

export interface SandboxOptions {
  /** The file that the process runs: it calls serveSandbox. */
  readonly main: string;
  readonly seconds: number;
  readonly memoryBytes: number;
}

/** Heap of JavaScript in the process, in MB: the reader of the file needs it, ONNX Runtime does not. */
const HEAP_MB = 1024;
const MAX_REPORT_CHARS = 1_000_000;

/** Lints and tries a model. A process that is lost is a finding of the model's. */
export async function runInSandbox(bytes: Uint8Array, options: SandboxOptions): Promise<Verdict> {
  const child = startProcess(options);
  const late = new AbortController();
  const timer = setTimeout(() => {
    late.abort();
    child.kill('SIGKILL');
  }, options.seconds * 1000);
  // A process that ends early does not read to the end.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(bytes);
  const [text, how] = await Promise.all([readAll(child.stdio[3] as Readable), endOf(child)]);
  clearTimeout(timer);
  const lines = text.split('\n').slice(0, -1);
  const verdict = lines.length === 0 ? undefined : (JSON.parse(lines.at(-1)!) as Verdict);
  if (verdict !== undefined && (verdict.trial !== undefined || verdict.lint.findings.length > 0)) return verdict;
  const reason = late.signal.aborted
    ? `it was not done within ${options.seconds} seconds`
    : `its process ended with ${how}: it takes more than ${options.memoryBytes} bytes of memory or ${options.seconds} seconds, or crashes ONNX Runtime`;
  if (verdict !== undefined) return { lint: verdict.lint, trial: { status: 'failed', message: reason } };
  return {
    lint: { bytes: bytes.length, findings: [{ check: 'file', message: `the file could not be read: ${reason}` }] },
  };
}

function startProcess({ main, seconds, memoryBytes }: SandboxOptions): ChildProcess {
  const command = [process.execPath, `--max-old-space-size=${HEAP_MB}`, main];
  const settings = {
    stdio: ['pipe', 'ignore', 'ignore', 'pipe'],
    env: { ORT_DISABLE_TELEMETRY: '1', PATH: process.env['PATH'] },
  } as const;
  // Windows has no ulimit: there the time is what is limited.
  if (process.platform === 'win32')
    return spawn(command[0]!, command.slice(1), { ...settings, stdio: [...settings.stdio] });
  const limits = `ulimit -c 0; ulimit -t ${Math.ceil(seconds)}; ulimit -d ${Math.floor(memoryBytes / 1024)}; exec "$@"`;
  return spawn('/bin/sh', ['-c', limits, 'sandbox', ...command], { ...settings, stdio: [...settings.stdio] });
}

async function readAll(stream: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) {
    if (text.length < MAX_REPORT_CHARS) text += String(chunk);
  }
  return text;
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(signal ?? `exit code ${code ?? 'unknown'}`));
  });
}
