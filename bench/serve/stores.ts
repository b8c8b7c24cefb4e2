/** A local DynamoDB and S3 that run beside this process. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { BUCKET, REGION } from '../../test/conformance/sigv4/start-cloud.ts';
import { TABLES } from '../../test/conformance/stores/dynamo.ts';

const SCRIPT = fileURLToPath(new URL('./stores-process.ts', import.meta.url));

export interface LocalStores {
  readonly url: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly names: { readonly catalog: string; readonly quotas: string; readonly bucket: string };
  stop(): Promise<void>;
}

export async function startLocalStores(): Promise<LocalStores> {
  const child = spawn(process.execPath, ['--import', 'tsx', SCRIPT], { stdio: ['pipe', 'pipe', 'inherit'] });
  const first = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  if (first.done === true) throw new Error('the local DynamoDB and S3 ended without a word');
  const { url, credentials } = JSON.parse(first.value) as Pick<LocalStores, 'url' | 'credentials'>;
  return {
    ...{ url, credentials, region: REGION },
    names: { catalog: TABLES.catalog, quotas: TABLES.quotas, bucket: BUCKET },
    async stop() {
      const exit = once(child, 'exit');
      child.stdin.end();
      await exit;
    },
  };
}
