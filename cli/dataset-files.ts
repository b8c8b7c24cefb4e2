/** Files of a dataset: their format by name and first bytes, the upload with its parts, and waiting until the data are read. */
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { gunzipSync, constants } from 'node:zlib';
import type { ApiClient } from './client.ts';
import { OutcomeError, UsageError } from './errors.ts';
import type { Dataset } from './resources.ts';
import { uploadFile } from './upload.ts';

export const FORMATS = ['csv', 'jsonl', 'idx', 'parquet'] as const;
export type Format = (typeof FORMATS)[number];

const BY_EXTENSION: Readonly<Record<string, Format>> = {
  csv: 'csv',
  tsv: 'csv',
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  parquet: 'parquet',
  idx: 'idx',
};

/** Name and options of POST /v1/datasets. */
export interface DatasetSettings {
  readonly name: string;
  readonly format: Format;
  readonly columns?: Readonly<Record<string, string>>;
  readonly csv_options?: { readonly delimiter?: string; readonly header?: boolean };
}

/** @throws {UsageError} for files that are missing, or that no format fits */
export function guessFormat(files: readonly string[]): Format {
  const [file = ''] = files;
  for (const each of files) if (!existsSync(each)) throw new UsageError(`there is no file ${each}`);
  if (files.length === 2) return 'idx';
  const extension = /\.(\w+)$/.exec(file)?.[1]?.toLowerCase() ?? '';
  const format = BY_EXTENSION[extension] ?? formatOfBytes(firstBytes(file));
  if (format === 'idx') throw new UsageError('an idx dataset is two files: images and labels');
  return format;
}

/** Which part each file is: of an idx pair the one of rank 1 has the labels. */
export function partsOf(files: readonly string[], format: Format): Record<string, string> {
  const wanted = format === 'idx' ? 2 : 1;
  const [first, second] = files;
  if (first === undefined || files.length !== wanted)
    throw new UsageError(
      `a dataset of format ${format} is ${wanted === 1 ? 'one file' : 'two files'}, got ${files.length}`,
    );
  if (second === undefined) return { data: first };
  return rankOf(first) === 1 ? { images: second, labels: first } : { images: first, labels: second };
}

/** 1 to 63 characters that the service takes as a name. */
export function nameOf(file: string): string {
  const stem = basename(file).replace(/(\.\w+)+$/, '');
  const name = stem.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  return name === '' ? 'dataset' : name.slice(0, 63);
}

/** Makes the dataset and uploads its parts. @param onBytes how many more bytes have gone out */
export async function createDataset(
  api: ApiClient,
  settings: DatasetSettings,
  parts: Readonly<Record<string, string>>,
  onBytes: (bytes: number) => void = () => undefined,
): Promise<Dataset> {
  const made = await api.call<Dataset>('createDataset', { body: settings });
  for (const [part, file] of Object.entries(parts)) {
    const target = made.upload?.parts?.[part] ?? made.upload;
    if (target === undefined) throw new Error(`dataset ${made.id} names no place to upload ${part} to`);
    await uploadFile(file, target, onBytes);
  }
  return api.call<Dataset>('completeDataset', { params: { id: made.id }, body: {} });
}

/** The dataset once its data are read. @throws {OutcomeError} where they cannot be */
export async function readyDataset(api: ApiClient, id: string): Promise<Dataset> {
  const dataset = await api.until(
    () => api.call<Dataset>('getDataset', { params: { id } }),
    ({ status }) => status === 'ready' || status === 'invalid',
  );
  if (dataset.status === 'ready') return dataset;
  throw new OutcomeError(`the dataset ${dataset.name} (${id}) is invalid`, dataset.errors);
}

export function sizeOf(files: Iterable<string>): number {
  return [...files].reduce((sum, file) => sum + statSync(file).size, 0);
}

function formatOfBytes(bytes: Buffer): Format {
  if (bytes.subarray(0, 4).toString('latin1') === 'PAR1') return 'parquet';
  if (isIdx(bytes)) return 'idx';
  return /^\s*\{/.test(bytes.toString('utf8')) ? 'jsonl' : 'csv';
}

/** The magic number of IDX: two zeros, the type, the rank. Source: http://yann.lecun.com/exdb/mnist/ */
function isIdx(bytes: Buffer): boolean {
  return bytes[0] === 0 && bytes[1] === 0 && bytes[2] !== undefined && bytes[2] >= 0x08 && bytes[2] <= 0x0e;
}

function rankOf(file: string): number {
  const bytes = firstBytes(file);
  if (!isIdx(bytes)) {
    const message = `${file}: two files are an idx pair, images and labels, and this is no IDX file; send other data one file at a time`;
    throw new UsageError(message);
  }
  return bytes[3] ?? 0;
}

/** The first bytes of what the file holds, unpacked where it is gzip. */
function firstBytes(file: string): Buffer {
  const bytes = Buffer.alloc(4096);
  const handle = openSync(file, 'r');
  const read = bytes.subarray(0, readSync(handle, bytes, 0, bytes.length, 0));
  closeSync(handle);
  const isGzip = read[0] === 0x1f && read[1] === 0x8b;
  return isGzip ? gunzipSync(read, { finishFlush: constants.Z_SYNC_FLUSH }) : read;
}
