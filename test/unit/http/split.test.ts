import { describe, expect, it } from '@jest/globals';
import { chooseVersion } from '../../../shared/http/split.ts';

const split = [
  { version: 3, weight: 9 },
  { version: 4, weight: 1 },
];
const users = Array.from({ length: 5_000 }, (_, i) => `user-${i}`);

describe('chooseVersion', () => {
  it('takes the one version where there is no split', () => {
    expect(chooseVersion(7, { alias: 'm@live' })).toBe(7);
  });

  it('gives versions by their weights', () => {
    const chosen = users.map((user) => chooseVersion({ split, sticky: 'user' }, { alias: 'm@live', user }));
    const byChance = users.map(() => chooseVersion({ split }, { alias: 'm@live' }));

    // Five standard deviations of a binomial of 5,000 at 0.1 are 106.
    for (const versions of [chosen, byChance]) {
      expect(Math.abs(versions.filter((version) => version === 4).length - 500)).toBeLessThan(106);
    }
  });

  it('keeps a user at one version', () => {
    for (const user of users.slice(0, 50)) {
      const first = chooseVersion({ split, sticky: 'user' }, { alias: 'm@live', user });

      expect(chooseVersion({ split, sticky: 'user' }, { alias: 'm@live', user })).toBe(first);
    }
  });

  it('moves only those users whose version lost weight', () => {
    const shifted = [
      { version: 3, weight: 8 },
      { version: 4, weight: 2 },
    ];
    const by = (user: string) => ({ alias: 'm@live', user });

    for (const user of users) {
      const before = chooseVersion({ split, sticky: 'user' }, by(user));
      const after = chooseVersion({ split: shifted, sticky: 'user' }, by(user));

      if (before === 4) expect(after).toBe(4);
    }
  });

  it('splits the users of two aliases independently', () => {
    const half = [
      { version: 1, weight: 1 },
      { version: 2, weight: 1 },
    ];
    const same = users.filter(
      (user) =>
        chooseVersion({ split: half, sticky: 'user' }, { alias: 'm@a', user }) ===
        chooseVersion({ split: half, sticky: 'user' }, { alias: 'm@b', user }),
    );

    expect(Math.abs(same.length - 2_500)).toBeLessThan(180);
  });
});
