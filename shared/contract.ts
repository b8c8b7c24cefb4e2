/**
 * Names that the deployed stacks (infra/) and the code inside the functions (functions/, shared/) must agree on:
 * routes, environment variables, function names, metrics. Data only; this file imports nothing.
 */

/** Which function serves a route. `inference` runs isolated per tenant, `events` streams; `control` does everything else. */
export type RouteFunction = 'control' | 'inference' | 'events';

export interface Route {
  /** The operation's name in code and in the OpenAPI document. */
  readonly operation: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** The path tenants call, as in the OpenAPI document. */
  readonly path: string;
  /** The API Gateway resource, where it differs: a resource's part is a literal or a whole `{parameter}`. */
  readonly resource?: string;
  readonly function: RouteFunction;
  /** `none`: reachable without a key. */
  readonly auth: 'key' | 'none';
}

/** Every route of the public API; infra makes one API Gateway method of each, http/ one operation of each. */
export const ROUTES = [
  { operation: 'getHealth', method: 'GET', path: '/v1/health', function: 'control', auth: 'none' },
  { operation: 'getOpenApi', method: 'GET', path: '/v1/openapi.json', function: 'control', auth: 'none' },
  { operation: 'getDocs', method: 'GET', path: '/v1/docs', function: 'control', auth: 'none' },
  { operation: 'createDataset', method: 'POST', path: '/v1/datasets', function: 'control', auth: 'key' },
  { operation: 'listDatasets', method: 'GET', path: '/v1/datasets', function: 'control', auth: 'key' },
  { operation: 'getDataset', method: 'GET', path: '/v1/datasets/{id}', function: 'control', auth: 'key' },
  { operation: 'deleteDataset', method: 'DELETE', path: '/v1/datasets/{id}', function: 'control', auth: 'key' },
  {
    operation: 'completeDataset',
    method: 'POST',
    path: '/v1/datasets/{id}/complete',
    function: 'control',
    auth: 'key',
  },
  { operation: 'createJob', method: 'POST', path: '/v1/jobs', function: 'control', auth: 'key' },
  { operation: 'estimateJob', method: 'POST', path: '/v1/jobs/estimate', function: 'control', auth: 'key' },
  { operation: 'listJobs', method: 'GET', path: '/v1/jobs', function: 'control', auth: 'key' },
  { operation: 'getJob', method: 'GET', path: '/v1/jobs/{id}', function: 'control', auth: 'key' },
  { operation: 'listJobEvents', method: 'GET', path: '/v1/jobs/{id}/events', function: 'events', auth: 'key' },
  { operation: 'cancelJob', method: 'POST', path: '/v1/jobs/{id}/cancel', function: 'control', auth: 'key' },
  { operation: 'createBatch', method: 'POST', path: '/v1/batches', function: 'control', auth: 'key' },
  { operation: 'listBatches', method: 'GET', path: '/v1/batches', function: 'control', auth: 'key' },
  { operation: 'getBatch', method: 'GET', path: '/v1/batches/{id}', function: 'control', auth: 'key' },
  { operation: 'deleteBatch', method: 'DELETE', path: '/v1/batches/{id}', function: 'control', auth: 'key' },
  { operation: 'cancelBatch', method: 'POST', path: '/v1/batches/{id}/cancel', function: 'control', auth: 'key' },
  { operation: 'getBatchOutput', method: 'GET', path: '/v1/batches/{id}/output', function: 'control', auth: 'key' },
  { operation: 'getWebhookSecret', method: 'GET', path: '/v1/webhooks/secret', function: 'control', auth: 'key' },
  { operation: 'rotateWebhookSecret', method: 'POST', path: '/v1/webhooks/secret', function: 'control', auth: 'key' },
  { operation: 'listModels', method: 'GET', path: '/v1/models', function: 'control', auth: 'key' },
  { operation: 'createModel', method: 'POST', path: '/v1/models', function: 'control', auth: 'key' },
  { operation: 'getModel', method: 'GET', path: '/v1/models/{name}', function: 'control', auth: 'key' },
  {
    operation: 'predict',
    method: 'POST',
    path: '/v1/models/{ref}:predict',
    resource: '/v1/models/{name}',
    function: 'inference',
    auth: 'key',
  },
  {
    operation: 'explain',
    method: 'POST',
    path: '/v1/models/{ref}:explain',
    resource: '/v1/models/{name}',
    function: 'inference',
    auth: 'key',
  },
  {
    operation: 'getModelVersion',
    method: 'GET',
    path: '/v1/models/{name}/versions/{version}',
    function: 'control',
    auth: 'key',
  },
  {
    operation: 'completeModelVersion',
    method: 'POST',
    path: '/v1/models/{name}/versions/{version}/complete',
    function: 'control',
    auth: 'key',
  },
  { operation: 'completeModel', method: 'POST', path: '/v1/models/{name}/complete', function: 'control', auth: 'key' },
  {
    operation: 'getModelArtifact',
    method: 'GET',
    path: '/v1/models/{name}/versions/{version}/artifact',
    function: 'control',
    auth: 'key',
  },
  { operation: 'deleteModel', method: 'DELETE', path: '/v1/models/{name}', function: 'control', auth: 'key' },
  {
    operation: 'deleteModelVersion',
    method: 'DELETE',
    path: '/v1/models/{name}/versions/{version}',
    function: 'control',
    auth: 'key',
  },
  {
    operation: 'getModelCard',
    method: 'GET',
    path: '/v1/models/{name}/versions/{version}/card',
    function: 'control',
    auth: 'key',
  },
  {
    operation: 'putModelAlias',
    method: 'PUT',
    path: '/v1/models/{name}/aliases/{alias}',
    function: 'control',
    auth: 'key',
  },
  {
    operation: 'deleteModelAlias',
    method: 'DELETE',
    path: '/v1/models/{name}/aliases/{alias}',
    function: 'control',
    auth: 'key',
  },
  {
    operation: 'rollbackModelAlias',
    method: 'POST',
    path: '/v1/models/{name}/aliases/{alias}/rollback',
    function: 'control',
    auth: 'key',
  },
  { operation: 'v2ServerMetadata', method: 'GET', path: '/v2', function: 'control', auth: 'none' },
  { operation: 'v2ServerLive', method: 'GET', path: '/v2/health/live', function: 'control', auth: 'none' },
  { operation: 'v2ServerReady', method: 'GET', path: '/v2/health/ready', function: 'control', auth: 'none' },
  { operation: 'v2ModelMetadata', method: 'GET', path: '/v2/models/{ref}', function: 'inference', auth: 'key' },
  { operation: 'v2ModelReady', method: 'GET', path: '/v2/models/{ref}/ready', function: 'inference', auth: 'key' },
  { operation: 'v2Infer', method: 'POST', path: '/v2/models/{ref}/infer', function: 'inference', auth: 'key' },
  {
    operation: 'v2ModelVersionMetadata',
    method: 'GET',
    path: '/v2/models/{ref}/versions/{version}',
    function: 'inference',
    auth: 'key',
  },
  {
    operation: 'v2ModelVersionReady',
    method: 'GET',
    path: '/v2/models/{ref}/versions/{version}/ready',
    function: 'inference',
    auth: 'key',
  },
  {
    operation: 'v2InferVersion',
    method: 'POST',
    path: '/v2/models/{ref}/versions/{version}/infer',
    function: 'inference',
    auth: 'key',
  },
  { operation: 'v2RepositoryIndex', method: 'POST', path: '/v2/repository/index', function: 'control', auth: 'key' },
  { operation: 'v2ListRepositoryIndex', method: 'GET', path: '/v2/repository/index', function: 'control', auth: 'key' },
  {
    operation: 'v2LoadModel',
    method: 'POST',
    path: '/v2/repository/models/{ref}/load',
    function: 'inference',
    auth: 'key',
  },
  {
    operation: 'v2UnloadModel',
    method: 'POST',
    path: '/v2/repository/models/{ref}/unload',
    function: 'inference',
    auth: 'key',
  },
  {
    operation: 'mlflowInvocations',
    method: 'POST',
    path: '/mlflow/{ref}/invocations',
    function: 'inference',
    auth: 'key',
  },
  { operation: 'mlflowPing', method: 'GET', path: '/mlflow/{ref}/ping', function: 'inference', auth: 'key' },
  {
    operation: 'sagemakerInvocations',
    method: 'POST',
    path: '/endpoints/{ref}/invocations',
    function: 'inference',
    auth: 'key',
  },
  { operation: 'getLimits', method: 'GET', path: '/v1/limits', function: 'control', auth: 'key' },
  { operation: 'getUsage', method: 'GET', path: '/v1/usage', function: 'control', auth: 'key' },
  { operation: 'getAudit', method: 'GET', path: '/v1/audit', function: 'control', auth: 'key' },
  { operation: 'verifyAudit', method: 'GET', path: '/v1/audit/verify', function: 'control', auth: 'key' },
  { operation: 'eraseData', method: 'DELETE', path: '/v1/data', function: 'control', auth: 'key' },
] as const satisfies readonly Route[];

