import { describe, expect, it } from '@jest/globals';
import { ID_PATTERNS, newId } from '../../../shared/tenancy/ids.ts';
import { builtInLimits } from '../../../shared/tenancy/plan.ts';
import { LAMBDA_GB_SECOND_USD, meter } from '../../../shared/tenancy/price.ts';

describe('ids', () => {
  it('sort by the time they were made', () => {
    const ids = [1, 1000, 1_700_000_000_000, 1_800_000_000_000].map((ms) => newId('ds', { nowMs: () => ms }));

    expect(ids.toSorted()).toEqual(ids);
    for (const id of ids) expect(id).toMatch(ID_PATTERNS.ds);
  });

  it('differ within one millisecond', () => {
    const ids = Array.from({ length: 1000 }, () => newId('job', { nowMs: () => 5 }));

    expect(new Set(ids).size).toBe(1000);
  });
});

describe('meter', () => {
  it('prices a GB-second as AWS does', () => {
    // 100 s at 2 GB on arm64: 200 GB-s * $0.0000133334
    expect(meter(100, 2048, LAMBDA_GB_SECOND_USD.arm64)).toEqual({ seconds: 100, gb_seconds: 200, usd: 0.00266668 });
  });
});

describe('plans', () => {
  it('name an unknown plan and the known ones', () => {
    expect(() => builtInLimits('gold')).toThrow('unknown plan "gold": expected one of free, standard, dedicated');
  });
});
