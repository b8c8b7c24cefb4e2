/**
 * npm test: types, lint, direction of imports, and all tests, quiet while it passes. The last line is `N passed, N failed`.
 * Slow sweeps and benchmarks are scripts of their own.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';

interface Step {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Where jest writes its counts. */
  readonly report?: string;
}

const CODE = ['infra', 'functions', 'shared', 'harness', 'cli', 'test', 'bench', 'scripts'];

const STEPS: readonly Step[] = [
  { name: 'types', command: 'tsc', args: ['-p', 'tsconfig.json'] },
  { name: 'lint', command: 'eslint', args: ['--max-warnings', '0', ...CODE] },
  {
    name: 'direction of imports',
    command: 'depcruise',
    args: ['--config', '.dependency-cruiser.js', '--output-type', 'err', ...CODE],
  },
  { name: 'build', command: 'npm', args: ['run', '--silent', 'build'] },
  jest('unit, conformance, infra', ['test/unit', 'test/conformance', 'test/infra']),
  jest('end to end', ['test/e2e']),
];

function jest(name: string, folders: readonly string[]): Step {
  const report = `.tenon/test-${folders.length}.json`;
  return {
    name,
    command: 'jest',
    args: ['--maxWorkers', '2', '--silent', '--reporters', 'default', '--json', '--outputFile', report, ...folders],
    report,
  };
}

mkdirSync('.tenon', { recursive: true });
let passed = 0;
let failed = 0;
for (const step of STEPS) {
  const startedMs = performance.now();
  if (step.report !== undefined) rmSync(step.report, { force: true });
  const { code, output } = await run(step);
  const counts = step.report === undefined ? undefined : countsOf(step.report);
  passed += counts?.passed ?? (code === 0 ? 1 : 0);
  failed += counts?.failed ?? (code === 0 ? 0 : 1);
  // A suite that could not even start counts no test as failed.
  if (code !== 0 && counts?.failed === 0) failed += 1;
  console.log(
    `${code === 0 ? 'ok  ' : 'FAIL'} ${step.name} (${((performance.now() - startedMs) / 1000).toFixed(0)} s)`,
  );
  if (code !== 0) console.log(output);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function run(step: Step): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(step.command, step.args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32',
      env: { ...process.env, FORCE_COLOR: '0', ORT_DISABLE_TELEMETRY: '1', ONNXRUNTIME_NODE_INSTALL: 'skip' },
    });
    let output = '';
    const keep = (chunk: Buffer): void => {
      output += chunk.toString('utf8');
    };
    child.stdout.on('data', keep);
    // Jest tells on stderr which tests passed; its JSON on stdout is in the report too.
    child.stderr.on('data', keep);
    child.on('error', (error) => resolve({ code: 1, output: `${step.command}: ${error.message}` }));
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

function countsOf(report: string): { passed: number; failed: number } {
  try {
    const json = JSON.parse(readFileSync(report, 'utf8')) as Record<
      'numPassedTests' | 'numFailedTests' | 'numRuntimeErrorTestSuites',
      number
    >;
    return { passed: json.numPassedTests, failed: json.numFailedTests + json.numRuntimeErrorTestSuites };
  } catch {
    return { passed: 0, failed: 0 };
  }
}
