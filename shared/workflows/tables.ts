/** Tables in a tenant's storage: the columnar form's chunks and manifest as objects under the dataset. */
import { decodeRows, decodeTable, encodeTable } from '../data/columnar.ts';
import type { TableManifest } from '../data/columnar.ts';
import type { Table } from '../data/table.ts';
import { textBytes } from '../data/table-source.ts';
import type { TableSource } from '../data/table-source.ts';
import type { ObjectStore } from '../stores/objects.ts';
import { paths } from '../stores/objects.ts';

const MANIFEST = 'manifest.json';

/** Writes a dataset's table; the manifest comes last, so that a manifest without its chunks never exists. */
export async function writeTable(objects: ObjectStore, datasetId: string, table: Table): Promise<void> {
  const { manifest, chunks } = encodeTable(table);
  for (const [name, bytes] of chunks) await objects.put(paths.columns(datasetId, name), bytes);
  await objects.put(paths.columns(datasetId, MANIFEST), JSON.stringify(manifest), 'application/json');
}

/** Reads the named columns of a dataset, or all. */
export async function readTable(objects: ObjectStore, datasetId: string, columns?: readonly string[]): Promise<Table> {
  const manifest = await readManifest(objects, datasetId);
  return decodeTable(
    manifest,
    (name) => objects.read(paths.columns(datasetId, name)),
    columns === undefined ? {} : { columns },
  );
}

/** The named columns of a dataset, or all, to be read a range of rows at a time. */
export async function openTable(
  objects: ObjectStore,
  datasetId: string,
  names?: readonly string[],
): Promise<TableSource> {
  const manifest = await readManifest(objects, datasetId);
  const { rows } = manifest;
  const columns = manifest.columns.filter(({ name }) => names?.includes(name) ?? true);
  const sizes = columns.map(async ({ bytes_per_row: size, chunks, type }) =>
    type === 'text' ? textBytes(rows, (await objects.size(paths.columns(datasetId, chunks[1]!))) ?? 0) : rows * size,
  );
  return {
    rows,
    columns,
    bytes: (await Promise.all(sizes)).reduce((sum, bytes) => sum + bytes, 0),
    read: (wanted, begin, end) =>
      decodeRows(manifest, (name, from, to) => objects.readRange(paths.columns(datasetId, name), from, to), {
        columns: wanted,
        begin,
        end,
      }),
  };
}

export async function readManifest(objects: ObjectStore, datasetId: string): Promise<TableManifest> {
  const bytes = await objects.read(paths.columns(datasetId, MANIFEST));
  return JSON.parse(Buffer.from(bytes).toString('utf8')) as TableManifest;
}
