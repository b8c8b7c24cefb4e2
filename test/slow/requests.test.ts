/** More than 20,000 requests made of the specifications, to every operation alike. FUZZ_SEED makes others. */
import { expect, it } from '@jest/globals';
import { TARGETS } from '../../scripts/attack/slots.ts';
import { fuzzRequests } from '../fuzz/fuzz-requests.ts';

const PER_OPERATION = Math.ceil(20_500 / TARGETS.length);
const seed = Number(process.env['FUZZ_SEED'] ?? 2);
const statuses = fuzzRequests({ perOperation: PER_OPERATION, seed, timeoutMs: 600_000 });

it('sends more than 20,000, and reaches the code of every operation', () => {
  const answers = [...statuses].map(([operation, counts]) => ({ operation, ...Object.fromEntries(counts) }));
  console.table(answers);

  const total = [...statuses.values()].flatMap((counts) => [...counts.values()]).reduce((sum, n) => sum + n, 0);
  expect(total).toBeGreaterThan(20_000);
  expect([...statuses].filter(([, counts]) => !counts.has(200) && !counts.has(201) && !counts.has(202))).toEqual([]);
});
