/** Predictions over HTTPS. Each environment serves one tenant, with that tenant's credentials only. */
import { join } from 'node:path';
import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from 'aws-lambda';
import { UNAWAITED } from '../../shared/afterwards.ts';
import { systemClock } from '../../shared/clock.ts';
import { ENV } from '../../shared/contract.ts';
import { requireEnv } from '../../shared/env.ts';
import { gatewayHandler } from '../../shared/http/gateway.ts';
import { INFERENCE_SPECS } from '../../shared/http/spec/inference.ts';
import { inferenceOperations } from '../../shared/http/inference/index.ts';
import { ExplainerCache } from '../../shared/http/inference/explainer-cache.ts';
import { ModelCache } from '../../shared/http/inference/model-cache.ts';
import { admitByRateAhead } from '../../shared/http/rate.ts';
import type { ApartRequest } from '../../shared/runtime/apart/request.ts';
import type { Predicted } from '../../shared/runtime/apart/run.ts';
import { loadRuntime } from '../../shared/runtime/session.ts';
import { isolatedStores } from '../../shared/stores/isolated-stores.ts';
import { PredictionLease } from '../../shared/stores/prediction-lease.ts';
import { registerExtension } from '../extension.ts';
import { logger } from '../logger.ts';
import { lambdaMemoryMb, lambdaThreads } from '../resources.ts';

const names = {
  catalog: requireEnv(ENV.catalogTable),
  quotas: requireEnv(ENV.quotasTable),
  bucket: requireEnv(ENV.bucket),
};
const storesOf = isolatedStores(names, requireEnv(ENV.tenantRoleArn), systemClock);
const stores = (tenantId: string) => storesOf(tenantId).stores;

/** Half of the memory is for models; the rest is Node's and ONNX Runtime's own. */
const MAX_MODEL_BYTES = (lambdaMemoryMb() * 1024 ** 2) / 2;
let cache: ModelCache | undefined;
let lease: PredictionLease | undefined;
const onDefect = (error: unknown): void => logger.error('usage was not written', { error: error as Error });
let explainers: ExplainerCache | undefined;
const threads = lambdaThreads();

// What a call has used is written behind its answer.
const extension = await registerExtension('behind-the-answer');
const afterwards = extension ?? UNAWAITED;
void extension?.run();

// The init phase has more of the processor than what a function of this size is invoked with.
const runtime = loadRuntime();

/** The client of Lambda is loaded when it is needed: predictions that are answered at once do without. */
async function startBatch(id: string, event: object): Promise<void> {
  const { functionInvoker } = await import('../../shared/stores/functions.ts');
  await functionInvoker().startDurable(requireEnv(ENV.trainFunction), id, event);
}

/** As much as it had in its trial (functions/fit): what is held twice is the model. */
const APART_BYTES = 1_400_000_000;

async function apart(request: Omit<ApartRequest, 'threads'>, ms: number): Promise<Predicted | undefined> {
  const { predictApart } = await import('../../shared/runtime/apart/run.ts');
  const main = join(requireEnv('LAMBDA_TASK_ROOT'), 'apart.js');
  return predictApart({ ...request, threads }, { main, seconds: ms / 1000, memoryBytes: APART_BYTES });
}

const serve = gatewayHandler({
  specs: INFERENCE_SPECS,
  operations: inferenceOperations({
    stores,
    lease: (tenantId) =>
      (lease ??= new PredictionLease(stores(tenantId).predictions, {
        clock: systemClock,
        afterwards,
        onDefect,
        later: (ms, run) => void setTimeout(run, ms).unref(),
      })),
    models: (tenantId) =>
      (cache ??= new ModelCache(stores(tenantId), {
        ...{ threads, afterwards },
        maxBytes: MAX_MODEL_BYTES,
        clock: systemClock,
      })),
    explainers: (tenantId) =>
      (explainers ??= new ExplainerCache(stores(tenantId), { threads, maxBytes: MAX_MODEL_BYTES / 2 })),
    clock: systemClock,
    memoryMb: lambdaMemoryMb(),
    apart,
    batches: { memoryMb: Number(requireEnv(ENV.fitMemoryMb)), start: startBatch },
  }),
  admit: admitByRateAhead((caller) => stores(caller.tenantId).quotas, systemClock, afterwards),
  idempotencyKeys: (caller) => stores(caller.tenantId).idempotencyKeys,
  onInternalError: (error, at) => logger.error('request failed', { ...at, error: error as Error }),
});

// Sent where an extension is registered; without one Lambda ends the environment without a word (shared/stores/prediction-lease.ts).
process.once('SIGTERM', () => {
  void (lease?.close() ?? Promise.resolve()).catch(onDefect).finally(() => process.exit(0));
});

async function handle(event: APIGatewayProxyEvent, context: Context): Promise<APIGatewayProxyResult> {
  // The environment's tenant and the caller's are one and the same, or the stores refuse the caller's.
  storesOf(context.tenantId);
  await runtime;
  return serve(event);
}

export const handler = (event: APIGatewayProxyEvent, context: Context): Promise<APIGatewayProxyResult> =>
  extension === undefined ? handle(event, context) : extension.answering(() => handle(event, context));
