/** The process in which a stranger's model is tried: what it does to itself, it does to nobody else. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runInSandbox } from '../../../shared/runtime/sandbox/run.ts';
import type { SandboxOptions } from '../../../shared/runtime/sandbox/run.ts';
import { loop } from '../../../shared/onnx/control.ts';
import { GraphBuilder, toModel } from '../../../shared/onnx/graph-builder.ts';

import { tensor } from '../../../shared/tensor/tensor.ts';
import { HOSTILE, model } from '../../conformance/onnx-lint/hostile-models.ts';
import { realModel } from '../../real-models.ts';

const OPTIONS: SandboxOptions = {
  main: resolve('functions/fit/sandbox.ts'),
  seconds: 60,
  memoryBytes: 1_400_000_000,
};

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tenon-sandbox-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A process that does something else with the model. */
function processThat(name: string, code: string): string {
  const file = join(folder, `${name}.mjs`);
  writeFileSync(file, code);
  return file;
}

describe('the sandbox', () => {
  it('runs a model on zeros and says what came out', async () => {
    const { lint, trial } = await runInSandbox(realModel('silero'), OPTIONS);

    expect(lint.findings).toEqual([]);
    expect(trial).toMatchObject({
      status: 'ran',
      inputs: { input: [1, 256], state: [2, 1, 128], sr: [] },
      outputs: { output: [1, 1], stateN: [2, 1, 128] },
    });
    expect(trial?.peak_memory_bytes).toBeGreaterThan(1_000_000);
  });

  it('does not run what the checks refuse', async () => {
    const [, , bytes] = HOSTILE.find(([, check]) => check === 'order')!;

    const { lint, trial } = await runInSandbox(bytes(), OPTIONS);

    expect(lint.findings).toHaveLength(1);
    expect(trial).toBeUndefined();
  });

  it('tells why ONNX Runtime cannot load a model', async () => {
    const bytes = model({ node: [{ opType: 'Conv', input: ['x'], output: ['y'] }] });

    const { trial } = await runInSandbox(bytes, OPTIONS);

    expect(trial).toMatchObject({ status: 'failed' });
    expect(trial?.message).toMatch(/^ONNX Runtime cannot load it: .*Conv/);
  });

  it('ends a model that never ends', async () => {
    const g = new GraphBuilder('endless');
    const x = g.input('x', 'float32', [1]);
    const count = g.constant(tensor('int64', [], BigInt64Array.of(2n ** 62n)));
    const { carried } = loop(g, {
      count,
      carried: [x],
      body: (inner, _, [value]) => ({ carried: [inner.add(value!, 1)] }),
    });
    g.output(carried[0]!, 'y');

    const { lint, trial } = await runInSandbox(toModel(g), { ...OPTIONS, seconds: 4 });

    expect(lint.findings).toEqual([]);
    expect(trial).toMatchObject({ status: 'failed' });
    expect(trial?.message).toMatch(/not done within 4 seconds|ended with SIG/);
  });

  it('lets no model take more memory than it has', async () => {
    const main = processThat(
      'greedy',
      "import { writeSync } from 'node:fs'; const all = []; for (;;) { all.push(Buffer.alloc(64e6, 1)); if (all.length > 60) { writeSync(3, JSON.stringify({ lint: { bytes: 0, findings: [] }, trial: { status: 'ran' } }) + '\\n'); process.exit(0); } }",
    );

    const { lint } = await runInSandbox(new Uint8Array(8), { ...OPTIONS, main, memoryBytes: 600_000_000 });

    expect(lint.findings[0]?.message).toMatch(/could not be read: its process ended with/);
  });

  it('survives a process that crashes, and runs the next model', async () => {
    const main = processThat('crash', "process.kill(process.pid, 'SIGSEGV'); setTimeout(() => {}, 1e6);");

    const [crashed, fine] = await Promise.all([
      runInSandbox(realModel('ocr-direction'), { ...OPTIONS, main }),
      runInSandbox(realModel('ocr-direction'), OPTIONS),
    ]);

    expect(crashed.lint.findings[0]?.message).toContain('SIGSEGV');
    expect(fine.trial).toMatchObject({ status: 'ran', outputs: { 'softmax_0.tmp_0': [1, 2] } });
  });

  it('gives its process no secrets', async () => {
    process.env['AWS_SECRET_ACCESS_KEY'] = 'a secret';
    const main = processThat(
      'env',
      "import { writeSync } from 'node:fs'; writeSync(3, JSON.stringify({ lint: { bytes: 0, findings: [{ check: 'file', message: Object.keys(process.env).join(' ') }] } }) + '\\n');",
    );

    const { lint } = await runInSandbox(new Uint8Array(8), { ...OPTIONS, main });
    delete process.env['AWS_SECRET_ACCESS_KEY'];

    expect(lint.findings[0]?.message).toContain('ORT_DISABLE_TELEMETRY');
    expect(lint.findings[0]?.message).not.toContain('AWS');
  });
});
