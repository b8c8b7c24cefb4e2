/** npm start: the local cloud with Tenon in it, until Ctrl-C. Data and running jobs in .tenon/cloud survive a kill. */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import pc from 'picocolors';
import { buildIfStale, keyOfTenant, startTenon } from './local.ts';

const FILE = '.tenon/local.json';
/** Outlives the cloud, unlike local.json, so that the next start gives the same key. */
const KEY_FILE = '.tenon/cloud/local-key';
const TENANT = 'local';

interface LocalFile {
  url: string;
  api_key: string;
  tenant_id: string;
  lambda_url: string;
  pid: number;
}

const startedMs = Date.now();
buildIfStale((line) => console.log(pc.dim(line)));
const cloud = await startTenon({
  dataDir: '.tenon/cloud',
  ports: { api: await portOr(3000), lambda: await portOr(3001), aws: await portOr(3002) },
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

const known = existsSync(KEY_FILE) ? readFileSync(KEY_FILE, 'utf8') : undefined;
const isKnownGood =
  known !== undefined && (await fetch(`${cloud.apiUrl}/v1/limits`, { headers: { 'x-api-key': known } })).ok;
const local: LocalFile = {
  url: cloud.apiUrl,
  api_key: isKnownGood ? known : await keyOfTenant(cloud.lambdaUrl, TENANT, 'dedicated'),
  tenant_id: TENANT,
  lambda_url: cloud.lambdaUrl,
  pid: process.pid,
};
writeFileSync(KEY_FILE, local.api_key, { mode: 0o600 });
writeFileSync(`${FILE}.new`, `${JSON.stringify(local, null, 2)}\n`, { mode: 0o600 });
renameSync(`${FILE}.new`, FILE);

console.log(`${pc.bold('Tenon')} is ready (${((Date.now() - startedMs) / 1000).toFixed(1)} s)
  url        ${local.url}
  api key    ${local.api_key}
  tenant     ${local.tenant_id}
  lambda     ${local.lambda_url}

  curl ${local.url}/v1/limits -H 'x-api-key: ${local.api_key}'

Data and jobs are kept in .tenon/cloud. Ctrl-C stops it.`);

/** The port, or 0 for any free one when something listens there already. */
function portOr(port: number): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(0));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(port)));
  });
}
