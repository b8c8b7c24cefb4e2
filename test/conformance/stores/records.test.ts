/** The audit log, stocks and idempotency keys on a local DynamoDB: under concurrent callers, failures and processes that die. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DeleteCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { Catalog } from '../../../shared/stores/catalog.ts';
import { IdempotencyKeys } from '../../../shared/stores/idempotency.ts';
import { Items } from '../../../shared/stores/items.ts';
import { Stock } from '../../../shared/stores/stock.ts';
import { newId } from '../../../shared/tenancy/ids.ts';
import { startStoresCloud, TABLES, TestClock } from './dynamo.ts';
import type { StoresCloud } from './dynamo.ts';
import { FaultyProcess, randomOf } from './faulty-dynamo.ts';
import type { Faults } from './faulty-dynamo.ts';

const START_MS = Date.UTC(2026, 10, 23, 12);
const FAULTS: Faults = { fails: 0.1, losesAnswer: 0.1, doubles: 0.2, arrivesLate: 0.1, dies: 0.02 };

let cloud: StoresCloud;
beforeAll(async () => {
  cloud = await startStoresCloud();
});
afterAll(() => cloud.stop());

let tenants = 0;
const newTenant = (): string => `tenant-${tenants++}`;

describe('the audit log', () => {
  const fact = (target: string) => ({ actor: 'key_1', action: 'createDataset', target, outcome: 'started' });

  it('is one chain however many write at once', async () => {
    const { audit } = new Catalog(cloud.documents(), TABLES.catalog, newTenant());

    const numbers = await Promise.all(Array.from({ length: 12 }, (_, i) => audit.append(fact(`t${i}`), 1)));
    const { data } = await audit.list({ limit: 100, order: 'ascending' });

    expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    expect(new Set(data.map(({ target }) => target)).size).toBe(12);
    expect(await audit.verify()).toMatchObject({ valid: true, entries: 12, head: { id: 'aud_000000000012' } });
  });

  it.each([
    ['changed', 'SET target = :x'],
    ['given another author', 'SET actor = :x'],
    ['given another past', 'SET previous = :x'],
  ])('shows an entry that was %s', async (_, expression) => {
    const tenant = newTenant();
    const { audit } = new Catalog(cloud.documents(), TABLES.catalog, tenant);
    for (const target of ['a', 'b', 'c']) await audit.append(fact(target), 1);

    await cloud.documents().send(
      new UpdateCommand({
        TableName: TABLES.catalog,
        Key: { pk: `TENANT#${tenant}#AUDIT`, sk: 'ENTRY#aud_000000000002' },
        UpdateExpression: expression,
        ExpressionAttributeValues: { ':x': 'x' },
      }),
    );

    expect(await audit.verify()).toMatchObject({ valid: false, broken_at: 'aud_000000000002' });
  });

  it('is verified in parts, each behind the head of the one before; a head that was kept shows what was cut off behind it', async () => {
    const tenant = newTenant();
    const { audit } = new Catalog(cloud.documents(), TABLES.catalog, tenant);
    for (const target of ['a', 'b', 'c', 'd', 'e']) await audit.append(fact(target), 1);

    const first = await audit.verify(undefined, 2);
    const second = await audit.verify(first.head!, 2);
    const last = await audit.verify(second.head!, 2);
    await cloud.documents().send(
      new DeleteCommand({
        TableName: TABLES.catalog,
        Key: { pk: `TENANT#${tenant}#AUDIT`, sk: 'ENTRY#aud_000000000005' },
      }),
    );

    expect([first, second, last].map(({ entries, has_more: more, valid }) => [entries, more, valid])).toEqual([
      [2, true, true],
      [2, true, true],
      [1, false, true],
    ]);
    expect(last.head?.id).toBe('aud_000000000005');
    expect(await audit.verify()).toMatchObject({ valid: true, entries: 4 });
    expect(await audit.verify(last.head!)).toMatchObject({ valid: false, broken_at: 'aud_000000000005' });
    expect(await audit.verify({ ...second.head!, hash: '0'.repeat(64) })).toMatchObject({ valid: false });
  });

  it('begins anew with the receipt of an erasure, tied to what was before', async () => {
    const { audit } = new Catalog(cloud.documents(), TABLES.catalog, newTenant());
    for (const target of ['a', 'b']) await audit.append(fact(target), 1);
    const { head } = await audit.verify();

    const seq = await audit.append({ actor: 'key_1', action: 'eraseData', target: 't', outcome: 'erased' }, 2);
    await audit.cut(seq);
    await audit.append(fact('c'), 3);
    const { data } = await audit.list({ limit: 10, order: 'ascending' });

    expect(data.map(({ target }) => target)).toEqual(['t', 'c']);
    expect(data[0]?.previous).toBe(head?.hash);
    expect(await audit.verify()).toMatchObject({ valid: true, entries: 2 });
  });
});

describe('a stock', () => {
  it('never holds more than the limit and counts each thing once, whatever fails in between', async () => {
    const dynamo = cloud.documents();

    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.constantFrom(0, 1, 50, 1_000), async (seed, limit) => {
        const random = randomOf(seed);
        const clock = new TestClock(START_MS);
        const [pk, kept] = [`TENANT#${newTenant()}`, new Map<string, number>()];
        const real = new Stock(new Items(dynamo, TABLES.quotas, pk), 'STORED', clock);
        const store = async (id: string, n: number): Promise<void> => {
          // Like an ingestion that is run again until it ends.
          for (let tries = 0; tries < 40; tries++) {
            const { client } = new FaultyProcess(dynamo, { ...FAULTS, arrivesLate: 0 }, random);
            const stock = new Stock(new Items(client, TABLES.quotas, pk), 'STORED', clock);
            try {
              if (!(await stock.take(id, n, limit))) return;
              kept.set(id, n);
              await stock.confirm(id);
              return;
            } catch {
              // It died or failed: again, unless the thing was there already, which is told by its record.
              if (kept.has(id)) return;
            }
          }
        };

        await Promise.all(Array.from({ length: 12 }, (_, i) => store(`ds_${i}`, 1 + Math.floor(random() * 40))));

        const sum = [...kept.values()].reduce((total, n) => total + n, 0);
        expect(await real.used()).toBeLessThanOrEqual(limit);
        expect(await real.used()).toBe(sum);
      }),
      { numRuns: 8, seed: 3 },
    );
  }, 120_000);

  it('tells gigabyte-hours by day from what came and went', async () => {
    const clock = new TestClock(Date.UTC(2026, 10, 22, 18));
    const stock = new Stock(new Items(cloud.documents(), TABLES.quotas, `TENANT#${newTenant()}`), 'STORED', clock);
    const GiB = 2 ** 30;

    // 2 GB from 18:00, 1 GB of it until 06:00 of the next day, the rest until now, 12:00.
    await stock.take('a', 2 * GiB, 10 * GiB);
    clock.advance(12 * 3_600_000);
    await stock.giveBack(GiB);
    clock.advance(6 * 3_600_000);

    expect(await stock.gbHours('2026-11-21', '2026-11-25')).toEqual([
      { day: '2026-11-22', gbHours: 12 },
      { day: '2026-11-23', gbHours: 18 },
    ]);
    expect(await stock.gbHours('2026-11-23', '2026-11-23')).toEqual([{ day: '2026-11-23', gbHours: 18 }]);
  });
});

describe('idempotency keys', () => {
  it('let a request be carried out once: one thing is made and one answer given, though processes die', async () => {
    const dynamo = cloud.documents();

    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const random = randomOf(seed);
        const clock = new TestClock(START_MS);
        const tenantId = newTenant();
        const made = new Set<string>();
        const answers = new Set<string>();
        const request = async (): Promise<void> => {
          const process = new FaultyProcess(dynamo, FAULTS, random);
          const keys = new IdempotencyKeys(process.client, TABLES.quotas, { tenantId, clock });
          try {
            const claim = await keys.claim('k', 'body');
            if (claim.kind === 'done') answers.add(claim.answer);
            if (claim.kind !== 'started') return;
            const id = newId('job', clock, claim.seed);
            made.add(id);
            if (random() < 0.3) return;
            answers.add(await keys.settle('k', id));
          } catch {
            // The client got no answer and tries again.
          } finally {
            await process.deliverLate();
          }
        };

        for (let round = 0; round < 8; round++) {
          await Promise.all(Array.from({ length: 4 }, request));
          // Time enough for the lock of one that died.
          clock.advance(61_000);
        }

        expect(made.size).toBe(1);
        expect(answers.size).toBeLessThanOrEqual(1);
        const other = await new IdempotencyKeys(dynamo, TABLES.quotas, { tenantId, clock }).claim('k', 'another body');
        expect(other.kind).toBe('mismatch');
      }),
      { numRuns: 12, seed: 9 },
    );
  }, 120_000);
});
