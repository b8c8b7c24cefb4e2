/** Clients of a local DynamoDB and S3 that run beside this process, and how often they call. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { DataClients } from '../../shared/stores/clients.ts';
import { REGION } from '../../test/conformance/sigv4/start-cloud.ts';

const SCRIPT = fileURLToPath(new URL('./stores-process.ts', import.meta.url));

export interface LocalStores {
  readonly clients: DataClients;
  /** Requests so far. */
  calls(): number;
  stop(): Promise<void>;
}

export async function startLocalStores(): Promise<LocalStores> {
  const child = spawn(process.execPath, ['--import', 'tsx', SCRIPT], { stdio: ['pipe', 'pipe', 'inherit'] });
  const first = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  if (first.done === true) throw new Error('the local DynamoDB and S3 ended without a word');
  const { url, credentials } = JSON.parse(first.value) as {
    url: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
  };
  const config = { endpoint: url, region: REGION, credentials, maxAttempts: 1 };
  const dynamo = DynamoDBDocumentClient.from(new DynamoDBClient(config), {
    marshallOptions: { removeUndefinedValues: true },
  });
  const s3 = new S3Client({ ...config, forcePathStyle: true });
  let calls = 0;
  const counted =
    <In, Out>(next: (args: In) => Promise<Out>) =>
    (args: In): Promise<Out> => {
      calls += 1;
      return next(args);
    };
  dynamo.middlewareStack.add(counted, { step: 'initialize' });
  s3.middlewareStack.add(counted, { step: 'initialize' });
  return {
    clients: { dynamo, s3, presigner: s3 },
    calls: () => calls,
    async stop() {
      for (const client of [dynamo, s3]) client.destroy();
      const exit = once(child, 'exit');
      child.stdin.end();
      await exit;
    },
  };
}
