import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { splitRows } from '../../../shared/data/split.ts';

const classList = fc.array(fc.nat(4), { minLength: 2, maxLength: 200 });
const fraction = fc.double({ min: 0, max: 0.9, noNaN: true });

describe('splitting rows', () => {
  test('puts every row on exactly one side, in order, by the seed alone', () => {
    fc.assert(
      fc.property(classList, fraction, fc.nat(), (classes, share, seed) => {
        const values = Int32Array.from(classes);
        const split = splitRows(classes.length, share, { seed, classes: values });
        const all = [...split.train, ...split.validation].sort((a, b) => a - b);

        expect(all).toEqual(classes.map((_, row) => row));
        expect([...split.train]).toEqual([...split.train].sort((a, b) => a - b));
        expect(splitRows(classes.length, share, { seed, classes: values })).toEqual(split);
      }),
      { seed: 1 },
    );
  });

  test('keeps a training row of every class, and gives each its share to within one row', () => {
    fc.assert(
      fc.property(classList, fraction, (classes, share) => {
        const { train, validation } = splitRows(classes.length, share, { seed: 0, classes: Int32Array.from(classes) });
        for (const label of new Set(classes)) {
          const size = classes.filter((value) => value === label).length;
          const held = [...validation].filter((row) => classes[row] === label).length;
          expect([...train].some((row) => classes[row] === label)).toBe(true);
          // A single class may take up what classes of one row cannot give.
          expect(held).toBeLessThanOrEqual(
            Math.ceil((size * Math.max(1, share * classes.length)) / classes.length) + 1,
          );
        }
      }),
      { seed: 2 },
    );
  });

  test('holds a fifth of 150 balanced rows: ten of each class', () => {
    const classes = Int32Array.from({ length: 150 }, (_, row) => row % 3);

    const { train, validation } = splitRows(150, 0.2, { seed: 9, classes });

    expect(train).toHaveLength(120);
    expect([0, 1, 2].map((label) => validation.filter((row) => row % 3 === label).length)).toEqual([10, 10, 10]);
  });

  test('holds nothing at fraction 0 or of one row, and differs by seed', () => {
    expect(splitRows(10, 0, { seed: 1 }).validation).toHaveLength(0);
    expect(splitRows(1, 0.5, { seed: 1 }).validation).toHaveLength(0);
    expect(splitRows(100, 0.2, { seed: 1 }).validation).not.toEqual(splitRows(100, 0.2, { seed: 2 }).validation);
  });
});
