/** Every S3 operation of the table is called by a test of this folder, through the SDK's command of its name. */
import { expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { S3_OPERATIONS } from '../../../harness/aws/s3/operations/index.ts';

const source = readdirSync(__dirname)
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => readFileSync(join(__dirname, name), 'utf8'))
  .join('\n');

it.each(S3_OPERATIONS.map((operation) => operation.name))('%s', (name) => {
  // A browser's form is not in the SDK.
  const call = name === 'PostObject' ? "method: 'POST', body: form" : `new ${name}Command(`;

  expect(source.includes(call)).toBe(true);
});
