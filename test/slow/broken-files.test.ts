/** 60,000 broken files: none crashes the process, takes longer than a second, or more memory than stated. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { READERS } from '../fuzz/readers.ts';
import type { Survey } from '../fuzz/readers.ts';

const FILES = 12_000;
const FIRST_SEED = 1_000_000;
/** Of the whole process: Node with the readers takes about 130 MB itself. */
const MAX_PEAK_BYTES = 512 * 2 ** 20;
const MAX_MS = 2_000;

test.each(Object.keys(READERS))(
  'every broken %s file is read, or refused with a reason',
  async (name) => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', 'test/fuzz/survey-process.ts', name, String(FILES), String(FIRST_SEED)],
      { maxBuffer: 2 ** 26, timeout: 900_000 },
    );

    const survey = JSON.parse(stdout) as Survey & { peak_bytes: number };
    console.log(
      `${name}: ${survey.read} of ${survey.files} read, slowest ${survey.slowestMs.toFixed(0)} ms, peak ${(survey.peak_bytes / 1e6).toFixed(0)} MB`,
    );
    expect(survey.faults).toEqual([]);
    expect(survey.slowestMs).toBeLessThan(MAX_MS);
    expect(survey.peak_bytes).toBeLessThan(MAX_PEAK_BYTES);
  },
  1_000_000,
);
