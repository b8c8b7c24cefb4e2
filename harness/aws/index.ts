/**
 * The emulated AWS of the local cloud, whole: one endpoint with S3, DynamoDB, STS and what the caller adds (Lambda), all
 * behind verified signatures and the template's policies. Everything it keeps is under `dataDir`.
 */
import { join } from 'node:path';
import { Authorizer, warnOfKeys } from './authorizer.ts';
import { CredentialStore } from './credentials.ts';
import { startDynamoBackend } from './dynamodb/backend.ts';
import { KeySchemas } from './dynamodb/key-schemas.ts';
import { DynamoService } from './dynamodb/service.ts';
import { ensureTable } from './dynamodb/tables.ts';
import { TimeToLive } from './dynamodb/ttl.ts';
import { Faults } from './faults.ts';
import { startAwsEndpoint } from './front.ts';
import { evaluate } from './iam/evaluate.ts';
import { S3Service } from './s3/service.ts';
import { S3Store } from './s3/store.ts';
import { StsService } from './sts/service.ts';
import type { AwsCredentials } from './credentials.ts';
import type { TableDefinition } from './dynamodb/tables.ts';
import type { FaultOptions } from './faults.ts';
import type { AwsEndpoint } from './front.ts';
import type { PolicyDocument, RoleDefinition } from './iam/policy.ts';
import type { BucketDefinition } from './s3/bucket.ts';
import type { AwsService } from './service.ts';

export type { AwsCredentials } from './credentials.ts';
export type { TableDefinition } from './dynamodb/tables.ts';
export type { ConditionBlock, PolicyDocument, PolicyPrincipal, PolicyStatement, RoleDefinition } from './iam/policy.ts';
export type { FaultKind, FaultOptions } from './faults.ts';
export type { BucketDefinition } from './s3/bucket.ts';
export type { CorsRule } from './s3/cors.ts';
export type { RoleDecision } from './authorizer.ts';
export type { AwsService, Permission, Principal, ServiceRequest } from './service.ts';
export { AwsError } from './service.ts';

const TTL_SWEEP_MS = 5 * 60 * 1000;
const DEFAULT_ROLE_SESSION_S = 12 * 3600;

export interface AwsCloudOptions {
  /** Credentials key, buckets and tables live here and outlive a kill. One process at a time. */
  readonly dataDir: string;
  /** 0, the default, takes a free port. */
  readonly port?: number;
  readonly accountId: string;
  readonly region: string;
  readonly roles: readonly RoleDefinition[];
  /** By bucket name. */
  readonly bucketPolicies?: Readonly<Record<string, PolicyDocument>>;
  readonly buckets: readonly BucketDefinition[];
  readonly tables: readonly TableDefinition[];
  readonly extraServices?: readonly AwsService[];
  /** What the policies say and the local AWS cannot see; default: standard error. */
  readonly onWarning?: (message: string) => void;
  /** Calls that fail on purpose. */
  readonly faults?: FaultOptions | undefined;
  /** Milliseconds since the epoch; for tests. */
  readonly now?: () => number;
}

export interface RoleSessionOptions {
  /** As it will stand in the session's ARN; Lambda uses the function's name. */
  readonly sessionName: string;
  /** The service that assumes the role; its trust policy must allow it. Default `lambda.amazonaws.com`. */
  readonly service?: string;
  /** Default 12 hours. */
  readonly durationS?: number;
}

export type RoleCredentials = AwsCredentials & { readonly sessionToken: string; readonly expiresAtEpochS: number };

export interface AwsCloud {
  readonly url: string;
  readonly port: number;
  /** Credentials of a role for a service (a function's environment); throws where the role is unknown or does not trust it. */
  issueRoleCredentials(roleArn: string, options: RoleSessionOptions): RoleCredentials;
  /** The account's own key: may do everything; the same after every restart. */
  operatorCredentials(): AwsCredentials;
  /** Roles, and what was decided about them. */
  readonly roles: Pick<Authorizer, 'role' | 'setPolicies' | 'onDecision'>;
  /** Deletes items whose time to live has passed; runs by itself every five minutes. */
  sweepExpiredItems(): Promise<number>;
  stop(): Promise<void>;
}

