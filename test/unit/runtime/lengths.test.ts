/** Which runs are taken for short ones, by what was measured of others. */
import { describe, expect, it } from '@jest/globals';
import { Lengths, measuredOf } from '../../../shared/runtime/lengths.ts';

const row = (length: number): { x: number[] }[] => [{ x: new Array<number>(length).fill(0) }];

describe('a row', () => {
  it('is short up to the size of which the square of the growth stays within five seconds', () => {
    const lengths = new Lengths({ first: { size: 100, ms: 50 }, isForeseeable: true });

    // 50 ms * 10^2 = 5 s.
    expect([1, 100, 1_000, 1_001].map((size) => lengths.mayBeLong(row(size)))).toEqual([false, false, false, true]);
  });

  it('is judged by the largest that was measured, and each of several rows by itself', () => {
    const lengths = new Lengths({ first: { size: 100, ms: 50 }, isForeseeable: true });
    lengths.note([...row(2_000), ...row(2_000)], 400);
    lengths.note(row(10), 4_000);

    // 200 ms * 5^2 = 5 s.
    expect([10_000, 10_001].map((size) => lengths.mayBeLong(row(size)))).toEqual([false, true]);
    expect(lengths.mayBeLong([...row(1), ...row(10_001)])).toBe(true);
    expect([1_999, 2_000].map((size) => lengths.leastMs(row(size)))).toEqual([0, 200]);
  });

  it('may be long where nothing is known, or where loops turn as the values say', () => {
    const unknown = new Lengths({ isForeseeable: true });
    const looping = new Lengths({ first: { size: 100, ms: 1 }, isForeseeable: false });

    expect([unknown.mayBeLong(row(1)), looping.mayBeLong(row(1))]).toEqual([true, true]);
    unknown.note(row(8), 3);
    looping.note(row(8), 3);
    expect([unknown.mayBeLong(row(8)), looping.mayBeLong(row(8))]).toEqual([false, true]);
    expect([unknown.leastMs(row(8)), looping.leastMs(row(100))]).toEqual([3, 0]);
  });

  it('may be long however short the trial was, whose time is rounded', () => {
    const lengths = new Lengths({ first: measuredOf([[1, 10]], 0), isForeseeable: true });

    // 0.5 ms * 100^2 = 5 s.
    expect([1_000, 1_001].map((size) => lengths.mayBeLong(row(size)))).toEqual([false, true]);
  });

  it('has the size of all that is in it: numbers in arrays, characters of texts', () => {
    const lengths = new Lengths({ first: { size: 12, ms: 5_000 }, isForeseeable: true });
    const picture = Array.from({ length: 2 }, () => [1, 2, 3]);

    expect(lengths.mayBeLong([{ picture, text: 'abcde', one: 1 }])).toBe(false);
    expect(lengths.mayBeLong([{ picture, text: 'abcdef', one: 1 }])).toBe(true);
    expect(lengths.mayBeLong(['abcdefghijkl'])).toBe(false);
  });
});
