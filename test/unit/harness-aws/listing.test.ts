/** Listing against a model: whatever the page size, the pages together are the grouped, sorted keys. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { listKeys } from '../../../harness/aws/s3/listing.ts';
import { compareUtf8, SortedKeys } from '../../../harness/aws/s3/sorted-keys.ts';
import type { Bucket } from '../../../harness/aws/s3/bucket.ts';

const keyText = fc.string({
  unit: fc.constantFrom('a', 'b', '/', '-', 'é', '\u{ff5a}', '\u{1f600}'),
  minLength: 1,
  maxLength: 6,
});

/** Keys and common prefixes by their definition, in the order of their bytes. */
function model(keys: readonly string[], prefix: string, delimiter: string, after: string): string[] {
  const bytes = (text: string) => Buffer.from(text);
  const entries = keys
    .filter((key) => key.startsWith(prefix) && Buffer.compare(bytes(key), bytes(after)) > 0)
    .map((key) => {
      const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
      return cut < 0 ? `key ${key}` : `prefix ${key.slice(0, cut + delimiter.length)}`;
    });
  return [...new Set(entries)].sort();
}

describe('listKeys', () => {
  it('gives every entry once, over pages of any size', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(keyText, { maxLength: 40 }),
        fc.constantFrom('', 'a', 'a/', 'b-'),
        fc.constantFrom('', '/', 'ab'),
        fc.option(keyText, { nil: '' }),
        fc.integer({ min: 1, max: 5 }),
        (names, prefix, delimiter, startAfter, maxKeys) => {
          const keys = new SortedKeys();
          keys.addAll(names);
          const bucket = { keys, get: (key: string) => ({ key }) } as unknown as Bucket;
          const found: string[] = [];
          let from: { after: string; afterPrefix?: string | undefined } = { after: startAfter };
          for (;;) {
            const page = listKeys(bucket, { prefix, delimiter, maxKeys, ...from });
            expect(page.contents.length + page.commonPrefixes.length).toBeLessThanOrEqual(maxKeys);
            found.push(
              ...page.contents.map((meta) => `key ${meta.key}`),
              ...page.commonPrefixes.map((common) => `prefix ${common}`),
            );
            if (!page.isTruncated) break;
            from = { after: page.last!.key, afterPrefix: page.last!.isPrefix ? page.last!.key : undefined };
          }

          expect(found.sort()).toEqual(model(names, prefix, delimiter, startAfter));
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('SortedKeys', () => {
  it('are in the order of UTF-8 bytes after any additions and removals', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(keyText, fc.boolean())), (changes) => {
        const sorted = new SortedKeys();
        const expected = new Set<string>();
        for (const [key, isAdded] of changes) {
          if (isAdded) {
            sorted.add(key);
            expected.add(key);
          } else {
            sorted.delete(key);
            expected.delete(key);
          }
        }

        const got = Array.from({ length: sorted.size }, (_, index) => sorted.at(index)!);
        expect(got).toEqual([...expected].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
      }),
    );
  });

  it('compare as bytes do', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (a, b) => {
        expect(Math.sign(compareUtf8(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
      { numRuns: 1000 },
    );
  });
});
