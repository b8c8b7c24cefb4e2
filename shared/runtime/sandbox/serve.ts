/** The inner side of the sandbox, a process of its own: a model on stdin, its report on the third pipe, the part before the trial first. */
import { writeSync } from 'node:fs';
import { lintModel } from '../../onnx/lint/lint.ts';
import { tryModel } from '../trial.ts';
import { REPORT_FD } from './verdict.ts';
import type { Verdict } from './verdict.ts';

export async function serveSandbox(): Promise<void> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array);
  const file = Buffer.concat(chunks);
  const bytes = new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
  const lint = lintModel(bytes);
  tell({ lint });
  // ONNX Runtime sees nothing of what has findings.
  if (lint.findings.length === 0) tell({ lint, trial: await tryModel(bytes) });
  process.exit(0);
}

function tell(verdict: Verdict): void {
  writeSync(REPORT_FD, `${JSON.stringify(verdict)}\n`);
}
