/** The local cloud with Tenon in it: what `npm start` and `npm run demo` share. */
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, statSync } from 'node:fs';
import { startLocalCloud } from '../harness/index.ts';
import type { LocalCloud, LocalCloudOptions } from '../harness/index.ts';
import { invokeAdmin } from './admin-client.ts';

const ASSEMBLY = '.tenon/cdk.out';
const SOURCES = ['infra/**/*.ts', 'functions/**/*.ts', 'shared/**/*.{ts,js}', 'cdk.json', 'package-lock.json'];

/** Bundles and synthesizes for this machine, unless what stands in .tenon/cdk.out is newer than every source. */
export function buildIfStale(log: (line: string) => void): void {
  const manifest = `${ASSEMBLY}/manifest.json`;
  const builtMs = existsSync(manifest) ? statSync(manifest).mtimeMs : 0;
  if (SOURCES.flatMap((pattern) => globSync(pattern)).every((file) => statSync(file).mtimeMs < builtMs)) return;
  log('building (npm run build) ...');
  execFileSync('npm', ['run', '--silent', 'build'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  });
}

export async function startTenon(
  options: {
    dataDir: string;
    ports?: { api: number; lambda: number; aws: number };
  } & Pick<LocalCloudOptions, 'environmentOverrides' | 'faults'>,
): Promise<LocalCloud> {
  const { ports, ...others } = options;
  return startLocalCloud({
    assemblyDir: ASSEMBLY,
    ...others,
    ...(ports === undefined ? {} : { apiPort: ports.api, lambdaPort: ports.lambda, awsPort: ports.aws }),
  });
}

/** A key of the tenant, which is made if need be. */
export async function keyOfTenant(lambdaUrl: string, tenantId: string, plan: string): Promise<string> {
  const created = await invokeAdmin({ command: 'create', tenant_id: tenantId, plan }, lambdaUrl);
  if (typeof created['api_key'] === 'string') return created['api_key'];
  const key = await invokeAdmin({ command: 'create-key', tenant_id: tenantId }, lambdaUrl);
  if (typeof key['api_key'] === 'string') return key['api_key'];
  throw new Error(`could not make a key for tenant ${tenantId}: ${JSON.stringify(key)}`);
}