export type OperationId = (typeof ROUTES)[number]['operation'];

/** Environment variables of the functions. infra sets them through its bind methods, env.ts reads them. */
export const ENV = {
  tenantsTable: 'TENANTS_TABLE',
  quotasTable: 'QUOTAS_TABLE',
  catalogTable: 'CATALOG_TABLE',
  bucket: 'DATA_BUCKET',
  /** Role that inference, fit and ingest assume with the session tag TenantId; they have no data rights of their own. */
  tenantRoleArn: 'TENANT_ROLE_ARN',
  ingestFunction: 'INGEST_FUNCTION',
  fitFunction: 'FIT_FUNCTION',
  /** What the training function has: estimates are made with it. */
  fitMemoryMb: 'FIT_MEMORY_MB',
  /** Qualified by its alias: a durable function must be. */
  trainFunction: 'TRAIN_FUNCTION',
  /** Price per GB-second in USD of the functions' architecture. */
  gbSecondUsd: 'GB_SECOND_USD',
  /** How long a segment of training takes at most, in seconds. */
  segmentSeconds: 'SEGMENT_SECONDS',
  /** What a training's rows may take in memory, in MB; more are read in blocks. */
  trainingDataMb: 'TRAINING_DATA_MB',
  /** How many segments may run at once, of all tenants together. */
  trainingSlots: 'TRAINING_SLOTS',
  /** `true`: webhooks may go to this machine. */
  localWebhooks: 'LOCAL_WEBHOOKS',
} as const;

