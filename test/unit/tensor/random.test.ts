import { describe, expect, test } from '@jest/globals';

import { Random } from '../../../shared/tensor/random.ts';

const mean = (values: ArrayLike<number>): number => Array.from(values).reduce((sum, x) => sum + x, 0) / values.length;

describe('Random', () => {
  test('is xoshiro128++: the numbers that the published C code yields from the state 1 2 3 4', () => {
    const random = Random.fromState([1, 2, 3, 4]);

    const numbers = Array.from({ length: 6 }, () => random.nextUint32());

    expect(numbers).toEqual([641, 1573767, 3222811527, 3517856514, 836907274, 4247214768]);
  });

  test('continues from its state, which survives JSON', () => {
    const random = Random.fromSeed(42);
    random.normal(7);

    const copy = Random.fromState(JSON.parse(JSON.stringify(random.state)) as typeof random.state);

    expect([...copy.normal(9)]).toEqual([...random.normal(9)]);
    expect([...copy.permutation(20)]).toEqual([...random.permutation(20)]);
  });

  test('differs by seed, also where seeds differ beyond 32 bits', () => {
    const first = [0, 1, 2, -1, 2 ** 32, 2 ** 40].map((seed) => Random.fromSeed(seed).nextUint32());

    expect(new Set(first).size).toBe(first.length);
  });

  test('refuses the state from which only zeros follow', () => {
    expect(() => Random.fromState([0, 0, 0, 0])).toThrow('four zeros');
  });

  test('uniform numbers fill their range evenly', () => {
    const values = Random.fromSeed(1).uniform(40_000, -2, 6);

    const quarters = [0, 1, 2, 3].map((q) => values.filter((x) => Math.floor((x + 2) / 2) === q).length);

    expect(Math.min(...values)).toBeGreaterThanOrEqual(-2);
    expect(Math.max(...values)).toBeLessThan(6);
    for (const count of quarters) expect(Math.abs(count - 10_000)).toBeLessThan(400);
  });

  test('normal numbers have the moments of the normal distribution', () => {
    const values = Random.fromSeed(2).normal(40_001, 1, 3);

    const z = values.map((x) => (x - 1) / 3);

    expect(Math.abs(mean(z))).toBeLessThan(0.02);
    expect(Math.abs(mean(z.map((x) => x ** 2)) - 1)).toBeLessThan(0.03);
    expect(Math.abs(mean(z.map((x) => x ** 4)) - 3)).toBeLessThan(0.2);
    expect(Math.abs(z.filter((x) => Math.abs(x) < 1.959964).length / z.length - 0.95)).toBeLessThan(0.005);
  });

  test('a permutation holds every number once, and every order is as likely', () => {
    const random = Random.fromSeed(3);

    const counts = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const order = random.permutation(3).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }

    expect([...counts.keys()].toSorted()).toEqual(['012', '021', '102', '120', '201', '210']);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(130);
  });
});
