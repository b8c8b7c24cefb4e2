/** npm run tenants: what is no number is refused before anything is asked of the service, by the option's name and what was given. */
import { spawnSync } from 'node:child_process';
import { expect, it } from '@jest/globals';

it.each([
  [['create-key', 'acme', '--expires-in-days', 'abc'], "'--expires-in-days <days>' argument 'abc' is invalid"],
  [['rotate-key', 'acme', 'key_1', '--grace-hours', ''], "'--grace-hours <hours>' argument '' is invalid"],
  [['put-plan', 'own', '--burst', '1e999'], "'--burst <n>' argument '1e999' is invalid"],
])('%j names what was given', (args, message) => {
  const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', 'scripts/tenants.ts', ...args], {
    encoding: 'utf8',
  });

  expect(status).toBe(1);
  expect(stderr).toContain(message);
});