/** The session tag that tenant-scoped credentials carry; the tenant role's policies name it as aws:PrincipalTag. */
export const TENANT_TAG = 'TenantId';

/** Keys of the authorizer's context; API Gateway maps `tenant_id` to the header X-Amz-Tenant-Id of isolated functions. */
export const AUTHORIZER_CONTEXT = {
  tenantId: 'tenant_id',
  keyId: 'key_id',
  plan: 'plan',
  /** JSON */
  limits: 'limits',
  /** JSON */
  prices: 'prices',
  /** Of a request that a client of AWS has signed: what its signature is checked with. */
  signingKey: 'signing_key',
} as const;

/**
 * How long an authorizer's answer is kept, in seconds: by the function in its memory, and by API Gateway too where the operator
 * set `authorizerCache` to `gateway`. Both together are how long a revoked key may live on: at most 60 s.
 */
export const AUTHORIZER_CACHE_S = 30;

/** DynamoDB tables: every one has a string partition key `pk`, a string sort key `sk` and the TTL attribute `ttl`. */
export const TABLE_KEYS = { partition: 'pk', sort: 'sk', ttl: 'ttl' } as const;

/** Partition keys of a tenant's items begin with this, so that IAM can hold a caller to its own (dynamodb:LeadingKeys). */
export const TENANT_PK_PREFIX = 'TENANT#';

/** Partition keys of what the authorizer may write, the last day that a key was used on, begin with this. */
export const KEY_USE_PK_PREFIX = 'USED#';

/** A tenant's objects lie under `tenants/<tenant id>/`. */
export const TENANT_KEY_PREFIX = 'tenants/';

/** The operators' function is named `<prefix>-admin` in the account, so that they find it; `<prefix>` is `tenon` unless set. */
export const ADMIN_FUNCTION = 'admin';

/** Counters without dimensions, in the embedded metric format (one JSON line on stdout, not through console.log). */
export const METRICS = {
  namespace: 'Tenon',
  jobsFailed: 'JobsFailed',
  jobsSucceeded: 'JobsSucceeded',
} as const;
