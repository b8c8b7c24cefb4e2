/** The operations of the inference function. */
import type { Clock } from '../../clock.ts';
import type { ROUTES } from '../../contract.ts';
import { ServiceError } from '../../errors.ts';
import { parseModelRef } from '../../resources/model.ts';
import type { TenantStores } from '../../stores/tenant-stores.ts';
import { meter } from '../../tenancy/price.ts';
import { notFound, tenantOf } from '../context.ts';
import type { Operations } from '../operation.ts';
import type { Predictor } from '../../runtime/predictor.ts';
import type { ModelCache } from './model-cache.ts';

export type InferenceOperation = Extract<(typeof ROUTES)[number], { function: 'inference' }>['operation'];

export interface InferenceContext {
  readonly stores: (tenantId: string) => TenantStores;
  readonly models: (tenantId: string) => ModelCache;
  readonly clock: Clock;
  readonly memoryMb: number;
  readonly gbSecondUsd: number;
}

export function inferenceOperations(context: InferenceContext): Operations<InferenceOperation> {
  return {
    async predict({ caller: from, params, body: { instances } }) {
      const { caller, quotas, limits } = tenantOf(context, from);
      const text = params['ref'] ?? '';
      const ref = parseModelRef(text);
      if (ref === undefined) throw notFound('model', text);
      const startedMs = context.clock.nowMs();
      const model = await context.models(caller.tenantId).get(ref, text);
      if (!(await quotas.take('predictions', instances.length, limits.predictions_per_month))) {
        throw new ServiceError(
          'quota_exceeded',
          `this month's ${limits.predictions_per_month} predictions do not leave room for ${instances.length} more: see GET /v1/limits`,
        );
      }
      const predictions = await predictFinite(model.predictor, instances).catch(async (error: unknown) => {
        await quotas.giveBack('predictions', instances.length);
        throw error;
      });
      const durationMs = context.clock.nowMs() - startedMs;
      const { usd } = meter(durationMs / 1000, context.memoryMb, context.gbSecondUsd);
      await quotas.recordUsage(
        { model: model.name, key: caller.keyId },
        { requests: 1, predictions: instances.length, usd },
      );
      return {
        body: { predictions: [...predictions], model: model.name, model_version: model.version },
        headers: { 'server-timing': `${model.isCold ? 'cold' : 'warm'};dur=${durationMs.toFixed(1)}` },
      };
    },
  };
}

/** Predictions that JSON can carry. @throws {ServiceError} invalid_request naming the instance whose answer is no number */
async function predictFinite(predictor: Predictor, instances: readonly unknown[]): Promise<readonly unknown[]> {
  const predictions = await predictor.predict(instances);
  const index = predictions.findIndex((prediction) => typeof prediction === 'number' && !Number.isFinite(prediction));
  if (index === -1) return predictions;
  throw new ServiceError(
    'invalid_request',
    `/instances/${index}: the values are so large that the model's answer is no finite number`,
    { param: `/instances/${index}` },
  );
}
