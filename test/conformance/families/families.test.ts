/** Every registered family through one suite. */
import { describe, expect, test } from '@jest/globals';
import { FAMILIES } from '../../../shared/families/registry.ts';
import { CASES } from './cases.ts';
import { checkFamily } from './check-family.ts';

test('every family has a case for each of its tasks', () => {
  const needed = FAMILIES.flatMap(({ name, tasks }) => tasks.map((task) => `${name} ${task}`));

  expect(new Set(CASES.map(({ family, task }) => `${family} ${task}`))).toEqual(new Set(needed));
});

for (const subject of CASES) {
  describe(`${subject.family}, ${subject.task}, ${JSON.stringify(subject.spec.params)}`, () => checkFamily(subject));
}
