/** Joins the parts of a batch into one object, a line for every row: rows that were not predicted say why. Safe to run again. */
import { createHash } from 'node:crypto';
import type { BatchError, BatchPart, BatchRecord } from '../../resources/batch.ts';
import { paths } from '../../stores/objects.ts';
import type { FitContext } from '../fit-context.ts';
import { lanesOf } from './lanes.ts';
import { partsOf, settlePart } from './parts.ts';

export interface CollectAction {
  readonly action: 'collect';
  readonly batch: string;
  /** Why there are rows without a prediction. */
  readonly reason?: BatchError;
}

export interface CollectOutcome {
  readonly status: 'collected' | 'gone' | 'failed';
  readonly seconds: number;
  readonly error?: BatchError;
}

const UNKNOWN: BatchError = { code: 'internal', message: 'the row was not predicted' };
const FILL_ROWS = 10_000;

export async function collectBatch(event: CollectAction, context: FitContext): Promise<CollectOutcome> {
  const { stores, clock } = context;
  const { catalog, objects, storedBytes } = stores;
  const startedMs = clock.nowMs();
  const seconds = () => (clock.nowMs() - startedMs) / 1000;
  const batch = await catalog.batches.get(event.batch);
  if (batch === undefined) {
    await objects.deleteAll(paths.batch(event.batch));
    return { status: 'gone', seconds: 0 };
  }
  // A try before this one has joined them.
  if (batch.output !== undefined) return { ...(await finish(batch, context)), seconds: seconds() };
  const { parts, output } = await join(batch, event, context);
  if (!(await storedBytes.take(batch.id, output.bytes, batch.stored_bytes_limit))) {
    await objects.deleteAll(paths.batch(batch.id));
    const message = `the output has ${output.bytes} bytes: your plan's ${batch.stored_bytes_limit} stored bytes are used up`;
    return { status: 'failed', seconds: seconds(), error: { code: 'quota_exceeded', message } };
  }
  const error = await failureOfAll(batch, parts, context);
  const fields = { output, collect_seconds: seconds(), ...(error === undefined ? {} : { error }) };
  await catalog.batches.patch(batch.id, fields);
  return { ...(await finish({ ...batch, ...fields }, context)), seconds: seconds() };
}

/** Of a batch whose output is there: its bytes stay counted, and the parts go. */
async function finish(batch: BatchRecord, { stores }: FitContext): Promise<Omit<CollectOutcome, 'seconds'>> {
  await stores.storedBytes.confirm(batch.id);
  await stores.objects.deleteAll(paths.batchParts(batch.id));
  await stores.objects.deleteAll(paths.batchInstances(batch.id));
  return { status: 'collected', ...(batch.error === undefined ? {} : { error: batch.error }) };
}

async function join(
  batch: BatchRecord,
  { reason = UNKNOWN }: CollectAction,
  { stores }: FitContext,
): Promise<{ parts: BatchPart[]; output: { bytes: number; sha256: string } }> {
  const { objects } = stores;
  const writer = objects.writer(paths.batchOutput(batch.id), 'application/x-ndjson');
  const hash = createHash('sha256');
  let bytes = 0;
  const write = async (piece: Uint8Array): Promise<void> => {
    bytes += piece.byteLength;
    hash.update(piece);
    await writer.write(piece);
  };
  const parts = await settledParts(batch, { stores });
  let row = 0;
  for (const part of parts) {
    for (const filled of fillers(row, part.begin, reason)) await write(filled);
    if (part.bytes > 0) await write((await objects.read(part.file)).subarray(0, part.bytes));
    row = part.end;
  }
  for (const filled of fillers(row, batch.progress.rows, reason)) await write(filled);
  await writer.end();
  return { parts, output: { bytes, sha256: hash.digest('hex') } };
}

/** A lane that failed for good may have left a part that is not taken yet. */
async function settledParts(batch: BatchRecord, { stores }: Pick<FitContext, 'stores'>): Promise<BatchPart[]> {
  const lanes = lanesOf(batch.progress.rows, batch.step_rows);
  const settled: BatchPart[] = [];
  for (const part of await partsOf(stores.catalog, batch.id)) {
    const lane = lanes.find(({ begin, end }) => part.begin >= begin && part.begin < end)!;
    settled.push(await settlePart(stores, batch, { lane, part }));
  }
  return settled;
}

/** Lines of rows that have no prediction. */
function* fillers(begin: number, end: number, error: BatchError): Generator<Uint8Array> {
  const { code, message } = error;
  for (let first = begin; first < end; first += FILL_ROWS) {
    const rows = Array.from({ length: Math.min(FILL_ROWS, end - first) }, (_, i) => first + i + 1);
    yield Buffer.from(rows.map((row) => `${JSON.stringify({ row, error: { code, message } })}\n`).join(''));
  }
}

/** Where every row has an error of its own, the batch has one too: the first. */
async function failureOfAll(
  batch: BatchRecord,
  parts: readonly BatchPart[],
  { stores }: FitContext,
): Promise<BatchError | undefined> {
  const [first] = parts;
  const failed = parts.reduce((sum, part) => sum + part.failed, 0);
  if (first === undefined || failed < batch.progress.rows) return undefined;
  const bytes = Buffer.from(await stores.objects.read(first.file));
  const { error } = JSON.parse(bytes.toString('utf8', 0, bytes.indexOf('\n'))) as { error: BatchError };
  const message = `none of the ${failed} rows could be predicted; the first: ${error.message}`;
  return { code: error.code, message };
}
