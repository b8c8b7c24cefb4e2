/**
 * Segments through the real stores: however a job is cut, with checkpoints torn and AWS failing, its last checkpoint has the same bytes. The clock
 * of a segment is the test's: each question for the time takes some, so that a segment ends after so many questions.
 */
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DEFAULT_PREPROCESSING } from '../../../shared/families/spec.ts';
import type { JobRecord } from '../../../shared/resources/job.ts';
import { decodeCheckpoint } from '../../../shared/runtime/checkpoint.ts';
import { paths } from '../../../shared/stores/objects.ts';
import { tenantStores } from '../../../shared/stores/tenant-stores.ts';
import type { TenantStores } from '../../../shared/stores/tenant-stores.ts';
import { fitSegment } from '../../../shared/workflows/fit.ts';
import { writeTable } from '../../../shared/workflows/tables.ts';
import { CATALOG_TABLE, startTestCloud } from '../sigv4/start-cloud.ts';
import type { TestCloud } from '../sigv4/start-cloud.ts';
import { CASES as ALL_CASES } from './cases.ts';
import type { FamilyCase } from './family-case.ts';

const STORE_NAMES = { catalog: 'catalog', quotas: 'catalog', bucket: 'data' };
const HOUR_MS = 3_600_000;
/** The first case of each family. */
const CASES = ALL_CASES.filter(({ family }, i) => ALL_CASES.findIndex((one) => one.family === family) === i);

let cloud: TestCloud;
let count = 0;

beforeAll(async () => {
  cloud = await startTestCloud({ tables: [CATALOG_TABLE] });
});
afterAll(() => cloud.stop());

function storesOf(on: TestCloud): TenantStores {
  const dynamo = DynamoDBDocumentClient.from(on.dynamodb(), { marshallOptions: { removeUndefinedValues: true } });
  return tenantStores({ dynamo, s3: on.s3(), presigner: on.s3() }, STORE_NAMES, {
    tenantId: 'acme',
    clock: { nowMs: Date.now },
  });
}

/** A clock that moves by `stepMs` whenever it is asked. */
const clockOf = (stepMs: number) => {
  let nowMs = 1_700_000_000_000;
  return { nowMs: () => (nowMs += stepMs) };
};

/** Runs a job to its end in segments of `questions` questions for the time. @returns its last checkpoint and how many segments it took */
async function run(
  one: FamilyCase,
  options: {
    questions: number;
    dataBytes?: number;
    onSegment?: (stores: TenantStores, job: string, segment: number) => Promise<void>;
  },
): Promise<{ checkpoint: Buffer; segments: number; metrics: JobRecord['metrics'] }> {
  const stores = storesOf(cloud);
  const id = `job_${String(++count).padStart(26, '0')}`;
  const dataset = `ds_${String(count).padStart(26, '0')}`;
  await writeTable(stores.objects, dataset, [one.table(60)]);
  const record = {
    id,
    object: 'job',
    name: 'job',
    params: {},
    preprocessing: DEFAULT_PREPROCESSING,
    validation: { fraction: 0.2 },
    seed: 0,
    ...one.spec,
    dataset,
    status: 'running',
    progress: { fraction: 0 },
    metrics: { train: {}, validation: {} },
    usage: { seconds: 0, gb_seconds: 0, usd: 0 },
    created_at: 0,
    key_id: 'key_1',
  } as unknown as JobRecord;
  await stores.catalog.jobs.put(id, record);
  for (let segment = 0; ; segment++) {
    const clock = clockOf(HOUR_MS / options.questions);
    const outcome = await fitSegment(
      { action: 'segment', job: id, segment },
      {
        stores,
        clock,
        deadlineMs: clock.nowMs() + HOUR_MS,
        endsMs: clock.nowMs() + HOUR_MS,
        threads: 1,
        memoryMb: 1024,
        dataBytes: options.dataBytes ?? 1e9,
        gbSecondUsd: 1e-5,
      },
    );
    expect(outcome.error).toBeUndefined();
    if (outcome.status === 'finished') {
      const checkpoint = Buffer.from(await stores.objects.read(paths.checkpoint({ job: id }, segment)));
      return { checkpoint, segments: segment + 1, metrics: (await stores.catalog.jobs.get(id))!.metrics };
    }
    await options.onSegment?.(stores, id, segment);
  }
}

describe.each(CASES.map((one) => [one.family, one] as const))('%s', (_, one) => {
  it('ends with the same bytes in one segment and in many, with every third checkpoint torn in half', async () => {
    const whole = await run(one, { questions: 1e6 });
    const cut = await run(one, { questions: 3 });
    const torn = await run(one, {
      questions: 15,
      async onSegment({ objects }, job, segment) {
        if (segment % 3 !== 0) return;
        const path = paths.checkpoint({ job }, segment);
        const bytes = await objects.read(path);
        await objects.put(path, bytes.subarray(0, bytes.length >> 1));
      },
    });

    expect(whole.segments).toBe(1);
    expect(Buffer.compare(cut.checkpoint, whole.checkpoint)).toBe(0);
    expect(Buffer.compare(torn.checkpoint, whole.checkpoint)).toBe(0);
    expect([cut.metrics, torn.metrics]).toEqual([whole.metrics, whole.metrics]);
  });
});

it.each(['cnn', 'rnn', 'linear_regression', 'logistic_regression', 'kmeans'])(
  '%s learns by ranges of the stored objects what does not fit into memory, the same however it is cut',
  async (family) => {
    const one = CASES.find((candidate) => candidate.family === family)!;
    const dataBytes = 60 * 48;

    const whole = await run(one, { questions: 1e6, dataBytes });
    const cut = await run(one, { questions: 20, dataBytes });

    expect(decodeCheckpoint(whole.checkpoint).blockRows).toBeLessThan(10);
    expect(Buffer.compare(cut.checkpoint, whole.checkpoint)).toBe(0);
    expect(cut.metrics).toEqual(whole.metrics);
  },
);
