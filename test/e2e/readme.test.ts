/** The commands of README.md, run as they stand there: against a local cloud, in the order of the page. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { useTenon } from './tenon.ts';

const tenon = useTenon();
const folder = mkdtempSync(join(tmpdir(), 'tenon-readme-'));

const blocks = [...readFileSync('README.md', 'utf8').matchAll(/```sh\n(.*?)```/gs)].map(([, text]) => text ?? '');
const curls = blocks.filter((block) => block.startsWith('curl'));
const exports = blocks.find((block) => block.startsWith('export')) ?? '';

/** Commands that run elsewhere: CI is `npm cit`, the infra tests synthesize, the demo has a test of its own. */
const ELSEWHERE = ['npm ci && npm run demo', 'npm cit', 'npm start', 'npm run synth', 'npm run deploy'];

beforeAll(() => {
  mkdirSync(join(folder, '.tenon'));
  const { apiUrl, lambdaUrl } = tenon.cloud;
  const local = {
    url: apiUrl,
    api_key: tenon.key('a'),
    tenant_id: 'tenant-a',
    lambda_url: lambdaUrl,
    pid: process.pid,
  };
  writeFileSync(join(folder, '.tenon', 'local.json'), JSON.stringify(local));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = promisify(execFile);

/** Not synchronous: the cloud that the commands talk to runs in this very process. */
async function shell(script: string, cwd = folder): Promise<string> {
  const { stdout } = await run('bash', ['-euc', script], { cwd, timeout: 60_000 });
  return stdout;
}

describe("the README's commands", () => {
  it('make a dataset, train on it and predict, for a tenant', async () => {
    const [makeDataset = '', train = '', predict = ''] = curls;

    const dataset = JSON.parse(await shell(exports + makeDataset)) as { id: string };
    await tenon.settled(`/v1/datasets/${dataset.id}`, ['ready']);
    const job = JSON.parse(await shell(exports + train.replace('ds_...', dataset.id))) as { id: string };
    const ended = await tenon.settled(`/v1/jobs/${job.id}`, ['succeeded', 'failed']);
    const answer = JSON.parse(await shell(exports + predict)) as { predictions: number[] };

    expect(ended['status']).toBe('succeeded');
    // 50 to 120 square metres cost 151 to 355: 70 lies between.
    expect(answer.predictions[0]).toBeGreaterThan(180);
    expect(answer.predictions[0]).toBeLessThan(250);
  });

  it('make a tenant for an operator', async () => {
    const block = blocks.find((text) => text.includes('npm run tenants -- create')) ?? '';
    const [create = ''] = block.split('\n');
    const script = create.replace(
      'npm run tenants --',
      `${process.execPath} --import ${resolve('node_modules/tsx/dist/esm/index.mjs')} ${resolve('scripts/tenants.ts')} --json`,
    );

    const answer = JSON.parse(await shell(script)) as Record<string, unknown>;

    expect(answer).toMatchObject({ object: 'tenant', tenant_id: 'acme', plan: 'standard' });
    expect(answer['api_key']).toMatch(/^tenon_sk_/);
  });

  it('run the command line of the harness', async () => {
    const line =
      blocks.flatMap((block) => block.split('\n')).find((text) => text.startsWith('npx tsx harness/cli.ts')) ?? '';

    expect(JSON.parse(await shell(line, resolve('.')))).toMatchObject({ httpMethod: 'POST' });
  });

  it('are all run by a test or by CI', () => {
    const lines = blocks.flatMap((block) => block.split('\n')).map((text) => (text.split('#')[0] ?? '').trim());
    const commands = lines.filter((text) => /^(npm|npx|node)\b/.test(text));

    const unknown = commands.filter(
      (text) =>
        !ELSEWHERE.includes(text) &&
        !text.startsWith('npm run tenants') &&
        !text.startsWith('npx tsx harness/cli.ts local generate-event'),
    );

    expect(unknown).toEqual([]);
  });
});
