/** The documents say what the code does. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ERROR_CODES } from '../../shared/errors.ts';
import { FAMILIES } from '../../shared/families/registry.ts';

const read = (file: string): string => readFileSync(file, 'utf8');
const DOCUMENTS = ['README.md', 'SECURITY.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'bench/README.md', 'docs/errors.md', 'docs/explanations.md'];

describe('docs/errors.md', () => {
  it('lists every code with its status, and no other', () => {
    const rows = [...read('docs/errors.md').matchAll(/^\| `(\w+)` \| (\d+) \|/gm)].map(([, code, status]) => [
      code,
      Number(status),
    ]);

    expect(rows).toEqual(Object.entries(ERROR_CODES).map(([code, [status]]) => [code, status]));
  });
});

describe('README.md', () => {
  it('lists every family', () => {
    for (const { name } of FAMILIES) expect(read('README.md')).toContain(`\`${name}\``);
  });

  it('names only npm scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = DOCUMENTS.flatMap((file) =>
      [...read(file).matchAll(/npm run ([\w:]+)/g)].map(([, script]) => script ?? ''),
    );

    expect(named.filter((script) => !(script in scripts))).toEqual([]);
  });
});

describe('SECURITY.md', () => {
  it('names only tests that exist', () => {
    const named = [...read('SECURITY.md').matchAll(/`(test\/[\w./-]+)`/g)].map(([, file]) => file ?? '');

    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((file) => !existsSync(file))).toEqual([]);
  });
});

describe('links', () => {
  it.each(DOCUMENTS)('of %s lead somewhere', (file) => {
    const targets = [...read(file).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, target]) => target ?? '');

    expect(targets.filter((target) => !existsSync(join(dirname(file), target)))).toEqual([]);
  });
});
