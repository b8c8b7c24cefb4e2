/** Datasets several times as large as what their rows may take in memory, sorted by class as the worst case is: they are learned, within that memory. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Metrics } from '../../shared/families/contract.ts';
import { writeDigits, writeGroups } from './block-files.ts';

const ROWS_MEMORY_BYTES = 128e6;
/**
 * Of the process: 230 MB of it are Node, ONNX Runtime and what compiles TypeScript, the rest of what is above the limit waits to be collected. Measured:
 * 442 to 558 MB. Held whole, the rows alone take 942 MB, and the process takes 1,564.
 */
const MAX_PEAK_BYTES = 650e6;

let folder: string;
const digits = () => join(folder, 'digits.bin');
const groups = () => join(folder, 'groups.bin');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blocks-'));
  await writeDigits(digits());
  await writeGroups(groups());
}, 300_000);
afterAll(() => rm(folder, { recursive: true }));

interface Figures {
  readonly bytes: number;
  readonly seconds: number;
  readonly hashes: readonly [string, string];
  readonly metrics: Metrics;
  readonly peak_bytes: number;
}

/** @param memoryBytes without it the rows are held whole */
async function train(family: string, path: string, memoryBytes?: number): Promise<Figures> {
  const limit = memoryBytes === undefined ? [] : [String(memoryBytes)];
  const args = ['--import', 'tsx', 'test/slow/block-process.ts', family, path, ...limit];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const figures = JSON.parse(stdout) as Figures;
  const { bytes, peak_bytes: peak, seconds, metrics } = figures;
  const mb = (value: number): string => `${(value / 1e6).toFixed(0)} MB`;
  console.log(`${family}: ${mb(bytes)} of rows, peak ${mb(peak)}, ${seconds.toFixed(0)} s, ${JSON.stringify(metrics)}`);
  return figures;
}

test('a network is trained on 471 MB of images with 128 MB for rows, the same bytes in one segment and in seven', async () => {
  const { hashes, metrics, peak_bytes: peak } = await train('cnn', digits(), ROWS_MEMORY_BYTES);

  expect(hashes[1]).toBe(hashes[0]);
  expect(metrics['accuracy']).toBeGreaterThan(0.95);
  expect(peak).toBeLessThan(MAX_PEAK_BYTES);
}, 900_000);

describe('470 MB of numbers with 128 MB for rows: the same bytes in one segment and in seven, and the figures of a training in memory', () => {
  test.each([
    ['logistic_regression', ['accuracy', 'loss'], 1e-6],
    ['kmeans', ['inertia'], 1e-4],
  ] as const)(
    '%s',
    async (family, measures, tolerance) => {
      const { hashes, metrics, peak_bytes: peak } = await train(family, groups(), ROWS_MEMORY_BYTES);
      const reference = await train(family, groups());

      expect(hashes[1]).toBe(hashes[0]);
      expect(peak).toBeLessThan(MAX_PEAK_BYTES);
      expect(reference.peak_bytes).toBeGreaterThan(2 * MAX_PEAK_BYTES);
      for (const measure of measures)
        expect(Math.abs(metrics[measure]! / reference.metrics[measure]! - 1)).toBeLessThan(tolerance);
    },
    1_800_000,
  );
});
