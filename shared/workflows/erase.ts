/**
 * Everything a tenant stored, gone: jobs and batches are cancelled and waited for, then records, events, objects, idempotency keys and names
 * in the usage go, in steps that may be repeated. What takes longer than one request goes on with the next; what was destroyed
 * is kept until then, and stands in the receipt.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { epochS } from '../clock.ts';
import type { Erasure } from '../resources/audit.ts';
import { isFinished } from '../resources/training.ts';
import { ERASE_ACTION } from '../stores/audit-log.ts';
import { versionId } from '../stores/catalog.ts';
import { ID_PATTERNS } from '../tenancy/ids.ts';
import { paths } from '../stores/objects.ts';
import type { TenantStores } from '../stores/tenant-stores.ts';

export interface EraseOptions {
  readonly tenantId: string;
  /** The id of the key, or `operator`. */
  readonly actor: string;
  readonly clock: Clock;
  /** When to leave the rest for the next call, ms since the epoch. */
  readonly deadlineMs: number;
}

const POLL_MS = 250;
const PAGE = { limit: 100, order: 'ascending' } as const;
const CURRENT = 'current';
/** The receipt of the last erasure that was brought to its end, for who has not got it. */
const LAST = 'last';
/** Ids that a receipt lists of a kind. */
const MAX_LISTED = 1_000;
/** An ingestion that has not ended by then never will. */
const INGEST_ENDS_S = 75 * 60;

const KEPT = [
  'counters of the month (predictions, training seconds), so that limits hold',
  'amounts of usage without names of models and keys, for the bill',
  'the receipt: as the one entry of the audit log, and with SHA-256 in the place of ids, for the same request sent again',
];

export async function erase(stores: TenantStores, options: EraseOptions): Promise<Erasure> {
  const { catalog } = stores;
  const known = await catalog.erasures.get(CURRENT);
  const receipt: Erasure = known ?? begin(options);
  const isDue = (): boolean => options.clock.nowMs() >= options.deadlineMs;
  const steps = [endWork, eraseJobs, eraseBatches, eraseModels, eraseDatasets, eraseRest];
  for (const step of steps) {
    const isDone = await step(stores, receipt, { ...options, isDue });
    // Kept after each step, so that a request that dies takes little of the receipt with it.
    await catalog.erasures.put(CURRENT, receipt);
    if (!isDone || isDue()) return receipt;
  }
  const last = await catalog.erasures.get(LAST);
  if (last !== undefined && isEmpty(receipt)) {
    await catalog.erasures.delete(CURRENT);
    return last;
  }
  const { datasets, jobs, models, objects } = receipt.destroyed;
  const seq = await catalog.audit.append(
    {
      actor: options.actor,
      action: ERASE_ACTION,
      target: options.tenantId,
      outcome: `erased ${datasets.length} datasets, ${jobs.length} jobs, ${models.length} models, ${objects} objects`,
    },
    epochS(options.clock),
  );
  const { deleted, isDone } = await catalog.audit.cut(seq, isDue);
  receipt.destroyed.audit_entries += deleted;
  if (!isDone) {
    await catalog.erasures.put(CURRENT, receipt);
    return receipt;
  }
  const done: Erasure = { ...receipt, status: 'done', finished_at: epochS(options.clock) };
  await catalog.erasures.put(LAST, withoutNames(done));
  await catalog.erasures.delete(CURRENT);
  return done;
}

/** Nothing was there: the erasure before has taken everything, and its answer may not have arrived. */
function isEmpty({ destroyed }: Erasure): boolean {
  const { usage_items: _, audit_entries: __, ...stored } = destroyed;
  return Object.values(stored).every((some) => (Array.isArray(some) ? some.length === 0 : !some));
}

/** The receipt as it may stay: who knows the id of a thing can find it in there, and nobody can read it from there. */
function withoutNames(receipt: Erasure): Erasure {
  const hashed = (id: string): string => createHash('sha256').update(id).digest('base64url');
  const destroyed = Object.fromEntries(
    Object.entries(receipt.destroyed).map(([kind, some]) => [kind, Array.isArray(some) ? some.map(hashed) : some]),
  ) as Erasure['destroyed'];
  return { ...receipt, destroyed, cancelled_jobs: receipt.cancelled_jobs.map(hashed) };
}

type Step = (
  stores: TenantStores,
  receipt: Erasure,
  options: EraseOptions & { isDue: () => boolean },
) => Promise<boolean>;

function begin({ tenantId, clock }: EraseOptions): Erasure {
  return {
    object: 'erasure',
    tenant_id: tenantId,
    status: 'running',
    destroyed: {
      datasets: [],
      jobs: [],
      batches: [],
      models: [],
      model_versions: [],
      events: 0,
      objects: 0,
      idempotency_keys: 0,
      usage_items: 0,
      audit_entries: 0,
    },
    cancelled_jobs: [],
    waiting_for: [],
    kept: KEPT,
    created_at: epochS(clock),
  };
}

