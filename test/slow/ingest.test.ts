/** Files many times larger than what memory is to hold of them, from the bucket into blocks: the peak does not grow with them. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { systemClock } from '../../shared/clock.ts';
import { paths } from '../../shared/stores/objects.ts';
import { tenantStores } from '../../shared/stores/tenant-stores.ts';
import type { TenantStores } from '../../shared/stores/tenant-stores.ts';
import { readTable } from '../../shared/workflows/tables.ts';
import { CATALOG_TABLE, REGION, startTestCloud } from '../conformance/sigv4/start-cloud.ts';
import type { TestCloud } from '../conformance/sigv4/start-cloud.ts';
import { rowsAs } from './csv-rows.ts';
import { STORE_NAMES, TENANT } from './stores.ts';

/** Of the whole process, of which Node with what compiles TypeScript and the AWS clients is 170 MB. Held whole, 100 MB of CSV took 800 MB. */
const MAX_PEAK_BYTES = 600e6;
/** More distinct values than these are estimated. */
const MAX_COUNTED = 2 ** 22;

let cloud: TestCloud;
let stores: TenantStores;

beforeAll(async () => {
  cloud = await startTestCloud({ tables: [CATALOG_TABLE] });
  const dynamo = DynamoDBDocumentClient.from(cloud.dynamodb(), { marshallOptions: { removeUndefinedValues: true } });
  const clients = { dynamo, s3: cloud.s3(), presigner: cloud.s3() };
  stores = tenantStores(clients, STORE_NAMES, { tenantId: TENANT, clock: systemClock });
});

afterAll(async () => {
  await cloud.stop();
});

/** Runs one ingestion in a process of its own. */
async function ingestApart(dataset: string): Promise<{ status: string; peak_bytes: number }> {
  const { accessKeyId, secretAccessKey } = cloud.cloud.operatorCredentials();
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', 'test/slow/ingest-process.ts', dataset],
    {
      env: {
        ...process.env,
        AWS_ENDPOINT_URL: cloud.cloud.url,
        AWS_REGION: REGION,
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
      },
    },
  );
  return JSON.parse(stdout) as { status: string; peak_bytes: number };
}

/** Uploads rows as a file. @returns its bytes */
async function upload(dataset: string, format: 'csv' | 'jsonl', rows: number): Promise<number> {
  const writer = stores.objects.writer(paths.upload(dataset, 'data'), 'text/plain');
  let bytes = 0;
  for (const text of rowsAs(format, rows)) {
    const block = Buffer.from(text);
    bytes += block.byteLength;
    await writer.write(block);
  }
  await writer.end();
  await stores.catalog.datasets.put(dataset, {
    id: dataset,
    object: 'dataset',
    name: 'houses',
    format,
    status: 'profiling',
    created_at: 0,
    reading: {},
  });
  return bytes;
}

test.each([
  ['csv', 5_000_000, 450_000_000],
  ['jsonl', 1_500_000, 250_000_000],
] as const)(
  'ingests a %s file of %d rows, more than %d bytes, within the memory of a small one',
  async (format, rows, leastBytes) => {
    const dataset = `ds_${format.padEnd(25, '0')}`;
    const size = await upload(dataset, format, rows);

    const { status, peak_bytes: peakBytes } = await ingestApart(dataset);

    expect(size).toBeGreaterThan(leastBytes);
    expect(status).toBe('ready');
    console.log(
      `peak resident memory: ${(peakBytes / 1e6).toFixed(0)} MB for ${(size / 1e6).toFixed(0)} MB of ${format}`,
    );
    expect(peakBytes).toBeLessThan(MAX_PEAK_BYTES);
    const record = await stores.catalog.datasets.get(dataset);
    expect(record).toMatchObject({ rows, bytes: size });
    expect(record!.columns!.map(({ name, type, missing }) => [name, type, missing])).toEqual([
      ['id', 'integer', 0],
      ['area', 'number', Math.ceil(rows / 97)],
      ['rooms', 'integer', 0],
      ['price', 'number', 0],
      ['distance', 'number', 0],
      ['slope', 'number', 0],
      ['city', 'category', 0],
      ['built', 'datetime', 0],
      ['garden', 'boolean', 0],
    ]);
    const [id, , digits] = record!.columns!;
    expect(id).toMatchObject({ min: 0, max: rows - 1, mean: (rows - 1) / 2 });
    expect(digits).toMatchObject({ unique: 9 });
    if (rows <= MAX_COUNTED) expect(id!.unique).toBe(rows);
    else expect(Math.abs(id!.unique! / rows - 1)).toBeLessThan(0.003);
    const { columns } = await readTable(stores.objects, dataset, ['id', 'distance']);
    expect(columns[0]!.values[rows - 1]).toBe(rows - 1);
    expect(columns[1]!.values[30]).toBe(10);
  },
  900_000,
);
