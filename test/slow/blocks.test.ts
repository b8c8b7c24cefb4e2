/** A dataset several times as large as what its rows may take in memory, sorted by class as the worst case is: it is learned, within that memory. */
import { execFile } from 'node:child_process';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { mnist } from '../fixtures/data-sets.ts';

const PIXELS = 28 * 28;
/** Each of the digits so often: 600,000 of them, 471 MB as stored and as much again encoded. */
const TIMES = 75;
const ROWS_MEMORY_BYTES = 128e6;
/** Of the process: 230 MB of it are Node, ONNX Runtime and what compiles TypeScript, the rest of what is above the limit waits to be collected. Held whole, the rows alone take 942 MB. */
const MAX_PEAK_BYTES = 550e6;

/** The digits in the order of their classes: all images, then all labels. */
async function writeDigits(path: string): Promise<void> {
  const { columns, rows } = mnist().train;
  const [pictures, labels] = columns;
  const pixels = pictures!.values as Uint8Array;
  const classes = Map.groupBy(
    Array.from({ length: rows }, (_, row) => row),
    (row) => Number(labels!.values[row]),
  );
  const file = await open(path, 'w');
  for (const members of classes.values()) {
    const images = members.map((row) => pixels.subarray(row * PIXELS, (row + 1) * PIXELS));
    for (let time = 0; time < TIMES; time++) await file.write(Buffer.concat(images));
  }
  for (const [label, { length }] of classes) await file.write(Buffer.alloc(TIMES * length, label));
  await file.close();
}

test('trains on 471 MB of images with 128 MB for rows, the same bytes in one segment and in seven', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'blocks-'));
  const path = join(folder, 'digits.bin');
  await writeDigits(path);

  const args = ['--import', 'tsx', 'test/slow/block-process.ts', path, String(ROWS_MEMORY_BYTES)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  await rm(folder, { recursive: true });

  const {
    bytes,
    hashes,
    accuracy,
    peak_bytes: peak,
  } = JSON.parse(stdout) as {
    bytes: number;
    hashes: [string, string];
    accuracy: number;
    peak_bytes: number;
  };
  console.log(`${(bytes / 1e6).toFixed(0)} MB of rows, peak ${(peak / 1e6).toFixed(0)} MB, accuracy ${accuracy}`);
  expect(hashes[1]).toBe(hashes[0]);
  expect(accuracy).toBeGreaterThan(0.95);
  expect(peak).toBeLessThan(MAX_PEAK_BYTES);
}, 900_000);
