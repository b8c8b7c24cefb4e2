/** npm start: the local cloud with Tenon in it, until Ctrl-C. Data and running jobs in its folder survive a kill. */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import pc from 'picocolors';
import { buildIfStale, keyOfTenant, startTenon } from './local.ts';

const FILE = '.tenon/local.json';
const DEFAULT_PORT = 3000;
const TENANT = 'local';

interface LocalFile {
  url: string;
  api_key: string;
  tenant_id: string;
  lambda_url: string;
  pid: number;
}

const startedMs = Date.now();
const { port, data } = new Command('npm start --')
  .description('Tenon on this machine, until Ctrl-C.')
  .option('--port <port>', `of the API, on 127.0.0.1; ${DEFAULT_PORT} if it is free, else any`, portNumber)
  .option('--data <folder>', 'where data and jobs are kept', '.tenon/cloud')
  .parse()
  .opts<{ port?: number; data: string }>();
/** Outlives the cloud, unlike local.json, so that the next start gives the same key. */
const keyFile = join(data, 'local-key');
buildIfStale((line) => console.log(pc.dim(line)));
const cloud = await startTenon({
  dataDir: data,
  ports: { api: port ?? (await portOr(DEFAULT_PORT)), lambda: await portOr(3001), aws: await portOr(3002) },
}).catch((error: unknown) => {
  console.error(pc.red(error instanceof Error ? error.message : String(error)));
  process.exit(1);
});
let isStopping = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (isStopping) return;
    isStopping = true;
    rmSync(FILE, { force: true });
    void cloud.stop().then(() => process.exit(0));
  });
}

const known = existsSync(keyFile) ? readFileSync(keyFile, 'utf8') : undefined;
const isKnownGood =
  known !== undefined && (await fetch(`${cloud.apiUrl}/v1/limits`, { headers: { 'x-api-key': known } })).ok;
const local: LocalFile = {
  url: cloud.apiUrl,
  api_key: isKnownGood ? known : await keyOfTenant(cloud.lambdaUrl, TENANT, 'dedicated'),
  tenant_id: TENANT,
  lambda_url: cloud.lambdaUrl,
  pid: process.pid,
};
writeFileSync(keyFile, local.api_key, { mode: 0o600 });
writeFileSync(`${FILE}.new`, `${JSON.stringify(local, null, 2)}\n`, { mode: 0o600 });
renameSync(`${FILE}.new`, FILE);

console.log(`${pc.bold('Tenon')} is ready (${((Date.now() - startedMs) / 1000).toFixed(1)} s)
  url        ${local.url}
  api key    ${local.api_key}
  tenant     ${local.tenant_id}
  lambda     ${local.lambda_url}

  curl ${local.url}/v1/limits -H 'x-api-key: ${local.api_key}'

Data and jobs are kept in ${data}. Ctrl-C stops it.`);

/** @throws {InvalidArgumentError} */
function portNumber(text: string): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number <= 65_535) return number;
  throw new InvalidArgumentError('expected a port, 0 to 65535 (0: any that is free).');
}

/** The port, or 0 for any free one when something listens there already. */
function portOr(port: number): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(0));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(port)));
  });
}
