/** A million rows, 100 MB, from the bucket into columns: within the memory of the function that does it, and a third of it. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
import { ROWS, writeMillionRows } from './million-rows.ts';
import { STORE_NAMES, TENANT } from './stores.ts';

const MAX_PEAK_BYTES = 2 ** 30;
const DATASET = 'ds_0000000000000000000000000';

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

test('ingests a CSV file of a million rows and 100 MB with less than 1 GB', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'million-'));
  const size = await writeMillionRows(join(folder, 'rows.csv'));
  await stores.objects.put(paths.upload(DATASET, 'data'), await readFile(join(folder, 'rows.csv')));
  await rm(folder, { recursive: true });
  await stores.catalog.datasets.put(DATASET, {
    id: DATASET,
    object: 'dataset',
    name: 'houses',
    format: 'csv',
    status: 'profiling',
    created_at: 0,
    reading: {},
  });

  const { status, peak_bytes: peakBytes } = await ingestApart(DATASET);

  expect(size).toBeGreaterThan(100_000_000);
  expect(status).toBe('ready');
  console.log(`peak resident memory: ${(peakBytes / 1e6).toFixed(0)} MB for ${(size / 1e6).toFixed(0)} MB of CSV`);
  expect(peakBytes).toBeLessThan(MAX_PEAK_BYTES);
  const record = await stores.catalog.datasets.get(DATASET);
  expect(record).toMatchObject({ rows: ROWS, bytes: size });
  expect(record!.columns!.map(({ name, type, missing }) => [name, type, missing])).toEqual([
    ['id', 'integer', 0],
    ['area', 'number', Math.ceil(ROWS / 97)],
    ['rooms', 'integer', 0],
    ['price', 'number', 0],
    ['distance', 'number', 0],
    ['slope', 'number', 0],
    ['city', 'category', 0],
    ['built', 'datetime', 0],
    ['garden', 'boolean', 0],
  ]);
  const { columns } = await readTable(stores.objects, DATASET, ['id', 'distance']);
  expect(columns[0]!.values[ROWS - 1]).toBe(ROWS - 1);
  expect(columns[1]!.values[30]).toBe(10);
}, 600_000);
