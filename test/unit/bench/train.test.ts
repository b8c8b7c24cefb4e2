/** The benchmark's lines have their shape, whether the peer is there or not. Nothing here depends on how fast anything is. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

const CASE = 'SVC rbf, digits';
const MEASURED = ['ours_ms', 'ours_cpu_ms', 'ours_peak_mb'];
const OF_BOTH = ['peer_ms', 'ratio', 'peer_cpu_ms', 'peer_peak_mb', 'max_difference'];

async function lineOf(env: NodeJS.ProcessEnv): Promise<Record<string, unknown>> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', 'bench/train.ts', '--json', '--case', CASE, '--runs', '1', '--threads', '1'],
    { env: { ...process.env, ...env } },
  );
  return JSON.parse(stdout) as Record<string, unknown>;
}

test('a missing peer is said in the line, with the reason', async () => {
  const line = await lineOf({ PYTHON: '/no/such/python' });

  expect(line).toMatchObject({ peer: 'scikit-learn', threads: 1, runs: 1, reason: expect.stringContaining('ENOENT') });
  expect(line['case']).toContain(CASE);
  for (const field of MEASURED) expect(line[field]).toBeGreaterThan(0);
  for (const field of OF_BOTH) expect(line[field]).toBeNull();
});

test('a line names both sides, or says why one is missing', async () => {
  const line = await lineOf({});

  for (const field of MEASURED) expect(line[field]).toBeGreaterThan(0);
  for (const field of OF_BOTH) expect(line[field]).toEqual(line['reason'] ? null : expect.any(Number));
  expect(line['reason'] ?? line['peer_version']).toEqual(expect.any(String));
});
