/**
 * A local cloud in a process of its own, so that a test can kill it. `cloud-process.ts <data dir> [options]` prints where it listens; the options
 * are JSON: `environment` replaces variables of all functions, `faults` are those of the local cloud.
 */
import type { LocalCloudOptions } from '../../harness/index.ts';
import { startTenon } from '../../scripts/local.ts';

export interface CloudProcessOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly faults?: NonNullable<LocalCloudOptions['faults']>;
}

const [dataDir, text = '{}'] = process.argv.slice(2);
if (dataDir === undefined) throw new Error('usage: cloud-process.ts <data dir> [options]');
const { environment = {}, faults } = JSON.parse(text) as CloudProcessOptions;
const { apiUrl, lambdaUrl, awsUrl, operatorCredentials } = await startTenon({
  dataDir,
  environmentOverrides: () => environment,
  ...(faults === undefined ? {} : { faults }),
});
console.log(JSON.stringify({ apiUrl, lambdaUrl, awsUrl, operatorCredentials }));
