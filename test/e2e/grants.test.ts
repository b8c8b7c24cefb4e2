/** Least privilege, both ways: no right of the templates is unused, and without a right its feature meets AccessDenied. test/slow takes away every one. */
import { describe, expect, it } from '@jest/globals';
import { grantsOf, refusalWithout, usedGrants } from '../grants/grants.ts';
import { journey } from '../grants/journey.ts';
import { UNUSED } from '../grants/unused.ts';
import { useTenon } from './tenon.ts';

const tenon = useTenon();

describe('the rights of the templates', () => {
  it('are all used, but for those with a written reason', async () => {
    const used = await usedGrants(tenon.cloud, () => journey(tenon, 'journey-used'));

    const unused = grantsOf(tenon.cloud).filter(({ title }) => !used.has(title));
    const reasons = UNUSED.map(([pattern]) => pattern);
    expect(unused.map(({ title }) => title).filter((title) => !reasons.some((reason) => reason.test(title)))).toEqual(
      [],
    );
  }, 300_000);

  it.each([
    /Control.*: dynamodb:PutItem/,
    /Control.*: s3:PutObject/,
    /TenantRole.*: dynamodb:UpdateItem/,
    /Admin.*: dynamodb:Query/,
  ])(
    'are needed: %s',
    async (pattern) => {
      const grants = grantsOf(tenon.cloud).filter(({ title }) => pattern.test(title));
      const [grant] = grants;

      const because = await refusalWithout(tenon.cloud, grant!, () => journey(tenon, `without-${Date.now() % 1e9}`));

      expect(because).toBe(`because no identity-based policy allows the ${grant!.action} action`);
    },
    300_000,
  );
});
