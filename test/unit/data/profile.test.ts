import { expect, test } from '@jest/globals';
import { readCsv } from '../../../shared/data/csv.ts';
import { profile } from '../../../shared/data/profile.ts';

test('a profile counts what is missing and distinct, and gives the statistics of each type', async () => {
  const table = await readCsv(
    new TextEncoder().encode('n,flag,city\n2,true,Rome\n4,false,Rome\n4,true,Oslo\n,true,\n6,,Rome\n'),
  );

  const columns = profile({
    rows: 5,
    columns: [
      ...table.columns,
      { name: 'image', type: 'tensor', shape: [2], values: Uint8Array.of(0, 9, 0, 9, 3, 3, 0, 9, 9, 0) },
    ],
  });

  expect(columns).toEqual([
    { name: 'n', type: 'integer', missing: 1, unique: 3, min: 2, max: 6, mean: 4, std: Math.SQRT2 },
    {
      name: 'flag',
      type: 'boolean',
      missing: 1,
      unique: 2,
      top: [
        { value: true, count: 3 },
        { value: false, count: 1 },
      ],
    },
    {
      name: 'city',
      type: 'category',
      missing: 1,
      unique: 2,
      top: [
        { value: 'Rome', count: 3 },
        { value: 'Oslo', count: 1 },
      ],
    },
    {
      name: 'image',
      type: 'tensor',
      missing: 0,
      unique: 3,
      min: 0,
      max: 9,
      mean: 4.2,
      std: expect.closeTo(Math.sqrt(16.56), 12),
      shape: [2],
    },
  ]);
});
