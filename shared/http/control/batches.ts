/** Batch predictions over HTTPS. */
import { epochS } from '../../clock.ts';
import { ServiceError } from '../../errors.ts';
import type { BatchRecord } from '../../resources/batch.ts';
import { isFinished } from '../../resources/training.ts';
import { paths } from '../../stores/objects.ts';
import type { TenantStores } from '../../stores/tenant-stores.ts';
import { ID_PATTERNS } from '../../tenancy/ids.ts';
import { showBatch } from '../../workflows/batch/settle.ts';
import { checkWebhookUrl } from '../../workflows/webhook.ts';
import { makeBatch } from '../batches/make.ts';
import { listOf, tenantOf } from '../context.ts';
import type { ControlContext } from '../context.ts';
import type { Call, Operations, Reply } from '../operation.ts';

type BatchOperation = 'createBatch' | 'listBatches' | 'getBatch' | 'getBatchOutput' | 'cancelBatch' | 'deleteBatch';

const DOWNLOAD_EXPIRES_S = 3600;

export function batchOperations(context: ControlContext): Operations<BatchOperation> {
  const { clock } = context;
  const start = (id: string, event: object) => context.functions.startDurable(context.trainFunction, id, event);
  return {
    async createBatch({ caller, body, seed }) {
      const tenant = tenantOf(context, caller);
      if (body.webhook !== undefined) checkWebhookUrl(body.webhook.url, context.allowLocalWebhooks);
      const record = await makeBatch(body, tenant, { clock, memoryMb: context.fit.memoryMb, start }, seed);
      return { body: await showBatch(record, tenant.catalog, clock) };
    },

    async listBatches({ caller, query }) {
      const { catalog } = tenantOf(context, caller);
      const page = await listOf(catalog.batches, query, {
        order: 'descending',
        ids: ID_PATTERNS.batch,
        idOf: ({ id }) => id,
        show: (record) => record,
      });
      return {
        body: { ...page, data: await Promise.all(page.data.map((record) => showBatch(record, catalog, clock))) },
      };
    },

    async getBatch({ caller, params }) {
      const { catalog } = tenantOf(context, caller);
      return { body: await showBatch(await batchById(catalog, params['id']), catalog, clock) };
    },

    getBatchOutput: (call) => getBatchOutput(call, context),

    async cancelBatch({ caller: from, params }) {
      const { catalog, caller } = tenantOf(context, from);
      const batch = await batchById(catalog, params['id']);
      if (!isFinished(batch)) await catalog.batches.patch(batch.id, { cancel_requested: true }, ['queued', 'running']);
      // What would end it may never have been started, where the request that made it died.
      if (batch.status === 'queued') await start(batch.id, { tenant_id: caller.tenantId, batch: batch.id });
      return { body: await showBatch(await batchById(catalog, batch.id), catalog, clock) };
    },

    deleteBatch: (call) => deleteBatch(call, context),
  };
}

/** @throws {ServiceError} not_found, for another tenant's as for one that never was */
async function batchById(catalog: TenantStores['catalog'], id = ''): Promise<BatchRecord> {
  const record = ID_PATTERNS.batch.test(id) ? await catalog.batches.get(id) : undefined;
  if (record === undefined)
    throw new ServiceError('not_found', `there is no batch "${id}": list yours with GET /v1/batches`);
  return record;
}

async function getBatchOutput(
  { caller, params }: Call<'getBatchOutput'>,
  context: ControlContext,
): Promise<Reply<'getBatchOutput'>> {
  const { catalog, objects } = tenantOf(context, caller);
  const { id, status, output } = await batchById(catalog, params['id']);
  if (!isFinished({ status })) {
    const message = `batch ${id} is ${status}: its output is there once it has ended, see GET /v1/batches/${id}`;
    throw new ServiceError('conflict', message, { retryAfterS: 2 });
  }
  if (output === undefined)
    throw new ServiceError('not_found', `batch ${id} has no output: GET /v1/batches/${id} says why`);
  const url = await objects.presignGet(paths.batchOutput(id), DOWNLOAD_EXPIRES_S, `${id}.jsonl`);
  const expiresAt = epochS(context.clock) + DOWNLOAD_EXPIRES_S;
  return { body: { object: 'batch.output', id, url, ...output, expires_at: expiresAt } };
}

async function deleteBatch(
  { caller, params }: Call<'deleteBatch'>,
  context: ControlContext,
): Promise<Reply<'deleteBatch'>> {
  const { catalog, objects, storedBytes } = tenantOf(context, caller);
  const { id, status, output } = await batchById(catalog, params['id']);
  if (!isFinished({ status }))
    throw new ServiceError('conflict', `batch ${id} is ${status}: wait for it to end, or cancel it`);
  await objects.deleteAll(paths.batch(id));
  await catalog.batchParts(id).deleteAll();
  if ((await catalog.batches.delete(id)) && output !== undefined) await storedBytes.giveBack(output.bytes);
  return { body: { object: 'batch', id, deleted: true } };
}
