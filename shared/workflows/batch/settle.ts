/** A batch's beginning and its end: usage is written once, the slot is given back, the batch says how it ended. Every write may be repeated. */
import type { Clock } from '../../clock.ts';
import { epochS } from '../../clock.ts';
import type { Batch, BatchPart, BatchRecord } from '../../resources/batch.ts';
import { isFinished } from '../../resources/training.ts';
import type { TenantStores } from '../../stores/tenant-stores.ts';
import { dayOf } from '../../stores/usage.ts';
import { meter, toNanoUsd } from '../../tenancy/price.ts';
import type { Metered } from '../../tenancy/price.ts';
import { lanesOf } from './lanes.ts';
import type { Lane } from './lanes.ts';
import { holderOf, partsOf } from './parts.ts';
import type { BatchOutcome, BatchPlan } from './run.ts';

export async function settleBatch(
  id: string,
  outcome: BatchOutcome,
  { catalog, quotas, predictions, usage, clock }: Omit<TenantStores, 'objects'> & { clock: Clock },
): Promise<void> {
  const batch = await catalog.batches.get(id);
  if (batch === undefined) {
    await quotas.releaseJob(id);
    return;
  }
  // A settlement that was interrupted keeps its first time, so that the usage stays on one day.
  const finishedAt = batch.finished_at ?? epochS(clock);
  await catalog.batches.patch(id, { finished_at: finishedAt });
  const parts = await partsOf(catalog, id);
  const { progress, used } = stateOf(batch, parts);
  await usage.recordJob(
    { id, day: dayOf(finishedAt * 1000) },
    {
      model: batch.model,
      key: batch.key_id,
      price_version: batch.prices.version,
      requests: 1,
      predictions: progress.predicted,
      inference_gb_seconds: used.gb_seconds,
      training_gb_seconds: 0,
      nano_usd: toNanoUsd(used.usd),
    },
  );
  await quotas.releaseJob(id);
  const months = new Map(parts.map(({ day }) => [day.slice(0, 7), day]));
  for (const day of months.values())
    for (const lane of lanesOf(progress.rows, batch.step_rows))
      await predictions.endTakes({ holder: holderOf(id, lane), day });
  const { error } = outcome;
  const told =
    error?.code === 'quota_exceeded'
      ? `${error.message} (${progress.predicted} of ${progress.rows} rows are predicted)`
      : error?.message;
  await catalog.batches.patch(id, {
    status: outcome.status,
    progress,
    usage: { ...used, price_version: batch.prices.version },
    ...(error === undefined ? {} : { error: { ...error, message: told ?? error.message } }),
    ...(batch.webhook === undefined
      ? {}
      : { webhook_delivery: batch.webhook_delivery ?? { status: 'pending', attempts: 0 } }),
  });
}

/** What is to be done for a batch, by its record. */
export async function planBatch(id: string, { batches }: TenantStores['catalog']): Promise<BatchPlan> {
  const batch = await batches.get(id);
  if (batch === undefined || isFinished(batch)) return { isDue: false, lanes: [], step: 1, webhook: false };
  const lanes = lanesOf(batch.progress.rows, batch.step_rows);
  return { isDue: true, lanes, step: batch.step_rows, webhook: batch.webhook !== undefined };
}

/** The first row of a lane that stands in none of its parts. */
export async function placeInLane(id: string, lane: Lane, catalog: TenantStores['catalog']): Promise<number> {
  return (await partsOf(catalog, id, lane)).at(-1)?.end ?? lane.begin;
}

/** How far a batch is and what it has cost, by its parts. */
export function stateOf(
  batch: BatchRecord,
  parts: readonly BatchPart[],
): { progress: Batch['progress']; used: Metered } {
  const counted = parts.filter(({ status }) => status !== 'written');
  const sum = (field: 'predicted' | 'failed' | 'seconds', of = counted): number =>
    of.reduce((total, part) => total + part[field], 0);
  const { rows } = batch.progress;
  const [predicted, failed] = [sum('predicted'), sum('failed')];
  const seconds = sum('seconds', [...parts]) + (batch.collect_seconds ?? 0);
  const compute = meter(seconds, batch.memory_mb, batch.prices.inference_gb_second_usd);
  const usd = compute.usd + predicted * batch.prices.prediction_usd + batch.prices.request_usd;
  return {
    progress: { fraction: rows === 0 ? 1 : (predicted + failed) / rows, rows, predicted, failed },
    used: { ...compute, usd: Math.round(usd * 1e9) / 1e9 },
  };
}

/** As the API shows it: of one that runs, by its parts. */
export async function showBatch(record: BatchRecord, catalog: TenantStores['catalog'], clock: Clock): Promise<Batch> {
  const { key_id: _key, prices: _prices, features: _features, step_rows: _step, memory_mb: _memory, ...rest } = record;
  const { predictions_limit: _predictions, stored_bytes_limit: _bytes, cancel_requested: _cancel, ...more } = rest;
  const { collect_seconds: _collect, ...batch } = more;
  if (isFinished(record)) return batch;
  const { progress, used } = stateOf(record, await partsOf(catalog, record.id));
  const { fraction } = progress;
  const { started_at: startedAt } = record;
  const usage = { ...used, price_version: record.prices.version };
  if (startedAt === undefined || fraction === 0) return { ...batch, progress, usage };
  const eta = Math.round(((epochS(clock) - startedAt) * (1 - fraction)) / fraction);
  return { ...batch, progress: { ...progress, eta_seconds: eta }, usage };
}
