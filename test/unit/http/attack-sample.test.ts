/** A short attack leaves no route out, and short attacks in a row leave nothing out. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Attempt } from '../../../scripts/attack/attempt.ts';
import { sampled } from '../../../scripts/attack/sample.ts';
import { TARGETS } from '../../../scripts/attack/slots.ts';

const request = { method: 'GET', path: '/', key: null };

/** So many attempts on each of the first routes. */
function attemptsOf(counts: readonly number[]): readonly Attempt[] {
  return counts.flatMap((count, nth) =>
    Array.from({ length: count }, (_, i) => ({ label: `${nth}/${i}`, target: TARGETS[nth]!, request })),
  );
}

const someCounts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: TARGETS.length });
const aSample = fc.record({ perRoute: fc.integer({ min: 1, max: 5 }), seed: fc.nat(30_000) });

describe('a sample of attempts', () => {
  it('has as many of every route as it was asked for, or all that there are', () => {
    fc.assert(
      fc.property(someCounts, aSample, (counts, sample) => {
        const chosen = sampled(attemptsOf(counts), sample);

        const perRoute = counts.map((_, nth) => chosen.filter(({ target }) => target === TARGETS[nth]).length);
        expect(perRoute).toEqual(counts.map((count) => Math.min(count, sample.perRoute)));
      }),
    );
  });

  it('takes everything in turn', () => {
    fc.assert(
      fc.property(someCounts, aSample, (counts, { perRoute, seed }) => {
        const all = attemptsOf(counts);
        const runs = Math.ceil(Math.max(...counts) / perRoute);

        const labels = Array.from({ length: runs }, (_, run) => sampled(all, { perRoute, seed: seed + run }));

        expect(new Set(labels.flat().map(({ label }) => label)).size).toBe(all.length);
      }),
    );
  });

  it('has some of what is of no route', () => {
    const raw = Array.from({ length: 41 }, (_, i) => ({ label: String(i), request: { raw: 'x' } }));

    expect(sampled(raw, { perRoute: 2, seed: 0 })).toHaveLength(10);
  });
});
