/** An erasure that has to be asked for again and again, because its time is up every few calls. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Erasure } from '../../../shared/resources/audit.ts';
import { erase } from '../../../shared/workflows/erase.ts';
import { Service } from '../../fuzz/service.ts';
import { TENANT, makeThings } from '../../fuzz/things.ts';
import type { Things } from '../../fuzz/things.ts';

let service: Service;
let things: Things;
beforeAll(async () => {
  service = await Service.start();
  things = await makeThings(service);
});
afterAll(() => service.stop());

function lengths({ destroyed }: Erasure): Record<string, number> {
  const entries = Object.entries(destroyed).filter(([, some]) => typeof some !== 'number');
  return Object.fromEntries(entries.map(([kind, some]) => [kind, (some as string[]).length]));
}

describe('an erasure in many requests', () => {
  it('comes to its end, and its receipt lists what all of them destroyed', async () => {
    const stores = service.storesOf(TENANT);
    for (let i = 0; i < 120; i++)
      await stores.catalog.audit.append({ actor: 'key_1', action: 'x', target: 'x', outcome: 'succeeded' }, 1);
    // Each look at the clock takes a millisecond; after sixteen the time is up.
    let nowMs = Date.now();
    const clock = { nowMs: () => nowMs++ };
    const eraseSome = () => erase(stores, { tenantId: TENANT, actor: 'key_1', clock, deadlineMs: nowMs + 16 });

    const receipts: Erasure[] = [await eraseSome()];
    while (receipts.at(-1)!.status === 'running') receipts.push(await eraseSome());

    const { destroyed } = receipts.at(-1)!;
    expect(receipts.length).toBeGreaterThan(2);
    expect(destroyed.datasets).toEqual(expect.arrayContaining([things.dataset, things.waiting]));
    expect(destroyed.datasets).toHaveLength(3);
    expect(destroyed.jobs).toHaveLength(5);
    expect(destroyed.models.toSorted()).toEqual(['flowers', 'spare', 'versions']);
    expect(destroyed.model_versions.toSorted()).toEqual([
      'flowers:1',
      'flowers:2',
      'spare:1',
      'versions:1',
      'versions:2',
    ]);
    // Of the makers of things each wrote two entries.
    expect(destroyed.audit_entries).toBeGreaterThanOrEqual(120 + 12);
    expect(await stores.catalog.audit.verify()).toMatchObject({ valid: true, entries: 1 });
    // The answer was lost, and the request is sent again: the receipt stands, without a name or an id that could be read.
    const again = await eraseSome();
    const hashed = createHash('sha256').update(things.dataset).digest('base64url');
    expect(again.destroyed.datasets).toContain(hashed);
    expect({ ...again, destroyed: { ...again.destroyed, ...lengths(again) } }).toMatchObject({
      ...{ status: 'done', created_at: receipts.at(-1)!.created_at, finished_at: receipts.at(-1)!.finished_at },
      destroyed: { ...destroyed, ...lengths(receipts.at(-1)!) },
    });
    expect(JSON.stringify(again)).not.toMatch(/flowers|ds_|job_/);
    expect(await stores.catalog.audit.verify()).toMatchObject({ valid: true, entries: 1 });
  });

  it('of what was stored since has a receipt of its own', async () => {
    const stores = service.storesOf(TENANT);
    await stores.objects.put('datasets/new/x', 'x');
    const clock = { nowMs: Date.now };

    const receipt = await erase(stores, { tenantId: TENANT, actor: 'key_1', clock, deadlineMs: Infinity });

    expect(receipt).toMatchObject({ status: 'done', destroyed: { objects: 1, datasets: [] } });
  });
});
