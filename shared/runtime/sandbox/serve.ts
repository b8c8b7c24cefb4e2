/** The inner side of the sandbox, a process of its own: a model on stdin, its report in lines, the part before the trial first. */
import { lintModel } from '../../onnx/lint/lint.ts';
import { readInput, report } from '../limited-process.ts';
import { tryModel } from '../trial.ts';
import type { Verdict } from './verdict.ts';

export async function serveSandbox(): Promise<void> {
  const file = await readInput();
  const bytes = new Uint8Array(file.buffer, file.byteOffset, file.byteLength) as Uint8Array<ArrayBuffer>;
  const lint = lintModel(bytes);
  report({ lint } satisfies Verdict);
  // ONNX Runtime sees nothing of what has findings.
  if (lint.findings.length === 0) report({ lint, trial: await tryModel(bytes) } satisfies Verdict);
  process.exit(0);
}