/** Cancels what runs and waits for it: what still runs would write behind us. */
const endWork: Step = async (stores, receipt, { clock, isDue }) => {
  for (;;) {
    const running = await cancelRunning(stores, receipt);
    const reading = await datasetsBeingRead(stores, epochS(clock));
    receipt.waiting_for = [...running, ...reading];
    if (receipt.waiting_for.length === 0) return true;
    if (isDue()) return false;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
};

/** Jobs and batches, which share the slots of what runs at once. */
async function cancelRunning({ catalog, quotas }: TenantStores, receipt: Erasure): Promise<string[]> {
  const running: string[] = [];
  for (const id of await quotas.runningJobs()) {
    const isBatch = ID_PATTERNS.batch.test(id);
    const work = isBatch ? await catalog.batches.get(id) : await catalog.jobs.get(id);
    // A slot whose job was never written, or is over: nothing runs.
    if (work === undefined || isFinished(work)) await quotas.releaseJob(id);
    else running.push(id);
    if (work === undefined || isFinished(work) || work.cancel_requested === true) continue;
    await (isBatch ? catalog.batches : catalog.jobs).patch(id, { cancel_requested: true }, ['queued', 'running']);
    note(receipt.cancelled_jobs, id);
  }
  return running;
}

async function datasetsBeingRead({ catalog }: TenantStores, nowS: number): Promise<string[]> {
  const reading: string[] = [];
  for (let after: string | undefined, hasMore = true; hasMore;) {
    const page = await catalog.datasets.list({ ...PAGE, after });
    for (const { id, status, profiling_since: since, created_at: createdAt } of page.data)
      if (status === 'profiling' && nowS - (since ?? createdAt) < INGEST_ENDS_S) reading.push(id);
    after = page.data.at(-1)?.id;
    hasMore = page.hasMore;
  }
  return reading;
}

const eraseJobs: Step = async ({ catalog, objects }, receipt, { isDue }) => {
  for (;;) {
    const { data } = await catalog.jobs.list(PAGE);
    if (data.length === 0) return true;
    for (const { id, name } of data) {
      if (isDue()) return false;
      receipt.destroyed.events += await catalog.eventRecords(id).deleteAll(isDue);
      await catalog.trials(id).deleteAll(isDue);
      receipt.destroyed.objects += await objects.deleteAll(paths.job(id));
      // A version may have been written whose model was not.
      if ((await catalog.models.get(name)) === undefined) await catalog.versions(name).deleteAll(isDue);
      if (isDue()) return false;
      if (await catalog.jobs.delete(id)) note(receipt.destroyed.jobs, id);
    }
  }
};

const eraseBatches: Step = async ({ catalog, objects, storedBytes }, receipt, { isDue }) => {
  for (;;) {
    const { data } = await catalog.batches.list(PAGE);
    if (data.length === 0) return true;
    for (const { id, output } of data) {
      if (isDue()) return false;
      receipt.destroyed.objects += await objects.deleteAll(paths.batch(id));
      await catalog.batchParts(id).deleteAll(isDue);
      if (isDue()) return false;
      if (!(await catalog.batches.delete(id))) continue;
      note((receipt.destroyed.batches ??= []), id);
      await storedBytes.giveBack(output?.bytes ?? 0);
    }
  }
};

const eraseModels: Step = async ({ catalog, objects, models, storedBytes }, receipt, { isDue }) => {
  for (;;) {
    const { data } = await catalog.models.list(PAGE);
    if (data.length === 0) return true;
    for (const { name } of data) {
      if (isDue()) return false;
      const versions = await catalog.versions(name).list({ limit: MAX_LISTED, order: 'ascending' });
      receipt.destroyed.objects += await objects.deleteAll(paths.versions(name));
      for (const { id, bytes, version } of versions.data) {
        if (!(await catalog.versions(name).delete(versionId(version)))) continue;
        note(receipt.destroyed.model_versions, id);
        await storedBytes.giveBack(bytes);
      }
      if (versions.hasMore) continue;
      if (!(await catalog.models.delete(name))) continue;
      note(receipt.destroyed.models, name);
      await models.giveBack(1);
    }
  }
};

const eraseDatasets: Step = async ({ catalog, objects, storedBytes }, receipt, { isDue }) => {
  for (;;) {
    const { data } = await catalog.datasets.list(PAGE);
    if (data.length === 0) return true;
    for (const { id, bytes, status } of data) {
      if (isDue()) return false;
      receipt.destroyed.objects += await objects.deleteAll(paths.dataset(id));
      if (!(await catalog.datasets.delete(id))) continue;
      note(receipt.destroyed.datasets, id);
      if (status === 'ready') await storedBytes.giveBack(bytes ?? 0);
    }
  }
};

const eraseRest: Step = async ({ catalog, objects, idempotencyKeys, usage }, receipt, { isDue }) => {
  await catalog.webhooks.deleteAll(isDue);
  receipt.destroyed.objects += await objects.deleteAll('');
  receipt.destroyed.idempotency_keys += await idempotencyKeys.deleteAll(isDue);
  if (isDue()) return false;
  const { items, isDone } = await usage.anonymise(isDue);
  receipt.destroyed.usage_items = items;
  return isDone;
};

function note(list: string[], id: string): void {
  if (list.length < MAX_LISTED && !list.includes(id)) list.push(id);
}
