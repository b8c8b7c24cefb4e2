/**
 * One use of a model, whatever the protocol it came in: quota first, then the run, then the usage. A run that fails is given
 * back, so that a tenant is billed for what was served and for nothing else.
 */
import { secondsToNextMonth } from '../../clock.ts';
import type { Clock } from '../../clock.ts';
import { ServiceError } from '../../errors.ts';
import { parseModelRef } from '../../resources/model-ref.ts';
import type { ModelRef } from '../../resources/model-ref.ts';
import type { ApartRequest } from '../../runtime/apart/request.ts';
import type { Predicted } from '../../runtime/apart/run.ts';
import type { TenantStores } from '../../stores/tenant-stores.ts';
import type { PredictionLease } from '../../stores/prediction-lease.ts';
import { gbSecondsOf } from '../../tenancy/price.ts';
import type { Caller } from '../../tenancy/tenant.ts';
import type { MakeContext } from '../batches/make.ts';
import { notFound, tenantOf } from '../context.ts';
import type { LoadedModel, ModelCache } from './model-cache.ts';

export interface InferenceContext {
  readonly stores: (tenantId: string) => TenantStores;
  readonly models: (tenantId: string) => ModelCache;
  readonly lease: (tenantId: string) => PredictionLease;
  readonly clock: Clock;
  readonly memoryMb: number;
  /** How what may take long is predicted in a process of its own, where there can be one; undefined where it was not done in time. */
  readonly apart?: (request: Omit<ApartRequest, 'threads'>, ms: number) => Promise<Predicted | undefined>;
  /** How a prediction that is answered later is started, and the memory of what carries it out. */
  readonly batches: Pick<MakeContext, 'memoryMb' | 'start'>;
}

/** Names the user of a call, whom a sticky split keeps at one version, in every dialect. */
export const USER_HEADER = 'x-user-id';

/** What is to be run: counted before it runs. */
export interface Work<T> {
  readonly predictions: number;
  readonly run: () => Promise<T>;
}

export interface Served<T> {
  readonly result: T;
  readonly model: LoadedModel;
  readonly headers: Readonly<Record<string, string>>;
}

/** @throws {ServiceError} not_found for a text that is no reference to a model */
export function modelRefOf(text = '', user?: string): ModelRef {
  const ref = parseModelRef(text);
  if (ref === undefined) throw notFound('model', text);
  return user === undefined ? ref : { ...ref, user };
}

/** Loads the model, plans the work on it and carries it out. @throws {ServiceError} quota_exceeded before anything runs */
export async function metered<T>(
  context: InferenceContext,
  from: Caller | undefined,
  ref: ModelRef,
  plan: (model: LoadedModel) => Work<T> | Promise<Work<T>>,
): Promise<Served<T>> {
  const { caller, limits } = tenantOf(context, from);
  const startedMs = context.clock.nowMs();
  const model = await context.models(caller.tenantId).get(ref);
  const { predictions, run } = await plan(model);
  const taken = await context.lease(caller.tenantId).take(predictions, limits.predictions_per_month);
  if (taken === undefined) {
    throw new ServiceError(
      'quota_exceeded',
      `this month's ${limits.predictions_per_month} predictions do not leave room for ${predictions} more: see GET /v1/limits`,
      { retryAfterS: secondsToNextMonth(startedMs) },
    );
  }
  const result = await run().catch(async (error: unknown) => {
    await taken.failed();
    throw error;
  });
  const durationMs = context.clock.nowMs() - startedMs;
  const gbSeconds = gbSecondsOf(durationMs / 1000, context.memoryMb);
  await taken.served({ model: model.name, key: caller.keyId, prices: caller.prices, gbSeconds });
  return {
    result,
    model,
    headers: { 'server-timing': `${model.isCold ? 'cold' : 'warm'};dur=${durationMs.toFixed(1)}` },
  };
}
