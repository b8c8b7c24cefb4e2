/** A few hundred broken files of every format; test/slow reads tens of thousands. */
import { expect, test } from '@jest/globals';
import { READERS, surveyReader } from '../../fuzz/readers.ts';
import type { ReaderName } from '../../fuzz/readers.ts';

test.each(Object.keys(READERS) as ReaderName[])(
  'every broken %s file is read, or refused with a reason',
  async (name) => {
    const { faults, read } = await surveyReader(name, 300, 1);

    expect(faults).toEqual([]);
    // Otherwise the files would be broken beyond what tests anything.
    expect(read).toBeGreaterThan(5);
  },
);
