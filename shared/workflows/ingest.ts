/**
 * From an uploaded file to a dataset that is ready, or invalid with its row errors. Safe to run again: Lambda delivers an
 * asynchronous invoke at least once, and every write but the last leaves the dataset as it was to its readers.
 */
import { createHash } from 'node:crypto';
import { openCsv } from '../data/csv.ts';
import { openIdx } from '../data/idx.ts';
import { openJsonl } from '../data/jsonl.ts';
import { openParquet } from '../data/parquet.ts';
import { TableProfiler } from '../data/profile.ts';
import type { ColumnProfile } from '../data/profile.ts';
import type { Table } from '../data/table.ts';
import { sourceOfTable } from '../data/table-source.ts';
import type { TableStream } from '../data/table-stream.ts';
import { ServiceError } from '../errors.ts';
import type { ErrorDetail } from '../errors.ts';
import type { DatasetRecord } from '../resources/dataset.ts';
import { UPLOAD_PARTS } from '../resources/dataset.ts';
import type { Catalog } from '../stores/catalog.ts';
import { paths } from '../stores/objects.ts';
import type { ObjectReader } from '../stores/object-reader.ts';
import type { ObjectStore } from '../stores/objects.ts';
import type { Stock } from '../stores/stock.ts';
import { openTable, writeTable } from './tables.ts';

export interface IngestEvent {
  readonly dataset: string;
}

interface Stores {
  readonly catalog: Catalog;
  readonly objects: ObjectStore;
  readonly storedBytes: Stock;
  /** Told of an error that is not in the data. */
  readonly onDefect?: (error: Error) => void;
}

const DEFECT = {
  message: 'the data could not be read because of a mistake on our side',
  hint: 'give your operator the id of this dataset',
};

/** Reads, checks and stores one dataset. @returns its status, `gone` where it was deleted meanwhile */
export async function ingest({ dataset: id }: IngestEvent, stores: Stores): Promise<DatasetRecord['status'] | 'gone'> {
  const { datasets } = stores.catalog;
  const record = await datasets.get(id);
  if (record === undefined) return 'gone';
  if (record.status !== 'profiling') return record.status;
  const files = await uploadedFiles(stores.objects, record);
  const bytes = files.reduce((sum, file) => sum + file.byteLength, 0);
  const sha256 = await sha256Of(files);
  try {
    requireReadable(bytes);
    const { rows, columns } = await store(await open(record, files), id, stores);
    const room = record.stored_bytes_limit ?? Number.MAX_SAFE_INTEGER;
    if (!(await stores.storedBytes.take(id, bytes, room))) throw noRoom(bytes, room);
    const ready = { status: 'ready', rows, columns, bytes, sha256 } as const;
    const isFirst = await datasets.patch(id, ready, ['profiling']);
    if (!isFirst && (await datasets.get(id)) === undefined) return await leave(id, bytes, stores);
    await stores.storedBytes.confirm(id);
    return 'ready';
  } catch (error) {
    const errors = findingsOf(error, stores.onDefect);
    if (errors === undefined) throw error;
    const invalid = { status: 'invalid', errors, bytes, sha256 } as const;
    const isFirst = await datasets.patch(id, invalid, ['profiling']);
    if ((await datasets.get(id)) === undefined) return leave(id, bytes, stores);
    if (isFirst) await stores.objects.deleteAll(paths.columns(id, ''));
    return 'invalid';
  }
}

/** Writes the table's blocks, and describes its columns. */
async function store(
  stream: TableStream,
  id: string,
  { objects }: Stores,
): Promise<{ rows: number; columns: NonNullable<DatasetRecord['columns']> }> {
  const profiler = new TableProfiler();
  let last: Table | undefined;
  const { rows } = await writeTable(objects, id, stream.blocks(), (block) => {
    profiler.add(block);
    last = block;
  });
  // What was one block is still in memory.
  const source = last?.rows === rows ? sourceOfTable(last) : await openTable(objects, id);
  return { rows, columns: fitted(await profiler.finish(source)) };
}

