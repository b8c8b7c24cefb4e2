/** Every right of the templates is taken away in turn, and its feature meets AccessDenied. */
import { expect, test } from '@jest/globals';
import { keyOfTenant } from '../../scripts/local.ts';
import { useTenon } from '../e2e/tenon.ts';
import { grantsOf, refusalWithout } from '../grants/grants.ts';
import { journey } from '../grants/journey.ts';
import { UNUSED } from '../grants/unused.ts';

const tenon = useTenon();

test('without any one of its rights the service meets AccessDenied', async () => {
  const needed = grantsOf(tenon.cloud).filter(({ title }) => !UNUSED.some(([pattern]) => pattern.test(title)));
  const kept: string[] = [];
  const reasons = new Set<string>();
  for (const [index, grant] of needed.entries()) {
    const name = `grant-${index}-${Date.now() % 1e6}`;
    // Warm environments have their tenant's credentials already; a tenant of its own gets new ones.
    const key = grant.action.startsWith('sts:')
      ? await keyOfTenant(tenon.cloud.lambdaUrl, `tenant-${name}`, 'standard')
      : tenon.key('a');
    const because = await refusalWithout(tenon.cloud, grant, () => journey(tenon, name, key));
    if (because === undefined) kept.push(grant.title);
    else reasons.add(because.replace(grant.action, '<action>'));
  }

  console.log(`${needed.length} rights taken away in turn`);
  expect(kept).toEqual([]);
  const [policy, trust] = ['identity', 'resource'].map(
    (kind) => `because no ${kind}-based policy allows the <action> action`,
  );
  expect([...reasons].sort()).toEqual([policy, trust]);
}, 3_600_000);
