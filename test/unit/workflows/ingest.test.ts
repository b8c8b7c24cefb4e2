/** Files as spreadsheets and databases write them, through the real ingest against the local S3 and DynamoDB. */
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { systemClock } from '../../../shared/clock.ts';
import type { DatasetRecord } from '../../../shared/resources/dataset.ts';
import { paths } from '../../../shared/stores/objects.ts';
import { tenantStores } from '../../../shared/stores/tenant-stores.ts';
import type { TenantStores } from '../../../shared/stores/tenant-stores.ts';
import { ingest } from '../../../shared/workflows/ingest.ts';
import { readTable } from '../../../shared/workflows/tables.ts';
import { CATALOG_TABLE, startTestCloud } from '../../conformance/sigv4/start-cloud.ts';
import type { TestCloud } from '../../conformance/sigv4/start-cloud.ts';

const STORE_NAMES = { catalog: 'catalog', quotas: 'catalog', bucket: 'data' };

let cloud: TestCloud;
let stores: TenantStores;

beforeAll(async () => {
  cloud = await startTestCloud({ tables: [CATALOG_TABLE] });
  const dynamo = DynamoDBDocumentClient.from(cloud.dynamodb(), { marshallOptions: { removeUndefinedValues: true } });
  const clients = { dynamo, s3: cloud.s3(), presigner: cloud.s3() };
  stores = tenantStores(clients, STORE_NAMES, { tenantId: 'acme', clock: systemClock });
});

afterAll(async () => {
  await cloud.stop();
});

let count = 0;

/** Ingests one file. @returns the dataset's id and what became of it */
async function ingested(
  file: string | Buffer,
  options?: DatasetRecord['reading']['csv_options'],
  more: Partial<DatasetRecord> = {},
) {
  const id = `ds_${String(++count).padStart(25, '0')}`;
  await stores.objects.put(paths.upload(id, 'data'), Buffer.from(file as string));
  await stores.catalog.datasets.put(id, {
    id,
    object: 'dataset',
    name: 'file',
    format: 'csv',
    status: 'profiling',
    created_at: 0,
    reading: options === undefined ? {} : { csv_options: options },
    ...more,
  });
  return { id, status: await ingest({ dataset: id }, stores), record: await stores.catalog.datasets.get(id) };
}

test.each([
  ['semicolons, stated', '1;Bern\n2;Oslo\n', { delimiter: ';', header: false } as const],
  ['semicolons, found', '1;Bern\r\n2;Oslo\r\n', { header: false }],
  ['tabs', '1\tBern\n2\tOslo\n', { header: false }],
  ['bars, a byte order mark and quotes', '\uFEFF1|"Bern"\r\n2|"Oslo"\r\n', { header: false }],
])('a file without header, with %s', async (_, file, options) => {
  const { id, status } = await ingested(file, options);
  const { columns } = await readTable(stores.objects, id);

  expect(status).toBe('ready');
  expect(columns.map(({ name, type }) => [name, type])).toEqual([
    ['column_1', 'integer'],
    ['column_2', 'category'],
  ]);
  expect(columns[1]).toMatchObject({ categories: ['Bern', 'Oslo'], values: Int32Array.of(0, 1) });
});

test('a file that is not UTF-8 is invalid, and the error names the line', async () => {
  const { status, record } = await ingested(Buffer.from('city\nBern\nZürich\n', 'latin1'));

  expect(status).toBe('invalid');
  expect(record!.errors![0]!.message).toContain('not valid UTF-8 at line 3');
});

test('what could be read but not kept leaves nothing but the upload behind', async () => {
  const { id, status, record } = await ingested('a,b\n1,2\n', undefined, { stored_bytes_limit: 1 });

  expect(status).toBe('invalid');
  expect(record!.errors![0]!.message).toContain('the data have 8 bytes');
  expect(await stores.objects.size(paths.columns(id, 'manifest.json'))).toBeUndefined();
  expect(await stores.objects.deleteAll(paths.dataset(id))).toBe(1);
});

test('an upload that is written again while it is read is not read half and half', async () => {
  const path = paths.upload('ds_replaced', 'data');
  const part = 8 * 2 ** 20;
  await stores.objects.put(path, Buffer.alloc(2.5 * part, 'a'));
  const reader = await stores.objects.reader(path);

  const parts = [];
  const reading = (async () => {
    for await (const bytes of reader) {
      parts.push(bytes.byteLength);
      // The second part is already on its way.
      await stores.objects.put(path, Buffer.alloc(2.5 * part, 'b'));
    }
  })();

  await expect(reading).rejects.toMatchObject({ name: 'PreconditionFailed' });
  expect(parts.length).toBeLessThan(3);
});

test('an upload is read again from its beginning, and any bytes of it', async () => {
  const path = paths.upload('ds_again', 'data');
  const file = Buffer.from(Array.from({ length: 9 * 2 ** 20 }, (_, i) => (i * 31) >> 3));
  await stores.objects.put(path, file);
  const reader = await stores.objects.reader(path);

  for (let time = 0; time < 2; time++) {
    const parts = [];
    for await (const bytes of reader) parts.push(bytes);
    expect(Buffer.concat(parts).equals(file)).toBe(true);
  }
  const slice = await reader.slice(8 * 2 ** 20 - 3, 8 * 2 ** 20 + 5);
  expect(Buffer.from(slice).equals(file.subarray(8 * 2 ** 20 - 3, 8 * 2 ** 20 + 5))).toBe(true);
});
