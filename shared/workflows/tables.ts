/** Tables in a tenant's storage: the columnar form's blocks and manifest as objects under the dataset. */
import { ColumnarWriter, decodeRows, textBytesOf } from '../data/columnar.ts';
import type { ReadRange, TableManifest } from '../data/columnar.ts';
import type { Table } from '../data/table.ts';
import { textBytes } from '../data/table-source.ts';
import type { TableSource } from '../data/table-source.ts';
import type { ObjectStore } from '../stores/objects.ts';
import { paths } from '../stores/objects.ts';

const MANIFEST = 'manifest.json';

/**
 * Writes a dataset's blocks as they come, each shown to `onBlock`; the manifest comes last, so that a manifest without its blocks never exists.
 * The same blocks again are the same objects.
 */
export async function writeTable(
  objects: ObjectStore,
  datasetId: string,
  blocks: AsyncIterable<Table> | Iterable<Table>,
  onBlock: (block: Table) => void = () => undefined,
): Promise<TableManifest> {
  const writer = new ColumnarWriter();
  for await (const block of blocks) {
    const { name, bytes } = writer.add(block);
    await objects.put(paths.columns(datasetId, name), bytes);
    onBlock(block);
  }
  const manifest = writer.manifest();
  await objects.put(paths.columns(datasetId, MANIFEST), JSON.stringify(manifest), 'application/json');
  return manifest;
}

/** Reads the named columns of a dataset, or all. */
export async function readTable(objects: ObjectStore, datasetId: string, columns?: readonly string[]): Promise<Table> {
  const manifest = await readManifest(objects, datasetId);
  const range = { begin: 0, end: manifest.rows, ...(columns && { columns }) };
  return decodeRows(manifest, rangesOf(objects, datasetId), range);
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
  const sizes = columns.map(async (column) => {
    if (column.type !== 'text') return rows * column.bytes_per_row;
    const utf8 = textBytesOf(manifest, column) ?? (await objects.size(paths.columns(datasetId, column.chunks[1]!)));
    return textBytes(rows, utf8 ?? 0);
  });
  return {
    rows,
    columns,
    bytes: (await Promise.all(sizes)).reduce((sum, bytes) => sum + bytes, 0),
    read: (wanted, begin, end) => decodeRows(manifest, rangesOf(objects, datasetId), { columns: wanted, begin, end }),
  };
}

/** Reads ranges of a dataset's objects. */
export function rangesOf(objects: ObjectStore, datasetId: string): ReadRange {
  return (name, begin, end) => objects.readRange(paths.columns(datasetId, name), begin, end);
}

export async function readManifest(objects: ObjectStore, datasetId: string): Promise<TableManifest> {
  const bytes = await objects.read(paths.columns(datasetId, MANIFEST));
  return JSON.parse(Buffer.from(bytes).toString('utf8')) as TableManifest;
}
