/** The outer side of the sandbox: a process for one model, which may be lost. */
import { runLimited } from '../limited-process.ts';
import type { ProcessLimits } from '../limited-process.ts';
import type { Verdict } from './verdict.ts';

/** `main` calls serveSandbox. */
export type SandboxOptions = ProcessLimits;

const MAX_REPORT_CHARS = 1_000_000;

/** Lints and tries a model. A process that is lost is a finding of the model's. */
export async function runInSandbox(bytes: Uint8Array, options: SandboxOptions): Promise<Verdict> {
  const { lines, how, isLate } = await runLimited(bytes, { ...options, maxChars: MAX_REPORT_CHARS });
  const verdict = lines.length === 0 ? undefined : (JSON.parse(lines.at(-1)!) as Verdict);
  if (verdict !== undefined && (verdict.trial !== undefined || verdict.lint.findings.length > 0)) return verdict;
  const reason = isLate
    ? `it was not done within ${options.seconds} seconds`
    : `its process ended with ${how}: it takes more than ${options.memoryBytes} bytes of memory or ${options.seconds} seconds, or crashes ONNX Runtime`;
  if (verdict !== undefined) return { lint: verdict.lint, trial: { status: 'failed', message: reason } };
  return {
    lint: { bytes: bytes.length, findings: [{ check: 'file', message: `the file could not be read: ${reason}` }] },
  };
}
