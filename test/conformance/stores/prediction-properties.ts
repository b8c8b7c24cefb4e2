/** What must hold of every scenario, and scenarios of all kinds. */
import fc from 'fast-check';
import { expect } from '@jest/globals';
import type { Outcome, Scenario } from './prediction-model.ts';

export function scenarios({ callers, waves }: { callers: number; waves: number }): fc.Arbitrary<Scenario> {
  const part = (most: number): fc.Arbitrary<number> => fc.constantFrom(0, most / 4, most);
  return fc.record({
    seed: fc.integer(),
    limit: fc.constantFrom(0, 7, 100, 1_000, 1_000_000),
    environments: fc.integer({ min: 1, max: 8 }),
    callers: fc.constant(callers),
    waves: fc.constant(waves),
    areKeptAwake: fc.boolean(),
    faults: fc.record({
      fails: part(0.2),
      losesAnswer: part(0.2),
      doubles: part(0.3),
      arrivesLate: part(0.3),
      dies: part(0.03),
    }),
  });
}

export function checkOutcome({ limit }: Scenario, outcome: Outcome): void {
  const { used, begun, served, billed, billedOfLiving, died, free } = outcome;
  const end = used.at(-1)!;
  // The limit holds at every moment, for what is counted and for what was done.
  expect(Math.max(...used)).toBeLessThanOrEqual(limit);
  expect(begun).toBeLessThanOrEqual(end);
  // Billed is what was served: all of it where nobody died, and never more than was done.
  expect(billedOfLiving).toBe(served);
  expect(billed).toBeLessThanOrEqual(begun);
  if (died === 0) expect([begun, billed, end]).toEqual([served, served, served]);
  // What is not used can be had again, also what the dead had leased.
  expect(free).toBe(limit - end);
}
