/** Every right of the templates is taken away in turn, and its feature meets AccessDenied. */
import { expect, test } from '@jest/globals';
import { useTenon } from '../e2e/tenon.ts';
import { grantsOf, refusalWithout } from '../grants/grants.ts';
import { journey } from '../grants/journey.ts';
import { UNUSED } from '../grants/unused.ts';

const tenon = useTenon();

test('without any one of its rights the service meets AccessDenied', async () => {
  const needed = grantsOf(tenon.cloud).filter(({ title }) => !UNUSED.some(([pattern]) => pattern.test(title)));
  const kept: string[] = [];
  for (const [index, grant] of needed.entries()) {
    const because = await refusalWithout(tenon.cloud, grant, () =>
      journey(tenon, `grant-${index}-${Date.now() % 1e6}`),
    );
    if (because === undefined) kept.push(grant.title);
  }

  console.log(`${needed.length} rights taken away in turn`);
  expect(kept).toEqual([]);
}, 3_600_000);
