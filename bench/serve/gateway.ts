/**
 * The inference function's gateway in this process, over a local DynamoDB and S3 in another, with a model in it: what a warm environment
 * does for a request, and how many calls over the network it makes.
 */
import { createHash } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { APIGatewayProxyEvent } from 'aws-lambda';
import type { Afterwards } from '../../shared/afterwards.ts';
import { systemClock } from '../../shared/clock.ts';
import type { Clock } from '../../shared/clock.ts';
import { gatewayHandler } from '../../shared/http/gateway.ts';
import { INFERENCE_SPECS } from '../../shared/http/spec/inference.ts';
import { ExplainerCache } from '../../shared/http/inference/explainer-cache.ts';
import { inferenceOperations } from '../../shared/http/inference/index.ts';
import { ModelCache } from '../../shared/http/inference/model-cache.ts';
import { admitByRateAhead } from '../../shared/http/rate.ts';
import { versionId } from '../../shared/stores/catalog.ts';
import { paths } from '../../shared/stores/objects.ts';
import type { DataClients } from '../../shared/stores/clients.ts';
import { PredictionLease } from '../../shared/stores/prediction-lease.ts';
import { tenantStores } from '../../shared/stores/tenant-stores.ts';
import { toContext } from '../../shared/tenancy/caller.ts';
import { PLANS } from '../../shared/tenancy/plan.ts';
import { LAMBDA_GB_SECOND_USD, pricesAtCost } from '../../shared/tenancy/price.ts';
import type { LocalStores } from './stores.ts';

/** For the bare run beside it. */
export { createSession } from '../../shared/runtime/session.ts';

const TENANT = 'bench';
const MODEL_BYTES = 2 ** 27;
const LIMITS = { ...PLANS.dedicated, requests_per_second: 100_000, burst: 100_000, predictions_per_month: 1e9 };

export interface Serving {
  /** Answers a body of `:predict`; `afterwards` is to be called before the next. @throws {Error} where the answer is no 200 */
  predict(body: string): Promise<string>;
  /** What the environment is kept awake for behind its answer. */
  afterwards(): Promise<void>;
  /** Requests to DynamoDB and S3 so far. */
  networkCalls(): number;
  stop(): Promise<void>;
}

/** @param model `onnx` is the file of version 1 of `name` */
export async function startServing(
  { name, onnx }: { readonly name: string; readonly onnx: Uint8Array },
  local: LocalStores,
  clock: Clock = systemClock,
): Promise<Serving> {
  const { clients, calls } = countingClients(local);
  const stores = tenantStores(clients, local.names, { tenantId: TENANT, clock });
  await stores.objects.put(paths.model(name, 1), onnx);
  await stores.catalog.versions(name).create(versionId(1), versionOf(name, onnx));
  const onDefect = (error: unknown): never => {
    throw error;
  };
  const behind: (() => Promise<unknown>)[] = [];
  const afterwards: Afterwards = { isAwaited: true, do: (work) => behind.push(work) };
  const lease = new PredictionLease(stores.predictions, {
    ...{ clock, afterwards, onDefect },
    later: (ms, run) => void setTimeout(run, ms).unref(),
  });
  const models = new ModelCache(stores, { threads: 1, maxBytes: MODEL_BYTES, clock, afterwards });
  const explainers = new ExplainerCache(stores, { threads: 1, maxBytes: MODEL_BYTES });
  const handle = gatewayHandler({
    specs: INFERENCE_SPECS,
    operations: inferenceOperations({
      stores: () => stores,
      lease: () => lease,
      models: () => models,
      explainers: () => explainers,
      clock,
      memoryMb: 2048,
      batches: { memoryMb: 2048, start: () => Promise.reject(new Error('a prediction took longer than it may')) },
    }),
    admit: admitByRateAhead(() => stores.quotas, clock, afterwards),
    idempotencyKeys: () => stores.idempotencyKeys,
    onInternalError: onDefect,
  });
  return {
    async predict(body) {
      const answer = await handle(eventOf(name, body));
      if (answer.statusCode !== 200) throw new Error(answer.body);
      return answer.body;
    },
    async afterwards() {
      while (behind.length > 0) await Promise.all(behind.splice(0).map((work) => work()));
    },
    networkCalls: calls,
    async stop() {
      await lease.close();
      for (const client of [clients.dynamo, clients.s3]) client.destroy();
    },
  };
}

function countingClients({ url, region, credentials }: LocalStores): { clients: DataClients; calls: () => number } {
  const config = { endpoint: url, region, credentials, maxAttempts: 1 };
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
  return { clients: { dynamo, s3, presigner: s3 }, calls: () => calls };
}

function versionOf(name: string, onnx: Uint8Array) {
  return {
    object: 'model.version' as const,
    id: `${name}:1`,
    name,
    version: 1,
    task: 'classification' as const,
    family: 'bench',
    job: 'job_bench',
    dataset: 'ds_bench',
    metrics: { train: {}, validation: {} },
    bytes: onnx.length,
    sha256: createHash('sha256').update(onnx).digest('hex'),
    created_at: 0,
  };
}

/** What reaches a function of a request that a Python client sends through CloudFront, in number and length. */
const HEADERS = {
  Accept: '*/*',
  'Accept-Encoding': 'gzip, deflate',
  'CloudFront-Forwarded-Proto': 'https',
  'CloudFront-Is-Desktop-Viewer': 'true',
  'CloudFront-Is-Mobile-Viewer': 'false',
  'CloudFront-Viewer-ASN': '64496',
  'CloudFront-Viewer-Country': 'DE',
  'Content-Type': 'application/json',
  Host: 'abcdefghij.execute-api.eu-central-1.amazonaws.com',
  'User-Agent': 'python-requests/2.32.3',
  Via: '1.1 0123456789abcdef0123456789abcdef.cloudfront.net (CloudFront)',
  'X-Amz-Cf-Id': 'a'.repeat(56),
  'X-Amzn-Trace-Id': 'Root=1-00000000-000000000000000000000000',
  'x-api-key': 'x'.repeat(52),
  'X-Forwarded-For': '192.0.2.1, 192.0.2.2',
  'X-Forwarded-Port': '443',
  'X-Forwarded-Proto': 'https',
};

/** Of the authorizer. */
const CONTEXT = toContext({
  ...{ tenantId: TENANT, keyId: 'key_1', plan: 'dedicated', limits: LIMITS },
  prices: pricesAtCost(LAMBDA_GB_SECOND_USD.arm64),
});

/** As API Gateway hands it on. */
function eventOf(name: string, body: string): APIGatewayProxyEvent {
  return {
    httpMethod: 'POST',
    resource: '/v1/models/{name}',
    pathParameters: { name: `${name}:1:predict` },
    queryStringParameters: null,
    headers: { ...HEADERS },
    body,
    isBase64Encoded: false,
    requestContext: { requestId: 'bench', path: '/prod/v1', authorizer: { ...CONTEXT } },
    // The rest of an event is what nothing of ours reads.
  } as unknown as APIGatewayProxyEvent;
}
