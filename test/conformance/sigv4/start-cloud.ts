/** A local AWS on a free port with a data directory of its own, and real SDK clients for it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { STSClient } from '@aws-sdk/client-sts';
import { startAwsCloud } from '../../../harness/aws/index.ts';
import type {
  AwsCloud,
  AwsCloudOptions,
  AwsCredentials,
  PolicyStatement,
  RoleDefinition,
  TableDefinition,
} from '../../../harness/aws/index.ts';

export const ACCOUNT = '123456789012';
export const REGION = 'eu-central-1';
export const BUCKET = 'data';

/** Properties as in a template: partition key `pk`, sort key `sk`, an index `by_day` on `day`. */
export const CATALOG_TABLE: TableDefinition = {
  TableName: 'catalog',
  AttributeDefinitions: ['pk', 'sk', 'day'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'sk', KeyType: 'RANGE' },
  ],
  BillingMode: 'PAY_PER_REQUEST',
  GlobalSecondaryIndexes: [
    {
      IndexName: 'by_day',
      KeySchema: [
        { AttributeName: 'day', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      Projection: { ProjectionType: 'ALL' },
    },
  ],
  TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: true },
};

export interface TestCloud {
  readonly cloud: AwsCloud;
  readonly dataDir: string;
  s3(credentials?: AwsCredentials): S3Client;
  dynamodb(credentials?: AwsCredentials): DynamoDBClient;
  sts(credentials?: AwsCredentials): STSClient;
  stop(): Promise<void>;
}

/** Starts a cloud with the bucket `data`; clients are the operator's unless they are given credentials. */
export async function startTestCloud(options: Partial<AwsCloudOptions> = {}): Promise<TestCloud> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'aws-cloud-'));
  const cloud = await startAwsCloud({
    accountId: ACCOUNT,
    region: REGION,
    roles: [],
    buckets: [{ name: BUCKET }],
    tables: [],
    ...options,
    dataDir,
  });
  const clients: { destroy(): void }[] = [];
  const config = (credentials: AwsCredentials = cloud.operatorCredentials()) => ({
    endpoint: cloud.url,
    region: REGION,
    credentials,
    maxAttempts: 1,
  });
  const keep = <T extends { destroy(): void }>(client: T): T => {
    clients.push(client);
    return client;
  };
  return {
    cloud,
    dataDir,
    s3: (credentials) => keep(new S3Client(config(credentials))),
    dynamodb: (credentials) => keep(new DynamoDBClient(config(credentials))),
    sts: (credentials) => keep(new STSClient(config(credentials))),
    async stop() {
      for (const client of clients) client.destroy();
      await cloud.stop();
      if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** A role that Lambda may assume, with these statements as its one policy. */
export function lambdaRole(
  name: string,
  statements: readonly PolicyStatement[],
  trust: readonly PolicyStatement[] = [],
): RoleDefinition {
  const byLambda: PolicyStatement = {
    Effect: 'Allow',
    Action: 'sts:AssumeRole',
    Principal: { Service: 'lambda.amazonaws.com' },
  };
  return {
    arn: `arn:aws:iam::${ACCOUNT}:role/${name}`,
    name,
    trustPolicy: { Version: '2012-10-17', Statement: [byLambda, ...trust] },
    policies: [{ Version: '2012-10-17', Statement: statements }],
  };
}

/** What a call fails with: the error's name, HTTP status and message. */
export async function failure(
  call: Promise<unknown>,
): Promise<{ name: string; status: number | undefined; message: string }> {
  try {
    await call;
  } catch (error) {
    const { name, message, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
    return { name, message, status: $metadata?.httpStatusCode };
  }
  throw new Error('the call was expected to fail and succeeded');
}
