/**
 * A cold start of inference, measured on what would be deployed: the minified bundle for Linux where this is Linux, in fresh processes,
 * its files in the page cache. What follows a cold start on Lambda and is not here: fetching the bundle, and three calls of AWS.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sessionOptions } from '../../shared/runtime/session.ts';
import type { HostTensor } from '../../shared/tensor/tensor.ts';
import { median, rounded } from './statistics.ts';

const PROCESS = fileURLToPath(new URL('./cold-start.mjs', import.meta.url));
const STEPS = ['node_ms', 'runtime_ms', 'module_ms', 'session_ms', 'first_run_ms'] as const;
type Times = Record<(typeof STEPS)[number], number>;

export interface ColdLine extends Times {
  readonly section: 'cold';
  readonly case: string;
  /** Runtime, module and session: what the aim of 250 ms is about. */
  readonly total_ms: number;
  readonly with_node_and_run_ms: number;
  readonly runs: number;
}

export async function measureCold(
  name: string,
  { onnx, feeds, runs }: { onnx: Uint8Array; feeds: Readonly<Record<string, HostTensor>>; runs: number },
): Promise<ColdLine> {
  const folder = mkdtempSync(join(tmpdir(), 'cold-'));
  try {
    const { asset, variables } = bundleInto(join(folder, 'cdk.out'));
    const model = join(folder, 'model.onnx');
    writeFileSync(model, onnx);
    const shapes = Object.fromEntries(Object.entries(feeds).map(([input, { shape }]) => [input, shape]));
    const args = [asset, model, JSON.stringify(shapes), JSON.stringify(sessionOptions({ threads: 1 }))];
    const times: Times[] = [];
    // The first fills the page cache.
    for (let run = 0; run <= runs; run++) {
      const once = startOnce(args, variables);
      if (run > 0) times.push(once);
    }
    const sum = (steps: readonly (typeof STEPS)[number][]) =>
      median(times.map((time) => steps.reduce((total, step) => total + time[step], 0)));
    return {
      section: 'cold',
      case: name,
      total_ms: rounded(sum(['runtime_ms', 'module_ms', 'session_ms'])),
      with_node_and_run_ms: rounded(sum(STEPS)),
      ...(Object.fromEntries(STEPS.map((step) => [step, rounded(sum([step]))])) as Times),
      runs,
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function startOnce(args: readonly string[], variables: Readonly<Record<string, unknown>>): Times {
  // What names things of AWS is no text before it is deployed; nothing is called here.
  const texts = Object.entries(variables).map(([name, value]): [string, string] => [
    name,
    typeof value === 'string' ? value : 'none',
  ]);
  const started = String(performance.timeOrigin + performance.now());
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROCESS, ...args, started], {
    encoding: 'utf8',
    env: { ...process.env, ...Object.fromEntries(texts), ...LAMBDA },
  });
  if (status !== 0) throw new Error(`the cold start failed: ${stderr.slice(-2_000)}`);
  return JSON.parse(stdout) as Times;
}

/** What Lambda itself sets. */
const LAMBDA = {
  ...{ AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'none', AWS_SECRET_ACCESS_KEY: 'none' },
  ...{ AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '1769', NODE_OPTIONS: '' },
};

interface FunctionResource {
  readonly Type: string;
  readonly Properties?: { readonly Environment?: { readonly Variables?: Readonly<Record<string, unknown>> } };
  readonly Metadata?: Readonly<Record<string, string>>;
}

/** Synthesizes for this machine's processor. @returns the folder of inference's code, and its variables */
function bundleInto(outDir: string): { asset: string; variables: Readonly<Record<string, unknown>> } {
  const target =
    process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch) ? `lambda-${process.arch}` : 'host';
  const args = ['--import', 'tsx', 'scripts/synth.ts', '--out', outDir, '-c', `target=${target}`];
  execFileSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const text = readFileSync(join(outDir, 'tenon-inference.template.json'), 'utf8');
  const { Resources } = JSON.parse(text) as { Resources: Record<string, FunctionResource> };
  const found = Object.values(Resources).find(({ Type }) => Type === 'AWS::Lambda::Function');
  const asset = join(outDir, found?.Metadata?.['aws:asset:path'] ?? '');
  return { asset, variables: found?.Properties?.Environment?.Variables ?? {} };
}
