/** From the bucket into a session: files in ranges, checked before they are loaded, and nothing left on the disk. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { UNAWAITED } from '../../../shared/afterwards.ts';
import { systemClock } from '../../../shared/clock.ts';
import { ModelCache } from '../../../shared/http/inference/model-cache.ts';
import { GraphBuilder, toModel } from '../../../shared/onnx/graph-builder.ts';
import { versionId } from '../../../shared/stores/catalog.ts';
import { paths } from '../../../shared/stores/objects.ts';
import { tenantStores } from '../../../shared/stores/tenant-stores.ts';
import type { TenantStores } from '../../../shared/stores/tenant-stores.ts';
import { Random } from '../../../shared/tensor/random.ts';
import { tensor } from '../../../shared/tensor/tensor.ts';
import { BUCKET } from '../sigv4/start-cloud.ts';
import { TABLES, startStoresCloud } from './dynamo.ts';
import type { StoresCloud } from './dynamo.ts';

let cloud: StoresCloud;
let stores: TenantStores;
/** Ranges that S3 was asked for. */
let ranges: (string | undefined)[] = [];
let temporary: string;
const before = process.env['TMPDIR'];

beforeAll(async () => {
  cloud = await startStoresCloud();
  const s3 = cloud.s3();
  s3.middlewareStack.add(
    (next, context) => (args) => {
      if (context.commandName === 'GetObjectCommand') ranges.push((args.input as { Range?: string }).Range);
      return next(args);
    },
    { step: 'initialize' },
  );
  const names = { catalog: TABLES.catalog, quotas: TABLES.quotas, bucket: BUCKET };
  const clients = { dynamo: cloud.documents(), s3, presigner: s3 };
  stores = tenantStores(clients, names, { tenantId: 'acme', clock: systemClock });
});
afterAll(() => cloud.stop());
beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), 'files-'));
  process.env['TMPDIR'] = temporary;
  ranges = [];
});
afterEach(() => {
  if (before === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = before;
  rmSync(temporary, { recursive: true });
});

test('an object is written into a file by ranges', async () => {
  const bytes = Buffer.from(Float64Array.from(Random.fromSeed(1).uniform(2_500_000)).buffer);
  await stores.objects.put('big', bytes);

  const isThere = await stores.objects.download('big', join(temporary, 'big'), bytes.length);

  expect(isThere).toBe(true);
  expect(readFileSync(join(temporary, 'big')).equals(bytes)).toBe(true);
  expect(ranges.toSorted()).toEqual(['bytes=0-8388607', 'bytes=16777216-25165823', 'bytes=8388608-16777215']);
});

test('what is not there, or shorter than it was said to be, is no download; a file that is there is not written over', async () => {
  await stores.objects.put('short', 'abc');

  expect(await stores.objects.download('none', join(temporary, 'none'), 10)).toBe(false);
  expect(await stores.objects.download('short', join(temporary, 'short'), 9_000_000)).toBe(false);
  await expect(stores.objects.download('short', join(temporary, 'short'), 3)).rejects.toThrow('EEXIST');
});

/** Publishes a model of a tenant's own that adds `by`, with about 400 kB of weights. */
async function publish(name: string, by: number, sha256?: string): Promise<void> {
  const g = new GraphBuilder();
  const weights = tensor('float32', [100_000], new Float32Array(100_000).fill(by));
  const x = g.input('x', 'float32', ['batch', 1]);
  g.output(g.add(x, g.slice(g.constant(weights), { axis: 0, start: 0, end: 1 })), 'y');
  const bytes = toModel(g);
  await stores.objects.put(paths.model(name, 1), bytes);
  await stores.catalog.versions(name).create(versionId(1), {
    ...{ object: 'model.version', id: `${name}:1`, name, version: 1, family: 'onnx', created_at: 0 },
    metrics: { train: {}, validation: {} },
    bytes: bytes.length,
    sha256: sha256 ?? createHash('sha256').update(bytes).digest('hex'),
  });
}

const newCache = (maxBytes: number) =>
  new ModelCache(stores, { threads: 1, maxBytes, clock: systemClock, afterwards: UNAWAITED });

test('a model is fetched once, however many ask for it at once, and leaves no file', async () => {
  await publish('three', 3);
  const cache = newCache(2 ** 27);

  const both = await Promise.all([cache.get({ name: 'three', version: 1 }), cache.get({ name: 'three', version: 1 })]);
  const warm = await cache.get({ name: 'three', version: 1 });

  expect(await warm.predictor.predict([[1]])).toEqual([[4]]);
  expect(both.map(({ isCold }) => isCold)).toEqual([true, true]);
  expect(warm.isCold).toBe(false);
  expect(ranges).toHaveLength(1);
  expect(readdirSync(temporary)).toEqual([]);
});

test('the least recently used model makes room, by bytes', async () => {
  for (const [at, name] of ['a', 'b', 'c'].entries()) await publish(name, at);
  const { sizeBytes } = (await newCache(2 ** 27).get({ name: 'a', version: 1 })).predictor;
  const cache = newCache(2.5 * sizeBytes);
  const isCold = async (name: string) => (await cache.get({ name, version: 1 })).isCold;

  const cold: boolean[] = [];
  for (const name of ['a', 'b', 'a', 'c', 'a', 'b']) cold.push(await isCold(name));

  // c took the place of b, which was used longer ago than a.
  expect(cold).toEqual([true, true, false, true, false, true]);
  expect(readdirSync(temporary)).toEqual([]);
});

test('bytes that are not those of the catalog are never loaded', async () => {
  await publish('torn', 1, '0'.repeat(64));

  await expect(newCache(2 ** 27).get({ name: 'torn', version: 1 })).rejects.toMatchObject({ code: 'model_not_ready' });

  expect(readdirSync(temporary)).toEqual([]);
});
