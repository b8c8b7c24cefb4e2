/**
 * AWS clients: with the function's own role (control, train, admin, authorizer), or with the tenant role's credentials
 * under the session tag TenantId (inference, ingest, fit, which hold no right to data of their own).
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { TENANT_TAG } from '../contract.ts';

export interface DataClients {
  readonly dynamo: DynamoDBDocumentClient;
  readonly s3: S3Client;
  /** Signs URLs. It adds no checksum of its own: it would be that of an empty body, and stand in the URL. */
  readonly presigner: S3Client;
}

/** Role chaining caps a session at one hour. */
const SESSION_S = 3600;

interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiration: Date;
}

/** Clients with the credentials of the function's own role. */
export function ownClients(): DataClients {
  return clientsWith({});
}

/**
 * Clients that reach one tenant's data only. The SDK keeps the credentials and asks again before they expire, so a warm
 * environment makes one STS call an hour.
 */
export function tenantClients(tenantId: string, tenantRoleArn: string): DataClients {
  const sts = new STSClient({});
  return clientsWith({ credentials: () => assumeTenantRole(sts, tenantId, tenantRoleArn) });
}

function clientsWith(config: { credentials?: () => Promise<Credentials> }): DataClients {
  return {
    dynamo: DynamoDBDocumentClient.from(new DynamoDBClient(config), {
      marshallOptions: { removeUndefinedValues: true },
    }),
    s3: new S3Client(config),
    presigner: new S3Client({ ...config, requestChecksumCalculation: 'WHEN_REQUIRED' }),
  };
}

async function assumeTenantRole(sts: STSClient, tenantId: string, roleArn: string): Promise<Credentials> {
  const { Credentials: issued } = await sts.send(
    new AssumeRoleCommand({
      RoleArn: roleArn,
      RoleSessionName: `tenant-${tenantId}`,
      DurationSeconds: SESSION_S,
      Tags: [{ Key: TENANT_TAG, Value: tenantId }],
    }),
  );
  if (!issued?.AccessKeyId || !issued.SecretAccessKey || !issued.SessionToken || !issued.Expiration) {
    throw new Error(`AssumeRole of ${roleArn} answered without credentials`);
  }
  return {
    accessKeyId: issued.AccessKeyId,
    secretAccessKey: issued.SecretAccessKey,
    sessionToken: issued.SessionToken,
    expiration: issued.Expiration,
  };
}
