/**
 * The parts of a lane: written once, taken from the month's predictions once, whoever is killed in between. What a part holds is
 * fixed by its record, which only the first to write it makes; its predictions count once the month had room for them.
 */
import type { BatchPart, BatchRecord } from '../../resources/batch.ts';
import { partId } from '../../stores/catalog.ts';
import { paths } from '../../stores/objects.ts';
import type { TenantStores } from '../../stores/tenant-stores.ts';
import type { Lane } from './lanes.ts';

const PAGE = 1_000;

export type NewPart = Omit<BatchPart, 'file' | 'bytes' | 'status'> & { readonly text: string };

/** Every part of a batch, or of one of its lanes, in the order of rows. */
export async function partsOf(catalog: TenantStores['catalog'], id: string, lane?: Lane): Promise<BatchPart[]> {
  const [first, end] = [lane?.begin ?? 0, lane?.end ?? Infinity];
  const parts: BatchPart[] = [];
  let after = first === 0 ? undefined : partId(first - 1);
  for (let hasMore = true; hasMore;) {
    const page = await catalog.batchParts(id).list({ limit: PAGE, after, order: 'ascending' });
    parts.push(...page.data);
    const last = parts.at(-1)?.begin ?? Infinity;
    after = partId(last);
    hasMore = page.hasMore && last < end;
  }
  return parts.filter(({ begin }) => begin < end);
}

/** Writes a part, unless there is one already. @returns the one that counts */
export async function writePart(
  { catalog, objects }: TenantStores,
  batch: BatchRecord,
  { text, ...part }: NewPart,
): Promise<BatchPart> {
  const bytes = Buffer.from(text);
  const file = paths.batchPart(batch.id, part);
  await objects.put(file, bytes, 'application/x-ndjson');
  const record: BatchPart = { ...part, file, bytes: bytes.byteLength, status: 'written' };
  const records = catalog.batchParts(batch.id);
  if (await records.create(partId(part.begin), record)) return record;
  return (await records.get(partId(part.begin))) ?? record;
}

/** Takes a part's predictions; one that the month has not enough room for is cut behind the last row that it has. */
export async function settlePart(
  { catalog, objects, predictions }: TenantStores,
  batch: BatchRecord,
  { lane, part }: { lane: Lane; part: BatchPart },
): Promise<BatchPart> {
  if (part.status !== 'written') return part;
  const { day, end: through, predicted: units } = part;
  const wanted = { holder: holderOf(batch.id, lane), day, through, units };
  const granted = units === 0 ? 0 : await predictions.take(wanted, batch.predictions_limit);
  const settled: BatchPart =
    granted === units ? { ...part, status: 'settled' } : cut(part, await objects.read(part.file), granted);
  await catalog.batchParts(batch.id).patch(partId(part.begin), settled, ['written']);
  return settled;
}

/** Under which a lane takes predictions. */
export function holderOf(id: string, { begin }: Pick<Lane, 'begin'>): string {
  return `${id}/${begin}`;
}

function cut(part: BatchPart, file: Uint8Array, granted: number): BatchPart {
  let [bytes, end, predicted, failed] = [0, part.begin, 0, 0];
  const buffer = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  while (end < part.end) {
    const next = buffer.indexOf('\n', bytes) + 1;
    const isPrediction = 'prediction' in (JSON.parse(buffer.toString('utf8', bytes, next)) as object);
    if (isPrediction && predicted === granted) break;
    if (isPrediction) predicted++;
    else failed++;
    end++;
    bytes = next;
  }
  return { ...part, end, bytes, predicted, failed, status: 'cut' };
}
