/**
 * From an uploaded file to a dataset that is ready, or invalid with its row errors. Safe to run again: Lambda delivers an
 * asynchronous invoke at least once, and every write but the last leaves the dataset as it was to its readers.
 */
import { createHash } from 'node:crypto';
import { readCsv } from '../data/csv.ts';
import { readIdx } from '../data/idx.ts';
import { readJsonl } from '../data/jsonl.ts';
import { readParquet } from '../data/parquet.ts';
import { profile } from '../data/profile.ts';
import type { ColumnProfile } from '../data/profile.ts';
import type { Table } from '../data/table.ts';
import { ServiceError } from '../errors.ts';
import type { ErrorDetail } from '../errors.ts';
import type { DatasetRecord } from '../resources/dataset.ts';
import { UPLOAD_PARTS } from '../resources/dataset.ts';
import type { Catalog } from '../stores/catalog.ts';
import { paths } from '../stores/objects.ts';
import type { ObjectStore } from '../stores/objects.ts';
import type { Stock } from '../stores/stock.ts';
import { writeTable } from './tables.ts';

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
  const record = await stores.catalog.datasets.get(id);
  if (record === undefined) return 'gone';
  if (record.status !== 'profiling') return record.status;
  const files = await uploadedFiles(stores.objects, record);
  const bytes = files.reduce((sum, file) => sum + file.byteLength, 0);
  const sha256 = files.reduce((hash, file) => hash.update(file), createHash('sha256')).digest('hex');
  try {
    const table = await readFiles(record, files);
    await writeTable(stores.objects, id, table);
    const columns = fitted(profile(table));
    const room = record.stored_bytes_limit ?? Number.MAX_SAFE_INTEGER;
    if (!(await stores.storedBytes.take(id, bytes, room))) throw noRoom(bytes, room);
    const ready = { status: 'ready', rows: table.rows, columns, bytes, sha256 } as const;
    const isFirst = await stores.catalog.datasets.patch(id, ready, ['profiling']);
    if (!isFirst && (await stores.catalog.datasets.get(id)) === undefined) return await leave(id, bytes, stores);
    await stores.storedBytes.confirm(id);
    return 'ready';
  } catch (error) {
    const errors = findingsOf(error, stores.onDefect);
    if (errors === undefined) throw error;
    await stores.catalog.datasets.patch(id, { status: 'invalid', errors, bytes, sha256 }, ['profiling']);
    if ((await stores.catalog.datasets.get(id)) === undefined) return leave(id, bytes, stores);
    return 'invalid';
  }
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

async function uploadedFiles(objects: ObjectStore, record: DatasetRecord): Promise<Uint8Array[]> {
  return Promise.all(UPLOAD_PARTS[record.format].map((part) => objects.read(paths.upload(record.id, part))));
}

async function readFiles({ format, reading }: DatasetRecord, files: readonly Uint8Array[]): Promise<Table> {
  const [data = new Uint8Array(), labels] = files;
  const declared = reading.columns === undefined ? {} : { columns: reading.columns };
  switch (format) {
    case 'csv': {
      const { delimiter, header } = reading.csv_options ?? {};
      return readCsv(data, {
        ...declared,
        ...(delimiter === undefined ? {} : { delimiter }),
        ...(header === undefined ? {} : { header }),
      });
    }
    case 'jsonl':
      return readJsonl(data, declared);
    case 'parquet':
      return readParquet(data, declared);
    case 'idx':
      return readIdx({ images: data, ...(labels === undefined ? {} : { labels }) });
  }
}
