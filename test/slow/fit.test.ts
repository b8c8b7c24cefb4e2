/** The reference CNN on 60,000 images, the size of MNIST, within a gigabyte: pixels stay bytes until their batch. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { mnist } from '../fixtures/data-sets.ts';

const ROWS = 60_000;
const PIXELS = 28 * 28;
const MAX_PEAK_BYTES = 2 ** 30;

/** The digits of the npm package over and over: images, then labels, a byte each. */
function manyDigits(): Uint8Array {
  const { columns, rows } = mnist().train;
  const [images, labels] = columns;
  const bytes = new Uint8Array(ROWS * (PIXELS + 1));
  for (let row = 0; row < ROWS; row++) {
    const from = row % rows;
    bytes.set((images!.values as Uint8Array).subarray(from * PIXELS, (from + 1) * PIXELS), row * PIXELS);
    bytes[ROWS * PIXELS + row] = Number(labels!.values[from]);
  }
  return bytes;
}

test('trains the reference CNN on 60,000 images of 28 x 28 with less than 1 GB', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'digits-'));
  await writeFile(join(folder, 'digits.bin'), manyDigits());

  const args = ['--import', 'tsx', 'test/slow/fit-process.ts', join(folder, 'digits.bin')];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  await rm(folder, { recursive: true });

  const {
    status,
    metrics,
    peak_bytes: peakBytes,
  } = JSON.parse(stdout) as {
    status: string;
    metrics: { validation: { accuracy: number } };
    peak_bytes: number;
  };
  console.log(`peak resident memory: ${(peakBytes / 1e6).toFixed(0)} MB for ${ROWS} images`);
  expect(status).toBe('finished');
  expect(metrics.validation.accuracy).toBeGreaterThan(0.97);
  expect(peakBytes).toBeLessThan(MAX_PEAK_BYTES);
}, 900_000);