/** Makes buckets and tables where they are missing, and listens. */
export async function startAwsCloud(options: AwsCloudOptions): Promise<AwsCloud> {
  const { dataDir, accountId, region, bucketPolicies = {}, extraServices = [] } = options;
  const now = options.now ?? Date.now;
  const warn = options.onWarning ?? ((message: string) => console.warn(`local cloud: ${message}`));
  for (const [bucket, policy] of Object.entries(bucketPolicies)) warnOfKeys(policy, `policy of bucket ${bucket}`, warn);
  const authorizer = new Authorizer(options.roles, warn);
  const credentials = new CredentialStore({ dataDir, accountId, now });
  const verifier = { credentials, region, now };
  const store = new S3Store(join(dataDir, 's3'), now);
  for (const bucket of options.buckets) store.ensureBucket(bucket);
  const backend = await startDynamoBackend({ dir: join(dataDir, 'dynamodb'), accountId, region });
  const schemas = new KeySchemas(backend);
  const ttl = new TimeToLive({ path: join(dataDir, 'time-to-live.json'), backend, schemas, now });
  let endpoint: AwsEndpoint;
  try {
    for (const table of options.tables) await ensureTable({ backend, schemas, ttl }, table);
    endpoint = await startAwsEndpoint({
      services: [
        new S3Service({ store, verifier, bucketPolicies }),
        new DynamoService({ backend, schemas, ttl, accountId, region }),
        new StsService({ authorizer, credentials, now, region }),
        ...extraServices,
      ],
      verifier,
      authorizer,
      faults: options.faults && new Faults(options.faults),
      ...(options.port !== undefined && { port: options.port }),
    });
  } catch (error) {
    // A table that does not fit or a port that is taken must not leave the store open.
    await backend.stop();
    throw error;
  }
  const sweep = setInterval(
    () => void ttl.sweep().catch((error: unknown) => console.error('local cloud: time to live', error)),
    TTL_SWEEP_MS,
  );
  sweep.unref();
  return {
    url: endpoint.url,
    port: endpoint.port,
    issueRoleCredentials: (roleArn, session) => issueForService({ authorizer, credentials, now }, roleArn, session),
    operatorCredentials: () => credentials.operator(),
    roles: authorizer,
    sweepExpiredItems: () => ttl.sweep(),
    async stop() {
      clearInterval(sweep);
      await endpoint.stop();
      await backend.stop();
    },
  };
}

function issueForService(
  parts: { authorizer: Authorizer; credentials: CredentialStore; now: () => number },
  roleArn: string,
  options: RoleSessionOptions,
): RoleCredentials {
  const role = parts.authorizer.role(roleArn);
  if (role === undefined) throw new Error(`credentials: the template has no role ${roleArn}`);
  const service = options.service ?? 'lambda.amazonaws.com';
  const decision = evaluate({
    caller: { kind: 'service', name: service },
    action: 'sts:AssumeRole',
    resource: roleArn,
    context: new Map(),
    identityPolicies: [],
    resourcePolicies: [role.trustPolicy],
    isTrustPolicy: true,
  });
  if (!decision.allowed)
    throw new Error(`credentials: the role ${roleArn} cannot be assumed by ${service} ${decision.because}`);
  const issuedAtEpochS = Math.floor(parts.now() / 1000);
  return parts.credentials.issue({
    roleArn,
    sessionName: options.sessionName,
    issuedAtEpochS,
    expiresAtEpochS: issuedAtEpochS + (options.durationS ?? DEFAULT_ROLE_SESSION_S),
    tags: {},
  });
}