/** Read twice and written once within the function's fifteen minutes. */
const MAX_UPLOAD_BYTES = 2e9;

/** @throws dataset_invalid where there is more to read than one invocation can */
function requireReadable(bytes: number): void {
  if (bytes <= MAX_UPLOAD_BYTES) return;
  const message = `expected at most ${MAX_UPLOAD_BYTES} bytes, found ${bytes}`;
  const hint = 'divide the data into several datasets';
  throw new ServiceError('dataset_invalid', message, { details: [{ message, hint }] });
}

async function sha256Of(files: readonly ObjectReader[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files) for await (const part of file) hash.update(part);
  return hash.digest('hex');
}

/** The dataset was deleted while it was read: what was written of it goes too. */
async function leave(id: string, bytes: number, { objects, storedBytes }: Stores): Promise<'gone'> {
  await storedBytes.undo(id, bytes);
  await objects.deleteAll(paths.dataset(id));
  return 'gone';
}

function noRoom(bytes: number, limit: number): ServiceError {
  return new ServiceError(
    'quota_exceeded',
    `the data have ${bytes} bytes, for which your plan's ${limit} stored bytes have no room left: delete datasets or models first`,
  );
}

/** Of the 400 KB that an item of DynamoDB holds. */
const MAX_PROFILE_BYTES = 300_000;

/** The profile as the record keeps it: without the commonest values, then without statistics, where it would be too large. */
function fitted(columns: readonly ColumnProfile[]): NonNullable<DatasetRecord['columns']> {
  const whole = columns.map((column) => ({ ...column, top: column.top?.slice(), shape: column.shape?.slice() }));
  const withoutTop = whole.map(({ top: _, ...rest }) => rest);
  const bare = whole.map(({ name, type, missing, shape }) => ({ name, type, missing, ...(shape && { shape }) }));
  const fits = [whole, withoutTop, bare].find((one) => Buffer.byteLength(JSON.stringify(one)) <= MAX_PROFILE_BYTES);
  if (fits !== undefined) return fits;
  throw new ServiceError(
    'dataset_invalid',
    `the names of ${columns.length} columns are too long to be kept: shorten them`,
  );
}

/** What the dataset says of the error; undefined for one that may be gone at the next try. */
function findingsOf(error: unknown, onDefect: Stores['onDefect']): ErrorDetail[] | undefined {
  if (error instanceof ServiceError)
    return error.details.length > 0 ? [...error.details] : [{ message: error.message }];
  // A mistake of ours would come again however often this is tried.
  if (!(error instanceof TypeError || error instanceof RangeError)) return undefined;
  onDefect?.(error);
  return [DEFECT];
}

function uploadedFiles(objects: ObjectStore, record: DatasetRecord): Promise<ObjectReader[]> {
  return Promise.all(UPLOAD_PARTS[record.format].map((part) => objects.reader(paths.upload(record.id, part))));
}

/** The table of the files, which have been read to their end once. @throws dataset_invalid with what is wrong with them */
async function open({ format, reading }: DatasetRecord, files: readonly ObjectReader[]): Promise<TableStream> {
  const [data, labels] = files as [ObjectReader, ObjectReader | undefined];
  const declared = reading.columns === undefined ? {} : { columns: reading.columns };
  switch (format) {
    case 'csv': {
      const { delimiter, header } = reading.csv_options ?? {};
      return openCsv(data, {
        ...declared,
        ...(delimiter === undefined ? {} : { delimiter }),
        ...(header === undefined ? {} : { header }),
      });
    }
    case 'jsonl':
      return openJsonl(data, declared);
    case 'parquet':
      return openParquet(data, declared);
    case 'idx':
      return openIdx({ images: data, labels: labels! });
  }
}
