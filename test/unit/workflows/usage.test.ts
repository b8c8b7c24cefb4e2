/** The report of usage: whatever it is grouped by, its rows are the bill to the last nano-dollar. */
import fc from 'fast-check';
import { describe, expect, it } from '@jest/globals';
import type { Stock } from '../../../shared/stores/stock.ts';
import type { DatedEntry, Usage } from '../../../shared/stores/usage.ts';
import { pricesAtCost } from '../../../shared/tenancy/price.ts';
import { reportUsage } from '../../../shared/workflows/usage.ts';

const PRICES = { prices: [pricesAtCost(0.00001)], nowMs: Date.UTC(2026, 10, 30) };
const SPAN = { from: '2026-11-01', to: '2026-11-30' };

/** Seconds of jobs come in thousandths. */
const entries: fc.Arbitrary<DatedEntry[]> = fc.array(
  fc.record({
    day: fc.integer({ min: 1, max: 30 }).map((day) => `2026-11-${String(day).padStart(2, '0')}`),
    model: fc.constantFrom('a', 'b', 'c'),
    key: fc.constantFrom('key_1', 'key_2'),
    price_version: fc.constant(0),
    requests: fc.nat(1_000),
    predictions: fc.nat(100_000),
    inference_gb_seconds: fc.constant(0),
    training_gb_seconds: fc.nat(100_000_000).map((milli) => milli / 1000),
    nano_usd: fc.nat(2 ** 31 - 1),
  }),
  { maxLength: 200 },
);

describe('the report of usage', () => {
  it.each(['day', 'model', 'key'] as const)(
    'by %s adds up to the bill exactly, and shows no binary noise',
    async (by) => {
      await fc.assert(
        fc.asyncProperty(entries, async (used) => {
          const stores = {
            usage: { between: async () => used } as unknown as Usage,
            storedBytes: { gbHours: async () => [] } as unknown as Stock,
          };

          const rows = await reportUsage({ ...SPAN, group_by: by }, stores, PRICES);

          const total = (of: readonly number[], unit: number): bigint =>
            of.reduce((sum, amount) => sum + BigInt(Math.round(amount * unit)), 0n);
          const nano = used.reduce((sum, entry) => sum + BigInt(entry.nano_usd), 0n);
          expect(
            total(
              rows.map(({ usd }) => usd),
              1e9,
            ),
          ).toBe(nano);
          const seconds = rows.map((row) => row.training_gb_seconds);
          expect(total(seconds, 1000)).toBe(
            total(
              used.map((entry) => entry.training_gb_seconds),
              1000,
            ),
          );
          for (const amount of seconds) expect(String(amount)).toMatch(/^\d+(\.\d{1,3})?$/);
        }),
        { seed: 7, numRuns: 100 },
      );
    },
  );
});
