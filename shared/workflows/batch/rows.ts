/** The rows of a batch as instances: of a dataset, of which only the rows and columns that are needed are read, or of the request. */
import { decodeRows } from '../../data/columnar.ts';
import type { TableManifest } from '../../data/columnar.ts';
import { isMissingText, parseBoolean, parseNumber } from '../../data/cells.ts';
import { cellValue, columnOf } from '../../data/columns.ts';
import type { Table } from '../../data/table.ts';
import type { BatchRecord } from '../../resources/batch.ts';
import { paths } from '../../stores/objects.ts';
import type { ObjectStore } from '../../stores/objects.ts';
import { rangesOf, readManifest } from '../tables.ts';

export interface Row {
  readonly instance: unknown;
  /** Columns that the output repeats. */
  readonly input?: Readonly<Record<string, unknown>>;
}

export type ReadRows = (begin: number, end: number) => Promise<Row[]>;

/** Of a dataset: what is read at once, in bytes of numbers. */
const WINDOW_BYTES = 32_000_000;
/** A text has no fixed size. */
const TEXT_BYTES = 1_000;

/** @throws {Error} naming the object that is missing */
export async function openRows(batch: BatchRecord, objects: ObjectStore): Promise<ReadRows> {
  if (batch.dataset !== undefined) return datasetRows({ ...batch, dataset: batch.dataset }, objects);
  const bytes = await objects.read(paths.batchInstances(batch.id));
  const instances = JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown[];
  return async (begin, end) => instances.slice(begin, end).map((instance) => ({ instance }));
}

async function datasetRows(
  { dataset, features, include = [], step_rows: step }: BatchRecord & { dataset: string },
  objects: ObjectStore,
): Promise<ReadRows> {
  const manifest = await readManifest(objects, dataset);
  const columns = [...new Set([...features.map(({ name }) => name), ...include])];
  const windowRows = step * Math.max(1, Math.floor(WINDOW_BYTES / (step * rowBytes(manifest, columns))));
  const read = rangesOf(objects, dataset);
  let window: { begin: number; end: number; table: Table } | undefined;
  return async (begin, end) => {
    if (window === undefined || begin < window.begin || end > window.end) {
      const last = Math.min(manifest.rows, Math.max(end, begin + windowRows));
      window = { begin, end: last, table: await decodeRows(manifest, read, { columns, begin, end: last }) };
    }
    const { table, begin: first } = window;
    const cell = (name: string, row: number) => cellValue(columnOf(table, name), row);
    const objectOf = <T>(list: readonly T[], entry: (item: T) => readonly [string, unknown]) =>
      Object.fromEntries(list.map(entry));
    return Array.from({ length: end - begin }, (_, i) => {
      const row = begin - first + i;
      const instance = objectOf(features, ({ name, type }) => [name, valueFor(type, cell(name, row))]);
      if (include.length === 0) return { instance };
      return { instance, input: objectOf(include, (name) => [name, cell(name, row)]) };
    });
  };
}

/** One word among a column's numbers makes all of them texts: those that are numbers still count as such. */
function valueFor(type: string, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const text = value.trim();
  if (isMissingText(text)) return type === 'text' ? value : null;
  if (type === 'number' || type === 'integer') return parseNumber(text) ?? value;
  return type === 'boolean' ? (parseBoolean(text) ?? value) : value;
}

function rowBytes({ columns }: TableManifest, names: readonly string[]): number {
  const sizes = columns.map(({ name, type, bytes_per_row: bytes }) =>
    names.includes(name) ? (type === 'text' ? TEXT_BYTES : bytes) : 0,
  );
  return Math.max(
    1,
    sizes.reduce((sum, bytes) => sum + bytes, 0),
  );
}
